import GradusCore

/// Stages of rising cost, each of which re-scores the best of the one before (Wang, Lin and Metzler, SIGIR 2011; Nogueira et
/// al., 2019, multi-stage document ranking).
///
///     let reranker = try CascadeReranker([
///       CascadeStage("bi-encoder", biEncoder, passing: .best(40)),
///       CascadeStage("2 layers", small, passing: .best(15)),
///       CascadeStage("cross-encoder", full),
///     ])
///
/// What a later stage scored stands before what only an earlier one did, which stands before what no stage scored: no tail
/// ever overtakes the head in front of it. Within a stage the tie rule decides. Not pointwise: a candidate's place depends on
/// how many others were passed on. Scores are the last stage's for what it scored; behind them they fall by 1 from rank to
/// rank and say nothing but the order.
public struct CascadeReranker: Reranker {
  private let budgeted: BudgetedReranker

  /// - Throws: ``BudgetError`` where there is no stage.
  public init(_ stages: [CascadeStage]) throws { budgeted = try BudgetedReranker(stages, budget: .unlimited) }

  public var scoreKind: ScoreKind { budgeted.scoreKind }

  public func scores(of candidates: [Candidate], for query: Query) throws -> [CandidateScore] {
    let order = try budgeted.run(CandidateGroup(query: query, candidates: candidates), depth: candidates.count).order
    var scores = [CandidateScore](repeating: CandidateScore(score: 0), count: candidates.count)
    for (position, score) in zip(order.order, order.finalScores) {
      scores[position] = CandidateScore(score: score, truncatedTokens: order.results[position]?.truncatedTokens ?? 0)
    }
    return scores
  }
}
