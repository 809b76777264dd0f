import GradusTensor

/// Looks into a training at fixed moments, and may change it.
///
/// A method that needs more than losses and weightings (a pass over the whole set before an epoch, a combination of
/// several losses' gradients, a second gradient at other weights, unfreezing) is a hook, not a loop of its own. A hook
/// with memory keeps it in ``Resumable/resumeState``, so that it is part of checkpoints.
///
///     struct Unfreeze: TrainerHook {
///       func beforeEpoch(_ trainer: Trainer) {
///         guard trainer.epoch == 3, let encoder = trainer.models[0].scorer.parameter(named: "encoder.weight") else { return }
///         encoder.isTrainable = true
///       }
///     }
public protocol TrainerHook: Resumable {
  /// Before the first sample of an epoch is drawn: the place for a pass over the whole set without gradient
  /// (``Trainer/scores(of:model:)``).
  mutating func beforeEpoch(_ trainer: Trainer) throws

  /// Before a step's samples are weighted and scored; they may be exchanged.
  mutating func beforeForward(_ trainer: Trainer, samples: inout [TrainingSample]) throws

  /// The gradients of all micro-batches, summed over the objectives or apart, as the options say. Not clipped.
  mutating func afterBackward(_ trainer: Trainer, gradients: inout StepGradients) throws

  /// The gradients that the optimizers are about to apply, by model, summed and clipped.
  mutating func beforeOptimizerStep(_ trainer: Trainer, gradients: inout [String: GradientStore]) throws

  mutating func afterOptimizerStep(_ trainer: Trainer) throws

  /// After validation and the decision whether the epoch is the best so far. ``Trainer/epoch`` is the next one already.
  mutating func afterEpoch(_ trainer: Trainer, record: EpochRecord) throws
}

extension TrainerHook {
  public mutating func beforeEpoch(_ trainer: Trainer) throws {}
  public mutating func beforeForward(_ trainer: Trainer, samples: inout [TrainingSample]) throws {}
  public mutating func afterBackward(_ trainer: Trainer, gradients: inout StepGradients) throws {}
  public mutating func beforeOptimizerStep(_ trainer: Trainer, gradients: inout [String: GradientStore]) throws {}
  public mutating func afterOptimizerStep(_ trainer: Trainer) throws {}
  public mutating func afterEpoch(_ trainer: Trainer, record: EpochRecord) throws {}
}

/// The gradients of one step.
public struct StepGradients {
  /// One entry for all objectives together, or one for each in their order (``GradientCombination``); in each, gradients
  /// by model.
  public var parts: [[String: GradientStore]]

  /// The sum over the parts, for one model.
  public func total(model: String) -> GradientStore {
    var sum = GradientStore()
    for part in parts { if let store = part[model] { sum.add(store) } }
    return sum
  }
}
