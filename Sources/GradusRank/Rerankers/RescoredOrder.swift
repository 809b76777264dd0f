import GradusCore

/// The candidates of a query while stages re-score them: what a later stage scored stands before what only an earlier one
/// did, and that before what nobody scored.
struct RescoredOrder {
  let candidates: [Candidate]
  /// Positions in `candidates`, best first.
  private(set) var order: [Int]
  /// By position in `candidates`: of the last stage that scored the candidate.
  private(set) var results: [CandidateScore?]
  /// Candidates at the top that the last stage scored.
  private(set) var headCount = 0
  /// Candidates that any stage scored.
  private(set) var rescoredCount = 0

  init(_ candidates: [Candidate]) {
    self.candidates = candidates
    order = Array(candidates.indices)
    results = [CandidateScore?](repeating: nil, count: candidates.count)
  }

  /// The first candidates of the present order.
  func top(_ count: Int) -> [Candidate] { order.prefix(count).map { candidates[$0] } }

  /// Orders the first candidates by `scores`, which are theirs; nothing behind them moves. Without scores nothing changes.
  mutating func apply(_ scores: [CandidateScore]) {
    guard !scores.isEmpty else { return }
    for (position, score) in zip(order, scores) { results[position] = score }
    let head = order[..<scores.count].sorted { first, second in
      ScoredDocument.precedes(document(first), document(second))
    }
    order.replaceSubrange(..<scores.count, with: head)
    headCount = scores.count
    rescoredCount = max(rescoredCount, scores.count)
  }

  /// Scores of the head, best first.
  var headScores: [Double] { order[..<headCount].map { results[$0]?.score ?? 0 } }

  /// The final scores, best first: the head's as they are, then the head's lowest minus the distance from the head, so that
  /// the ranking survives being written to a run file and read again.
  var finalScores: [Double] {
    let head = headScores
    return head + RerankedTail.scores(below: head.last, count: order.count - headCount)
  }

  /// The group in its new order.
  func group(for query: Query) -> RerankedGroup {
    let documents = zip(order, finalScores).map { ScoredDocument(docno: candidates[$0].document.docno, score: $1) }
    return RerankedGroup(
      group: CandidateGroup(query: query, candidates: order.map { candidates[$0] }),
      ranking: Ranking(qid: query.qid, alreadyOrdered: documents), rescoredCount: rescoredCount,
      truncatedTokens: results.reduce(0) { $0 + ($1?.truncatedTokens ?? 0) },
      truncatedCandidates: results.count { ($0?.truncatedTokens ?? 0) > 0 })
  }

  private func document(_ position: Int) -> ScoredDocument {
    ScoredDocument(docno: candidates[position].document.docno, score: results[position]?.score ?? 0)
  }
}
