import GradusCore

/// What re-ranking a query may cost.
public enum RerankBudget: Sendable, Equatable {
  case unlimited
  /// Wall-clock time from the first candidate's reading to the finished list.
  case time(Duration)
  /// Tokens that all stages together read: what the result depends on is then no clock.
  case tokens(Int)
}

/// A budget that makes no sense.
public enum BudgetError: GradusError, Equatable {
  case negative
  case noStages
  case share(stage: String, Double)
  case weight(stage: String, Double)

  public var failureKind: FailureKind { .usage }

  public var description: String {
    switch self {
    case .negative: "the budget is negative; give 0 for the first stage's list, or more"
    case .noStages: "there is no stage to re-rank with; give at least one"
    case .share(let stage, let share):
      "stage \(stage): a share of \(share) of the budget was asked for; it must be above 0 and at most 1"
    case .weight(let stage, let weight): "stage \(stage): the first stage's weight is \(weight); it must be finite"
    }
  }
}
