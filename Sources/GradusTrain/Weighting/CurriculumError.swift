import GradusCore

/// A curriculum or heuristic that is set up in a way that cannot be meant.
public enum CurriculumError: GradusError, Equatable {
  case endEpochBelowOne(Int)
  case missingRankBelowOne(Int)
  case bandwidthNotPositive(Double)
  case constantValueOutsideUnitInterval(Double)
  /// A heuristic gave a signal outside `[0, 1]`.
  case easinessOutsideUnitInterval(sample: SampleID)
  /// A batch came without the epoch that decides its weights.
  case epochMissing
  case groupSizeBelowOne(Int)
  /// A resume with another heuristic or schedule.
  case otherCurriculum(expected: String, found: String)

  public var failureKind: FailureKind { .usage }

  public var description: String {
    switch self {
    case .endEpochBelowOne(let found):
      "the curriculum must end at epoch 1 or later, found \(found); leave the curriculum out, or let it never end"
    case .missingRankBelowOne(let found): "the rank for documents outside the run must be at least 1, found \(found)"
    case .bandwidthNotPositive(let found): "the bandwidth of the density estimate must be above 0 and finite, found \(found)"
    case .constantValueOutsideUnitInterval(let found):
      "the signal for queries whose scores all tie must be in 0...1, found \(found)"
    case .easinessOutsideUnitInterval(let sample): "sample '\(sample)': the heuristic gave an easiness outside 0...1"
    case .epochMissing: "the curriculum needs the epoch of each batch, counted from 0; the batch came without one"
    case .otherCurriculum(let expected, let found):
      "the checkpoint was written with the curriculum '\(found)', this training has '\(expected)'; resume with the same one"
    case .groupSizeBelowOne(let found): "weights can be averaged over groups of 1 sample or more, found \(found)"
    }
  }
}
