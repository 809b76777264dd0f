/// What a weighting may look at: plain numbers without gradient, one entry per sample of the batch.
public struct WeightingInput: Sendable {
  public let samples: [TrainingSample]
  /// The scorer's outputs for each sample's documents, in their order. Empty for a weighting that reads no scores.
  public let scores: [[Double]]
  /// Each sample's unweighted loss. Empty for a weighting that reads no scores.
  public let losses: [Double]
  /// 0-based; nil where the caller does not train in epochs.
  public let epoch: Int?
  /// Optimizer steps before this batch, over the whole training.
  public let step: Int
  /// What the models of ``SampleWeighting/readsModels`` give each sample's documents, in inference mode and before this
  /// step's update.
  public let modelScores: [String: [[Double]]]

  public init(
    samples: [TrainingSample], scores: [[Double]] = [], losses: [Double] = [], epoch: Int?, step: Int,
    modelScores: [String: [[Double]]] = [:]
  ) {
    self.samples = samples
    self.scores = scores
    self.losses = losses
    self.epoch = epoch
    self.step = step
    self.modelScores = modelScores
  }
}

/// The weights of a batch's samples.
public struct SampleWeights: Sendable, Equatable {
  /// One a sample, finite and `>= 0`.
  public var values: [Double]
  /// D of each sample where the weighting knows it, for the statistics of the epoch.
  public var easiness: [Double]?

  public init(values: [Double], easiness: [Double]? = nil) {
    self.values = values
    self.easiness = easiness
  }
}

/// Decides how much each sample counts: the training loss is `sum(weight x loss) / samples`, divided by the number of
/// samples and not by the sum of the weights.
///
/// Weights are plain numbers, so that no gradient can flow into them. A weighting that learns keeps its state, keyed by
/// ``SampleID``, in ``Resumable/resumeState``.
///
///     struct Uniform: SampleWeighting {
///       var readsScores: Bool { false }
///       func weights(for input: WeightingInput) -> SampleWeights { .init(values: input.samples.map { _ in 1 }) }
///     }
public protocol SampleWeighting: Resumable, Sendable {
  /// Whether ``weights(for:)`` looks at scores or losses. Where the batch is scored in micro-batches, such a weighting
  /// costs one more pass without gradient, because no weight can be known before all samples are scored.
  var readsScores: Bool { get }

  /// Models of the training whose scores ``weights(for:)`` needs beside those of the objective's own: each costs one more
  /// pass over the batch without gradient. None unless said otherwise.
  var readsModels: [String] { get }

  /// Before the first sample of an epoch is drawn: the place for a pass over the whole training set without gradient
  /// (``Trainer/scores(of:model:)``). Does nothing unless said otherwise.
  mutating func beforeEpoch(_ trainer: Trainer) throws

  /// The weights of one batch, in the order of its samples.
  mutating func weights(for input: WeightingInput) throws -> SampleWeights
}

extension SampleWeighting {
  public var readsModels: [String] { [] }
  public mutating func beforeEpoch(_ trainer: Trainer) throws {}
}

extension SampleWeights {
  /// The weights, if there is one a sample and all are finite and `>= 0`.
  public func checked(for samples: [TrainingSample]) throws(WeightingError) -> SampleWeights {
    guard values.count == samples.count else { throw .count(expected: samples.count, found: values.count) }
    if let easiness, easiness.count != samples.count { throw .count(expected: samples.count, found: easiness.count) }
    for (value, sample) in zip(values, samples) where !(value >= 0 && value.isFinite) {
      throw .value(sample: sample.id)
    }
    return self
  }
}
