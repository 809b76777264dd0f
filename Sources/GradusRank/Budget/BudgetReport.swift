import GradusCore
import GradusModels

/// What became of a query's budget.
public struct BudgetReport: Sendable, Equatable {
  /// What a stage did.
  public struct Stage: Sendable, Equatable {
    public let name: String
    public let precision: NumericPrecision?
    /// Candidates that it was asked to score.
    public let offered: Int
    /// Candidates that it scored, the first ones of those.
    public let rescored: Int
    /// Tokens that it read of them.
    public let tokens: Int
    /// Pieces that it scored them in.
    public let chunks: Int
    /// How many of them left the model before its last layer, by place and by what it was sure of; in the order of the layers.
    public let exits: [Exits]
  }

  /// Candidates that left a model in the same place.
  public struct Exits: Sendable, Equatable {
    public let exit: EarlyExit
    public let candidates: Int

    static func counted(_ scores: [CandidateScore]) -> [Exits] {
      var counts: [EarlyExit: Int] = [:]
      for case let exit? in scores.map(\.exit) { counts[exit, default: 0] += 1 }
      return counts.map { Exits(exit: $0, candidates: $1) }.sorted {
        ($0.exit.layer, $0.exit.isRelevant ? 1 : 0) < ($1.exit.layer, $1.exit.isRelevant ? 1 : 0)
      }
    }
  }

  /// Why no more candidates were scored.
  public enum End: String, Sendable, Codable {
    /// Every stage scored all that it was offered.
    case complete
    /// The next candidate would not have been scored in time.
    case time
    /// The next candidate has more tokens than were left.
    case tokens
  }

  public let stages: [Stage]
  public let end: End
  /// By the reranker's clock.
  public let elapsed: Duration
}

/// A query's list with what was spent on it.
public struct BudgetedGroup: Sendable, Equatable {
  public let reranked: RerankedGroup
  public let report: BudgetReport
}
