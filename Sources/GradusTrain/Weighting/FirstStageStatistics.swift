import GradusCore

/// What the first stage said about the documents of each training query: ranks, scores, their range and spread.
///
/// Any source of scores can play the first stage's part (BM25, a dense retriever, a teacher): a `Run` is just scores by
/// query. Ranks follow the tie rule (score, then docno, both descending), whatever order the run came in.
///
///     let statistics = try FirstStageStatistics(run: bm25.prefix(100))
///     try statistics.rank(qid: "7", docno: "d2")    // 2, or nil outside the run
///
/// - Complexity: construction O(documents x log depth); look-ups O(1).
public struct FirstStageStatistics: Sendable {
  /// The first stage's score of a document that its run does not hold.
  public typealias OutsideScorer = @Sendable (_ qid: String, _ docno: String) throws -> Double

  /// One query's ranking in numbers.
  public struct QueryStatistics: Sendable {
    /// Best first, all finite.
    public let scores: [Double]
    /// Sample standard deviation (divisor n - 1); 0 for a single document.
    public let standardDeviation: Double
    fileprivate let ranks: [String: Int]

    public var highest: Double { scores[0] }
    public var lowest: Double { scores[scores.count - 1] }
    /// Whether the scores say nothing: one document, or all tied.
    public var isConstant: Bool { highest == lowest }

    fileprivate init(_ documents: [ScoredDocument], ranks: [String: Int]) {
      scores = documents.map(\.score)
      self.ranks = ranks
      let count = Double(scores.count)
      let mean = scores.reduce(0, +) / count
      let squares = scores.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      standardDeviation = scores.count > 1 ? (squares / (count - 1)).squareRoot() : 0
    }
  }

  private let queries: [String: QueryStatistics]
  private let outsideScorer: OutsideScorer?

  /// - Parameters:
  ///   - run: The first-stage run of the training queries, cut to the training depth: the score distribution is that of
  ///     the run, not of the collection.
  ///   - outsideScorer: Asked for documents outside the run, where a heuristic needs their score. Without it such a
  ///     document is an error.
  /// - Throws: ``FirstStageError`` for a run or a query without documents, a score that is not finite, a duplicate.
  public init(run: Run, outsideScorer: OutsideScorer? = nil) throws(FirstStageError) {
    guard !run.rankings.isEmpty else { throw .emptyRun }
    var queries: [String: QueryStatistics] = [:]
    queries.reserveCapacity(run.rankings.count)
    for ranking in run.rankings {
      guard !ranking.documents.isEmpty else { throw .emptyRanking(qid: ranking.qid) }
      for document in ranking.documents where !document.score.isFinite {
        throw .scoreNotFinite(qid: ranking.qid, docno: document.docno)
      }
      let documents = ranking.documents.sorted(by: ScoredDocument.precedes)
      var ranks: [String: Int] = [:]
      ranks.reserveCapacity(documents.count)
      for (position, document) in documents.enumerated() {
        guard ranks.updateValue(position + 1, forKey: document.docno) == nil else {
          throw .duplicateDocument(qid: ranking.qid, docno: document.docno)
        }
      }
      queries[ranking.qid] = QueryStatistics(documents, ranks: ranks)
    }
    self.queries = queries
    self.outsideScorer = outsideScorer
  }

  /// - Throws: ``FirstStageError/queryNotInRun(qid:)``.
  public func query(_ qid: String) throws(FirstStageError) -> QueryStatistics {
    guard let query = queries[qid] else { throw .queryNotInRun(qid: qid) }
    return query
  }

  /// The document's 1-based rank, or nil outside the run.
  public func rank(qid: String, docno: String) throws(FirstStageError) -> Int? { try query(qid).ranks[docno] }

  /// The document's score in the run, or nil outside the run.
  public func scoreInRun(qid: String, docno: String) throws(FirstStageError) -> Double? {
    let query = try query(qid)
    return query.ranks[docno].map { query.scores[$0 - 1] }
  }

  /// The run's own score, and only for a document outside the run that of the outside scorer.
  ///
  /// - Throws: ``FirstStageError/documentOutsideRun(qid:docno:)`` without an outside scorer;
  ///   ``FirstStageError/scoreNotFinite(qid:docno:)``; whatever the outside scorer throws.
  public func score(qid: String, docno: String) throws -> Double {
    if let score = try scoreInRun(qid: qid, docno: docno) { return score }
    guard let outsideScorer else { throw FirstStageError.documentOutsideRun(qid: qid, docno: docno) }
    let score = try outsideScorer(qid, docno)
    guard score.isFinite else { throw FirstStageError.scoreNotFinite(qid: qid, docno: docno) }
    return score
  }
}
