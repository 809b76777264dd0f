import GradusCore
import GradusIndex
import GradusModels
import GradusText

/// Turns queries into weighted terms of an impact index's vocabulary.
public protocol SparseQueryEncoder: Sendable {
  /// The weighted terms of each query, in order; no term is listed twice.
  func terms(of queries: [Query]) throws -> [[WeightedTerm]]
}

/// SPLADE on queries: the model's weights of the query's own and of other words.
public struct SpladeQueryEncoder: SparseQueryEncoder {
  private let encoder: SpladeEncoder

  public init(_ encoder: SpladeEncoder) { self.encoder = encoder }

  public func terms(of queries: [Query]) throws -> [[WeightedTerm]] {
    try encoder.encode(queries.map(\.text)).weights.map { $0.terms(encoder.tokenizer) }
  }
}

/// A query as its tokens, each weighted by how often it occurs: what TILDEv2, and models that weight documents alone, need. It
/// takes microseconds.
public struct TokenQueryEncoder: SparseQueryEncoder {
  private let tokenizer: any InputTokenizer
  private let stops: Set<Int32>
  private let maximumTokens: Int

  /// - Parameters:
  ///   - stops: Tokens that are left out.
  ///   - maximumTokens: Tokens that are read of a query, without special ones.
  public init(tokenizer: any InputTokenizer, stops: Set<Int32> = [], maximumTokens: Int = .max) {
    self.tokenizer = tokenizer
    self.stops = stops
    self.maximumTokens = maximumTokens
  }

  public func terms(of queries: [Query]) -> [[WeightedTerm]] {
    queries.map { query in
      let ids = tokenizer.encode(query.text).prefix(max(0, maximumTokens)).filter { !stops.contains($0) }
      return counted(ids.compactMap { tokenizer.piece($0) })
    }
  }
}

/// A query as its words, each weighted by how often it occurs: for vectors over words, such as DeepImpact's.
public struct WordQueryEncoder: SparseQueryEncoder {
  private let configuration: AnalyzerConfiguration

  /// - Parameter configuration: What the terms of the index were made with; lower-cased words as they are unless named.
  public init(_ configuration: AnalyzerConfiguration = AnalyzerConfiguration(language: "none")) {
    self.configuration = configuration
  }

  public func terms(of queries: [Query]) throws -> [[WeightedTerm]] {
    let analyzer = try Analyzer(configuration)
    return queries.map { counted(analyzer.terms($0.text)) }
  }
}

/// Queries that were encoded elsewhere, by qid.
public struct StoredQueryEncoder: SparseQueryEncoder {
  private let vectors: [String: [WeightedTerm]]

  public init(_ vectors: [String: [WeightedTerm]]) { self.vectors = vectors }

  /// - Throws: ``SparseQueryError/unknownQuery(qid:)``.
  public func terms(of queries: [Query]) throws -> [[WeightedTerm]] {
    try queries.map { query in
      guard let terms = vectors[query.qid] else { throw SparseQueryError.unknownQuery(qid: query.qid) }
      return terms
    }
  }
}

/// A query that has no vector.
public enum SparseQueryError: GradusError, Equatable {
  case unknownQuery(qid: String)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .unknownQuery(let qid): "query \(qid) is not among the encoded ones"
    }
  }
}

/// Distinct terms in the order of their first appearance, with their counts.
private func counted(_ terms: [String]) -> [WeightedTerm] {
  var places: [String: Int] = [:]
  var counts: [(term: String, count: Int)] = []
  for term in terms {
    if let place = places[term] {
      counts[place].count += 1
    } else {
      places[term] = counts.count
      counts.append((term, 1))
    }
  }
  return counts.map { WeightedTerm($0.term, weight: Double($0.count)) }
}

extension TokenWeights {
  /// The weights by the tokenizer's pieces, which are the terms of an impact index.
  public func terms(_ tokenizer: any InputTokenizer) -> [WeightedTerm] {
    zip(ids, weights).compactMap { id, weight in
      tokenizer.piece(id).map { WeightedTerm($0, weight: Double(weight)) }
    }
  }
}
