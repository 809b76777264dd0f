import GradusTensor

/// A loss with a memory, keyed by ``SampleID``: part of checkpoints, so that a resumed training goes on to the bit.
///
/// ``RankingLoss/perSample(_:)`` only reads the memory: it may be asked several times a step. The trainer calls
/// ``remember(_:)`` once a step, after the weights have changed, with the scores that the step was taken from.
public protocol StatefulLoss: RankingLoss, Resumable {
  /// - Parameter input: Scores without gradient.
  mutating func remember(_ input: LossInput) throws
}
