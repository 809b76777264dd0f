import GradusCore
import GradusIndex
import GradusTensor

/// First-stage retrieval by a pair scorer itself: score a query against a few anchor documents, predict its scores for all
/// others by a CUR decomposition, and score the most promising again exactly (ANNCUR: Yadav et al., EMNLP 2022).
///
///     let retriever = try CURRetriever.build(
///       scorer: PairReranker(crossEncoder), scorerName: digest, items: documents, anchorQueries: trainingQueries,
///       anchorItems: .random(count: 50, seed: 1))
///     let result = try retriever.search(query, k: 10, budget: 100)
///
/// With R the scores of the anchor queries for all items and S its columns of the anchor items, `E = pinv(S) R` is an embedding
/// of each item; a query is embedded as its scores for the anchor items. The prediction is exact where the rank of all scores
/// is that of S. Near as many anchor items as anchor queries the plain inverse blows up noise: the default truncates small
/// singular values. ``search(_:k:budget:rounds:first:)`` decomposes anew for each query, in several rounds.
///
/// Use logits: scores behind a sigmoid are not of low rank.
public struct CURRetriever: Sendable {
  /// Which items every query is scored against.
  public enum AnchorItems: Sendable, Hashable {
    /// Uniform without replacement.
    case random(count: Int, seed: UInt64)
    case docnos([String])
  }

  /// What a search found and what it cost.
  public struct Result: Sendable, Equatable {
    /// Best first by exact score: anchors and re-scored items.
    public let documents: [ScoredDocument]
    /// Calls of the scorer, anchors included.
    public let scorerCalls: Int
  }

  public let items: [Document]
  /// Numbers of the anchors among the items.
  public let anchors: [Int]
  public let anchorQueryCount: Int
  /// Names the scorer; an index of another scorer predicts nothing.
  public let scorerName: String
  /// Fewer anchor queries than anchor items: the solution is that of least length, and predictions are weaker.
  public let isUnderdetermined: Bool
  /// Of the anchor queries for all items: R.
  let scores: Matrix
  let solver: PseudoInverse
  /// Of the items, by docno.
  let numbers: [String: Int]
  /// `[items][anchors]`: column i of E is row i here.
  private let embeddings: Matrix
  private let scorer: any Reranker

  public var scoreKind: ScoreKind { scorer.scoreKind }

  /// Scores all items for the anchor queries, `anchorQueries x items` calls, and solves.
  ///
  /// - Parameters:
  ///   - scorer: Pointwise: a pair's score must depend on the pair alone.
  ///   - scorerName: What tells this scorer from others, a digest of its weights say.
  ///   - progress: Called after each anchor query.
  /// - Throws: ``CURError``, `LinearAlgebraError`, and what the scorer throws.
  public static func build(
    scorer: any Reranker, scorerName: String, items: [Document], anchorQueries: [Query], anchorItems: AnchorItems,
    solver: PseudoInverse = .truncated(relativeTolerance: 1e-2), progress: (Int) -> Void = { _ in }
  ) throws -> CURRetriever {
    // What can be refused is, before anything is scored.
    _ = try Self.anchors(anchorItems, items)
    let scores = try CURScores(
      scorer: scorer, scorerName: scorerName, items: items, anchorQueries: anchorQueries, progress: progress)
    return try CURRetriever(scorer: scorer, items: items, anchorItems: anchorItems, scores: scores, solver: solver)
  }

  /// From scores that are known: `scores` are those of the anchor queries for all items, `[anchor queries][items]`.
  public init(
    scorer: any Reranker, scorerName: String, items: [Document], anchors: [Int], scores: Matrix,
    solver: PseudoInverse = .truncated(relativeTolerance: 1e-2)
  ) throws {
    guard scores.rows > 0 else { throw CURError.noAnchorQueries }
    guard scores.columns == items.count else { throw CURError.scoreCount(found: scores.columns, expected: items.count) }
    guard !anchors.isEmpty, anchors.allSatisfy(items.indices.contains), Set(anchors).count == anchors.count else {
      throw CURError.anchorItems(count: anchors.count, items: items.count)
    }
    guard scores.values.allSatisfy(\.isFinite) else { throw CURError.scoreNotFinite }
    self.scorer = scorer
    self.scorerName = scorerName
    self.items = items
    self.anchors = anchors
    self.scores = scores
    self.solver = solver
    numbers = Dictionary(items.enumerated().map { ($1.docno, $0) }, uniquingKeysWith: { first, _ in first })
    anchorQueryCount = scores.rows
    isUnderdetermined = scores.rows < anchors.count
    embeddings = (try scores.columns(anchors).pseudoInverse(solver) * scores).transposed
  }

  static func anchors(_ wanted: AnchorItems, _ items: [Document]) throws -> [Int] {
    switch wanted {
    case .random(let count, let seed):
      guard (1...max(1, items.count)).contains(count), !items.isEmpty else {
        throw CURError.anchorItems(count: count, items: items.count)
      }
      var generator = SeededGenerator(seed: seed).stream("anchor items")
      return generator.permutation(items.count).prefix(count).sorted()
    case .docnos(let docnos):
      let numbers = Dictionary(items.enumerated().map { ($1.docno, $0) }, uniquingKeysWith: { first, _ in first })
      return try docnos.map {
        guard let number = numbers[$0] else { throw CURError.unknownAnchor(docno: $0) }
        return number
      }
    }
  }

  static func scores(_ scorer: any Reranker, _ query: Query, _ candidates: [Candidate]) throws -> [Double] {
    let scores = try scorer.scores(of: candidates, for: query).map(\.score)
    guard scores.allSatisfy(\.isFinite) else { throw CURError.scoreNotFinite }
    return scores
  }

  /// Exact scores of some items.
  func scores(of numbers: [Int], for query: Query) throws -> [Double] {
    try Self.scores(scorer, query, numbers.map { Candidate(document: items[$0]) })
  }

  /// Predicted scores of all items from a query's scores for the anchors, in item order. O(items x anchors).
  public func predicted(fromAnchorScores scores: [Double]) -> [Double] {
    precondition(scores.count == anchors.count)
    return (0..<items.count).map { item in
      (0..<anchors.count).reduce(0) { $0 + scores[$1] * embeddings[item, $1] }
    }
  }

  /// Predicted scores of all items for a query: as many scorer calls as there are anchors.
  public func predict(_ query: Query) throws -> [Double] {
    predicted(fromAnchorScores: try scores(of: anchors, for: query))
  }

  /// The best `k` items, with exact scores.
  ///
  /// - Parameter budget: Scorer calls: those for the anchors, and the rest for the items that are predicted to be best.
  /// - Throws: ``CURError/budget(found:anchors:)`` where nothing is left beside the anchors, unless they are all items.
  public func search(_ query: Query, k: Int, budget: Int) throws -> Result {
    guard budget > anchors.count || anchors.count == items.count else {
      throw CURError.budget(found: budget, anchors: anchors.count)
    }
    let anchorScores = try scores(of: anchors, for: query)
    let prediction = predicted(fromAnchorScores: anchorScores)
    let known = Set(anchors)
    let promising = Ranking(
      qid: query.qid, bestOf: items.count, depth: min(items.count, budget)
    ) { ScoredDocument(docno: items[$0].docno, score: prediction[$0]) }
    let rescored = promising.documents.compactMap { numbers[$0.docno] }.filter { !known.contains($0) }
      .prefix(max(0, budget - anchors.count))
    let exact = try scores(of: Array(rescored), for: query)
    let scored =
      zip(anchors, anchorScores).map { ScoredDocument(docno: items[$0].docno, score: $1) }
      + zip(rescored, exact).map { ScoredDocument(docno: items[$0].docno, score: $1) }
    return Result(
      documents: Ranking(qid: query.qid, documents: scored).prefix(k).documents, scorerCalls: anchors.count + rescored.count)
  }
}
