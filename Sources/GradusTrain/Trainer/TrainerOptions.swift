/// What ends in a validation.
public enum EpochLength: Sendable, Equatable, Codable {
  /// So many samples, whatever the size of the data: 512 in MacAvaney et al. (SIGIR 2020).
  case samples(Int)
  /// So many rounds over the sampler's data.
  case passes(Int)
}

/// What happens with the gradients of several objectives.
public enum GradientCombination: String, Sendable, Equatable, Codable {
  /// One backward pass over the sum of the objectives.
  case summed
  /// One forward and backward pass for each objective; hooks see the gradients apart and may combine them. What they
  /// leave is added up.
  case separate
}

/// Where and how often the complete state of a training is written.
public struct CheckpointPolicy: Sendable, Equatable {
  public var directory: String
  /// After every so many epochs.
  public var everyEpochs: Int
  /// Also after every so many steps; nil for none.
  public var everySteps: Int?

  public init(directory: String, everyEpochs: Int = 1, everySteps: Int? = nil) {
    self.directory = directory
    self.everyEpochs = everyEpochs
    self.everySteps = everySteps
  }
}

/// The settings of a training's loop. The defaults are those of the official code of MacAvaney et al. (SIGIR 2020).
///
///     var options = TrainerOptions(seed: 7)
///     options.microBatchSize = 2
public struct TrainerOptions: Sendable, Equatable {
  /// Samples of an optimizer step; the last step of an epoch may have fewer.
  public var batchSize = 16
  public var epochLength = EpochLength.samples(512)
  /// Samples that are scored and differentiated at once; nil for whole batches. Smaller ones save memory. Their gradients
  /// add up to the batch's but for rounding, and dropout masks differ: each micro-batch has its own random stream.
  public var microBatchSize: Int?
  /// Samples whose texts are encoded and differentiated at once, while losses see the vectors of the whole step
  /// (``GradientCache``): the memory of small batches with the negatives of large ones, for one more forward pass. Nil for whole
  /// batches. The gradient is the batch's but for rounding; dropout masks differ, as with micro-batches, with which it does not
  /// go. Trains one model, whose scorer is an `EmbeddingScorer`.
  public var gradientCacheSize: Int?
  /// Whether encoders keep one activation a layer and compute the rest again in the backward pass: less memory, about a third
  /// more time, the same bits.
  public var checkpointsActivations = false
  public var gradients = GradientCombination.summed
  public var maxEpochs = 1000
  public var earlyStopping = EarlyStopping()
  public var checkpoint: CheckpointPolicy?
  /// Of everything random in the loop (dropout). Samplers have seeds of their own.
  public var seed: UInt64
  /// A line with rate and time left on a terminal; nil decides by whether there is one.
  public var showsProgress: Bool?

  public init(seed: UInt64) { self.seed = seed }
}
