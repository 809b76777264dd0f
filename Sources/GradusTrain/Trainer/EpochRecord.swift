/// What happened in one epoch.
public struct EpochRecord: Sendable, Equatable, Codable {
  /// An objective's losses.
  public struct Objective: Sendable, Equatable, Codable {
    public let name: String
    /// Mean unweighted loss of the epoch's samples.
    public let meanLoss: Double
    /// Mean of weight x loss; equals `meanLoss` without a weighting.
    public let meanWeightedLoss: Double
    /// Mean D, mean W, share of samples with D below 0.5; nil without a weighting.
    public let weighting: WeightingStatistics?
  }

  /// The rate of a parameter group.
  public struct LearningRate: Sendable, Equatable, Codable {
    public let model: String
    public let group: String
    /// As applied in the last step of the epoch.
    public let value: Double
  }

  /// 0-based.
  public let epoch: Int
  /// Optimizer steps since the beginning of the training.
  public let steps: Int
  public let samples: Int
  public let objectives: [Objective]
  public let learningRates: [LearningRate]
  /// Nil without a validation.
  public let validation: ValidationResult?
  /// Whether the validation is the best so far.
  public let isBest: Bool
  /// Time of training and of validation. Says nothing about the result; left out of ``hasSameResult(as:)``.
  public let trainingSeconds: Double
  public let validationSeconds: Double

  /// Equal in all but the time it took.
  public func hasSameResult(as other: EpochRecord) -> Bool {
    epoch == other.epoch && steps == other.steps && samples == other.samples && objectives == other.objectives
      && learningRates == other.learningRates && validation == other.validation && isBest == other.isBest
  }
}
