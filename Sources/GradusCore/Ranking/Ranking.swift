/// The ordered list of documents that a system returns for one query.
///
/// Always ordered by the tie rule (``ScoredDocument/precedes(_:_:)``), without duplicates.
public struct Ranking: Sendable, Equatable {
  public let qid: String
  /// Best first.
  public let documents: [ScoredDocument]

  /// Sorts `documents` by the tie rule. The caller vouches that no docno occurs twice and that no score is NaN.
  public init(qid: String, documents: [ScoredDocument]) {
    self.qid = qid
    self.documents = documents.sorted(by: ScoredDocument.precedes)
  }

  /// Takes `documents` as they are: for producers that have applied the tie rule already.
  public init(qid: String, alreadyOrdered documents: [ScoredDocument]) {
    self.qid = qid
    self.documents = documents
  }

  /// The best `depth` documents; all of them where there are fewer.
  public func prefix(_ depth: Int) -> Ranking {
    Ranking(qid: qid, alreadyOrdered: Array(documents.prefix(max(0, depth))))
  }
}
