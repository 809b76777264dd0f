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

  /// The best `depth` of a scored collection, by the tie rule; `scored` is asked once for each position, in order.
  ///
  /// - Complexity: O(count + depth log depth) expected for scores in no particular order; memory grows with depth alone.
  public init(qid: String, bestOf count: Int, depth: Int, scored: (Int) -> ScoredDocument) {
    let depth = max(0, depth)
    var best: [ScoredDocument] = []
    // Once cut, only what beats the last of the best can matter.
    var last: ScoredDocument?
    for position in 0..<count where depth > 0 {
      let candidate = scored(position)
      if let last, !ScoredDocument.precedes(candidate, last) { continue }
      best.append(candidate)
      if best.count >= 2 * depth + 256 {
        best.sort(by: ScoredDocument.precedes)
        best.removeSubrange(depth...)
        last = best.last
      }
    }
    self.init(qid: qid, alreadyOrdered: Array(best.sorted(by: ScoredDocument.precedes).prefix(depth)))
  }

  /// The best `depth` documents; all of them where there are fewer.
  public func prefix(_ depth: Int) -> Ranking {
    Ranking(qid: qid, alreadyOrdered: Array(documents.prefix(max(0, depth))))
  }
}
