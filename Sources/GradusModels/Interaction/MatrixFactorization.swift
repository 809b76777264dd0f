import GradusCore
import GradusTensor

/// Recommendation by matrix factorisation: the score of a user and an item is the inner product of their vectors.
///
///     let model = MatrixFactorization(users: ["ann", "bob"], items: ["i1", "i2"], width: 64, seed: 7)
///     try model.rankingScores([ScoringPair(query: ann, document: i1)])
///
/// A user is a query, an item a document; only their names are read.
public struct MatrixFactorization: PairScorer {
  public let width: Int
  private let userRows: [String: Int32]
  private let itemRows: [String: Int32]
  private let users: Parameter
  private let items: Parameter

  /// - Parameters:
  ///   - deviation: Standard deviation of the first weights.
  ///   - seed: Of the first weights.
  public init(users: [String], items: [String], width: Int = 64, deviation: Double = 0.1, seed: UInt64) {
    self.width = width
    userRows = Dictionary(users.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
    itemRows = Dictionary(items.enumerated().map { ($1, Int32($0)) }, uniquingKeysWith: { first, _ in first })
    var generator = SeededGenerator(seed: seed).stream("matrix factorisation")
    self.users = Parameter(
      "users.weight", .normal([users.count, width], standardDeviation: deviation, using: &generator))
    self.items = Parameter(
      "items.weight", .normal([items.count, width], standardDeviation: deviation, using: &generator))
  }

  public var parameters: [Parameter] { [users, items] }

  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    let (u, i) = try vectors(batch)
    return (u * i).sum(axes: [1])
  }

  /// `|u|^2` and `|i|^2` of each pair, for a penalty on the vectors that a batch touches.
  public func squaredNorms(_ batch: [ScoringPair]) throws -> (users: Tensor, items: Tensor) {
    let (u, i) = try vectors(batch)
    return (u.square().sum(axes: [1]), i.square().sum(axes: [1]))
  }

  private func vectors(_ batch: [ScoringPair]) throws -> (users: Tensor, items: Tensor) {
    func rows(_ names: [String], _ known: [String: Int32], _ error: (String) -> VectorRankerError) throws -> Tensor {
      Tensor(
        indices: try names.map { name in
          guard let row = known[name] else { throw error(name) }
          return row
        }, shape: [names.count])
    }
    return (
      users.value.indexSelect(try rows(batch.map(\.query.qid), userRows) { .unknownQuery($0) }),
      items.value.indexSelect(try rows(batch.map(\.document.docno), itemRows) { .unknownDocument($0) })
    )
  }

  /// Scores of all items for a user, in the order of the items.
  public func scores(user: String) throws -> [Float] {
    guard let row = userRows[user] else { throw VectorRankerError.unknownQuery(user) }
    return withoutGradients {
      matmul(
        users.value.slice(axis: 0, from: Int(row), to: Int(row) + 1), items.value, transposeB: true).floats()
    }
  }
}
