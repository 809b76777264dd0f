/// What happened in one epoch.
public struct EpochRecord: Sendable, Equatable, Codable {
  public struct Objective: Sendable, Equatable, Codable {
    public let name: String
    /// Mean unweighted loss of the epoch's samples.
    public let meanLoss: Double
    /// Mean of weight x loss; equals `meanLoss` without a weighting.
    public let meanWeightedLoss: Double
    /// Mean D, mean W, share of samples with D below 0.5; nil without a weighting.
    public let weighting: WeightingStatistics?
  }

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

/// How a training went and why it ended.
public struct TrainingResult: Sendable, Equatable {
  public enum End: String, Sendable, Equatable, Codable {
    /// All epochs were done.
    case maxEpochs
    /// No better epoch for as long as early stopping waits.
    case patience
    /// The caller's limit of steps; a further call goes on.
    case interrupted
  }

  public let history: [EpochRecord]
  /// The epoch whose weights the models have now; nil without a validation, where they have the last ones.
  public let bestEpoch: Int?
  public let end: End

  /// Whether early stopping ended the training while a curriculum still weighed samples differently: the curriculum was
  /// longer than the patience allowed for.
  public var stoppedInsideCurriculum: Bool {
    guard end == .patience, let last = history.last else { return false }
    return last.objectives.contains { $0.weighting?.meanEasiness != nil && $0.weighting?.meanWeight != 1 }
  }
}
