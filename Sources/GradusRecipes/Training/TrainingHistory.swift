import GradusTrain

/// How a training went: `history.json` beside the model.
public struct TrainingHistory: Sendable, Equatable, Codable {
  /// One epoch. Counted from 0.
  public struct Epoch: Sendable, Equatable, Codable {
    public let epoch: Int
    /// Mean of the unweighted loss, and of weight x loss.
    public let loss: Double
    public let weightedLoss: Double
    /// Mean D, mean W and the share of samples with D below 0.5; nil without a curriculum.
    public let meanEasiness: Double?
    public let meanWeight: Double?
    public let hardShare: Double?
    /// Effective samples as a share of all, and the largest weight; nil without a weighting.
    public let effectiveShare: Double?
    public let largestWeight: Double?
    /// The development measure of the model alone.
    public let dev: Double
    public let isBest: Bool
    /// Of training and validation together. Says nothing about the result.
    public let seconds: Double

    init(_ record: EpochRecord) {
      let objective = record.objectives[0]
      epoch = record.epoch
      loss = objective.meanLoss
      weightedLoss = objective.meanWeightedLoss
      meanEasiness = objective.weighting?.meanEasiness
      meanWeight = objective.weighting?.meanWeight
      hardShare = objective.weighting?.hardShare
      effectiveShare = objective.weighting?.effectiveShare
      largestWeight = objective.weighting?.largestWeight
      dev = record.validation?.value ?? 0
      isBest = record.isBest
      seconds = record.trainingSeconds + record.validationSeconds
    }

    private init(_ other: Epoch, seconds: Double) {
      epoch = other.epoch
      loss = other.loss
      weightedLoss = other.weightedLoss
      meanEasiness = other.meanEasiness
      meanWeight = other.meanWeight
      hardShare = other.hardShare
      effectiveShare = other.effectiveShare
      largestWeight = other.largestWeight
      dev = other.dev
      isBest = other.isBest
      self.seconds = seconds
    }

    /// The same with time 0, for files that must not depend on the clock.
    var withoutTime: Epoch { Epoch(self, seconds: 0) }

    enum CodingKeys: String, CodingKey {
      case epoch, loss, dev, seconds
      case weightedLoss = "weighted_loss"
      case meanEasiness = "mean_easiness"
      case meanWeight = "mean_weight"
      case hardShare = "hard_share"
      case effectiveShare = "effective_share"
      case largestWeight = "largest_weight"
      case isBest = "is_best"
    }
  }

  /// What the development queries say in the end.
  public struct Development: Sendable, Equatable, Codable {
    public let measure: String
    public let queries: Int
    /// Candidates a query.
    public let depth: Int
    /// The candidates in the first stage's order.
    public let firstStage: Double
    /// Re-ranked by the model of the best epoch.
    public let model: Double
    /// By `model + firstStageWeight * firstStage`; nil where that was not tuned.
    public let interpolated: Double?
    public let firstStageWeight: Double?

    enum CodingKeys: String, CodingKey {
      case measure, queries, depth, model, interpolated
      case firstStage = "first_stage"
      case firstStageWeight = "first_stage_weight"
    }
  }

  public let epochs: [Epoch]
  public let bestEpoch: Int
  public let end: TrainingResult.End
  /// Early stopping came before the curriculum was over.
  public let stoppedInsideCurriculum: Bool
  public let development: Development

  enum CodingKeys: String, CodingKey {
    case epochs, end, development
    case bestEpoch = "best_epoch"
    case stoppedInsideCurriculum = "stopped_inside_curriculum"
  }
}
