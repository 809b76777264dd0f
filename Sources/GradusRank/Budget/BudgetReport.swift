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
