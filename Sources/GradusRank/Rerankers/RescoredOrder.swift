import GradusCore

/// The candidates of a query while stages re-score them: what a later stage scored stands before what only an earlier one
/// did, and that before what nobody scored. Within a stage `CandidateScore.standing` decides, then the score, by the tie rule.
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
      let standings = (standing(first), standing(second))
      guard standings.0 == standings.1 else { return standings.0 > standings.1 }
      return ScoredDocument.precedes(document(first), document(second))
    }
    order.replaceSubrange(..<scores.count, with: head)
    headCount = scores.count
    rescoredCount = max(rescoredCount, scores.count)
  }

  /// Scores of the head, best first: the model's for what it read to the end; from there up or down by 1 a candidate for what
  /// left early.
  var headScores: [Double] {
    let standings = order[..<headCount].map(standing)
    let above = standings.prefix { $0 > 0 }.count, below = standings.reversed().prefix { $0 < 0 }.count
    let whole = order[above..<headCount - below].map { results[$0]?.score ?? 0 }
    let rising = RerankedTail.scores(below: whole.first.map { -$0 }, count: above).reversed().map { -$0 }
    return rising + whole + RerankedTail.scores(below: whole.last, count: below)
  }

  /// The final scores, best first: the head's, then the head's lowest minus the distance from the head, so that the ranking
  /// survives being written to a run file and read again.
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

  private func standing(_ position: Int) -> Int { results[position]?.standing ?? 0 }

  private func document(_ position: Int) -> ScoredDocument {
    ScoredDocument(docno: candidates[position].document.docno, score: results[position]?.score ?? 0)
  }
}
