/// How the weight of a sample of given easiness moves with the epoch.
public protocol CurriculumSchedule: Sendable {
  /// The weight in `[0, 1]` of a sample with easiness D in `[0, 1]`.
  ///
  /// - Parameter epoch: 0-based. An epoch is what ends in a validation (512 samples in the paper), not a pass over the
  ///   data.
  func weight(easiness: Double, epoch: Int) -> Double
}
