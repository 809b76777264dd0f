import GradusCore

/// Why propensities cannot be estimated from a log.
public enum PropensityEstimationError: GradusError, Equatable {
  case noImpressions
  case noImpressionsAt(position: Int)
  case noClicks(position: Int)
  case position(Int)
  case noIntervention(position: Int)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .noImpressions: "the log holds no impressions"
    case .noImpressionsAt(let position): "nothing was shown at position \(position), but further down there was"
    case .noClicks(let position): "no click at position \(position) counts; a longer log, or fewer positions, is needed"
    case .position(let found): "positions count from 1, found \(found)"
    case .noIntervention(let position):
      "no item was shown both at position 1 and at position \(position); nothing tells the position from the item"
    }
  }
}
