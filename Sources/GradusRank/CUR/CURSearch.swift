import GradusCore
import GradusIndex
import GradusTensor

/// ANNCUR under a budget of scorer calls a query, as a first stage.
///
///     let search = CURSearch(retriever, budget: 100, rounds: 5)
///     let run = try search.run(queries, depth: 50, name: "anncur")
public struct CURSearch: Retriever {
  public let retriever: CURRetriever
  /// Scorer calls of a query, those for the anchors included.
  public let budget: Int
  /// 1: the index's anchors, then the best by one prediction. More: see `CURRetriever.search(_:k:budget:rounds:first:)`.
  public let rounds: Int

  public init(_ retriever: CURRetriever, budget: Int, rounds: Int = 1) {
    self.retriever = retriever
    self.budget = budget
    self.rounds = rounds
  }

  public var scoreKind: ScoreKind { retriever.scoreKind }

  /// As many documents as were scored, `depth` at most.
  public func retrieve(_ queries: [Query], depth: Int) throws -> [Ranking] {
    try queries.map { query in
      let result = rounds == 1
        ? try retriever.search(query, k: depth, budget: budget)
        : try retriever.search(query, k: depth, budget: budget, rounds: rounds)
      return Ranking(qid: query.qid, alreadyOrdered: result.documents)
    }
  }
}

extension PseudoInverse {
  /// Reads `pinv`, `truncated(tolerance=0.01)` or `ridge(lambda=1)`; parameters that are left out have these values.
  ///
  /// - Throws: `ModelSpecificationError`.
  public init(parsing specification: String) throws(ModelSpecificationError) {
    let name = String(specification.prefix { $0 != "(" }.filter { !$0.isWhitespace }).lowercased()
    let parameter: String? =
      switch name {
      case "pinv": nil
      case "truncated": "tolerance"
      case "ridge": "lambda"
      default: throw .unknownModel(name, known: ["truncated", "ridge", "pinv"])
      }
    let values = try ModelSpecificationError.arguments(
      of: specification, model: name, parameters: parameter.map { [$0] } ?? [])
    switch name {
    case "pinv": self = .exact
    case "truncated":
      let tolerance = values.first?.value ?? 1e-2
      guard (0..<1).contains(tolerance) else {
        throw .outOfRange(parameter: "tolerance", value: tolerance, allowed: "a number from 0 to below 1")
      }
      self = .truncated(relativeTolerance: tolerance)
    default:
      let lambda = values.first?.value ?? 1
      guard lambda >= 0 else { throw .outOfRange(parameter: "lambda", value: lambda, allowed: "a number from 0 up") }
      self = .ridge(lambda: lambda)
    }
  }

  /// As ``init(parsing:)`` reads it.
  public var specification: String {
    switch self {
    case .exact: "pinv"
    case .truncated(let tolerance): "truncated(tolerance=\(tolerance))"
    case .ridge(let lambda): "ridge(lambda=\(lambda))"
    }
  }
}
