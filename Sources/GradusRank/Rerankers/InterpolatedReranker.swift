import GradusCore

/// Adds the first stage's score to a reranker's: `base + weight * firstStage`.
///
/// A small re-ranker sees meaning, BM25 sees exact and rare words; their sum is often better than either. Tune `weight`
/// on development queries, never on test.
///
///     let reranker = InterpolatedReranker(base: crossEncoder, weight: 0.5)
///
/// Candidates without a first-stage score get the lowest first-stage score of the group. What left a model early stays where it
/// stands; the sum orders it among those that left in the same place.
public struct InterpolatedReranker<Base: Reranker>: Reranker {
  public let base: Base
  public let weight: Double

  public init(base: Base, weight: Double) {
    self.base = base
    self.weight = weight
  }

  public var scoreKind: ScoreKind { weight == 0 ? base.scoreKind : .unknown }

  public func scores(of candidates: [Candidate], for query: Query) throws -> [CandidateScore] {
    addingFirstStage(weight, to: try base.scores(of: candidates, for: query), of: candidates)
  }
}

/// `score + weight * firstStage` for each candidate; one without a first-stage score counts with the lowest of the others.
func addingFirstStage(_ weight: Double, to results: [CandidateScore], of candidates: [Candidate]) -> [CandidateScore] {
  let lowest = candidates.compactMap(\.firstStageScore).min() ?? 0
  return zip(candidates, results).map { candidate, result in
    CandidateScore(
      score: result.score + weight * (candidate.firstStageScore ?? lowest), truncatedTokens: result.truncatedTokens,
      exit: result.exit)
  }
}
