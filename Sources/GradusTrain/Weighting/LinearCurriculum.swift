import GradusCore

/// How the weight of a sample of given easiness moves with the epoch.
public protocol CurriculumSchedule: Sendable {
  /// The weight in `[0, 1]` of a sample with easiness D in `[0, 1]`.
  ///
  /// - Parameter epoch: 0-based. An epoch is what ends in a validation (512 samples in the paper), not a pass over the
  ///   data.
  func weight(easiness: Double, epoch: Int) -> Double
}

/// Weight D at first, fading linearly to 1 for every sample at the end of the curriculum.
///
///     W = D + (epoch / endEpoch) (1 - D)   before endEpoch,   W = 1 from endEpoch on
///
/// MacAvaney et al., SIGIR 2020. `endEpoch` is to be tuned on validation data, like a learning rate; early stopping runs
/// during the curriculum too and may end the training before the curriculum ends.
///
///     let curriculum = try LinearCurriculum(endEpoch: 20)
///     curriculum.weight(easiness: 0.65, epoch: 5)   // 0.7375
public struct LinearCurriculum: CurriculumSchedule, Equatable {
  /// The first epoch in which all samples weigh 1; nil for a curriculum that never fades.
  public let endEpoch: Int?
  /// Hard samples first: uses 1 - D in place of D. The control that a curriculum has to beat.
  public let anti: Bool

  /// - Throws: ``CurriculumError/endEpochBelowOne(_:)``: use no curriculum at all instead of `endEpoch: 0`, and
  ///   `endEpoch: nil` for one that never fades.
  public init(endEpoch: Int? = 20, anti: Bool = false) throws(CurriculumError) {
    if let endEpoch, endEpoch < 1 { throw .endEpochBelowOne(endEpoch) }
    self.endEpoch = endEpoch
    self.anti = anti
  }

  public func weight(easiness: Double, epoch: Int) -> Double {
    let start = anti ? 1 - easiness : easiness
    guard let endEpoch else { return start }
    if epoch >= endEpoch { return 1 }
    return start + Double(epoch) / Double(endEpoch) * (1 - start)
  }
}

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
