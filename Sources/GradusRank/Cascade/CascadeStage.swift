import GradusCore
import GradusModels

/// A stage of a cascade: a reranker, and what of its result the next stage gets.
///
///     CascadeStage("bi-encoder", BiEncoderReranker(encoder), passing: .best(30))
public struct CascadeStage: Sendable {
  /// What the next stage scores again; all else is done.
  public enum Passing: Sendable, Equatable {
    /// The best `count`.
    case best(Int)
    /// Early termination: what scores at most `margin` less than the candidate at `rank`, and what stands above it. Candidates
    /// that far below the border will not cross it, and the next stage is not asked about them.
    case contended(rank: Int, margin: Double)

    /// How many of `scores`, best first, are passed on.
    func count(of scores: [Double]) -> Int {
      switch self {
      case .best(let count): return min(max(0, count), scores.count)
      case .contended(let rank, let margin):
        guard rank >= 1, rank <= scores.count else { return scores.count }
        let border = scores[rank - 1] - margin
        return scores.firstIndex { $0 < border } ?? scores.count
      }
    }
  }

  /// For reports.
  public let name: String
  public let reranker: any MeteredReranker
  /// Weight of the first stage's score that is added to the reranker's (see ``InterpolatedReranker``).
  public var firstStageWeight: Double
  /// For reports: what the stage computes with.
  public var precision: NumericPrecision?
  /// Unused in the last stage.
  public var passing: Passing
  /// The part of what is left of a budget that the stage may take, above 0 and up to 1. The last stage takes all.
  public var budgetShare: Double

  public init(
    _ name: String, _ reranker: any MeteredReranker, firstStageWeight: Double = 0, precision: NumericPrecision? = nil,
    passing: Passing = .best(.max), budgetShare: Double = 0.5
  ) {
    self.name = name
    self.reranker = reranker
    self.firstStageWeight = firstStageWeight
    self.precision = precision
    self.passing = passing
    self.budgetShare = budgetShare
  }
}
