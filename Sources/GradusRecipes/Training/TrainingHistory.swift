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
      dev = record.validation?.value ?? 0
      isBest = record.isBest
      seconds = record.trainingSeconds + record.validationSeconds
    }

    init(
      epoch: Int, loss: Double, weightedLoss: Double, meanEasiness: Double?, meanWeight: Double?, hardShare: Double?,
      dev: Double, isBest: Bool, seconds: Double
    ) {
      self.epoch = epoch
      self.loss = loss
      self.weightedLoss = weightedLoss
      self.meanEasiness = meanEasiness
      self.meanWeight = meanWeight
      self.hardShare = hardShare
      self.dev = dev
      self.isBest = isBest
      self.seconds = seconds
    }

    enum CodingKeys: String, CodingKey {
      case epoch, loss, dev, seconds
      case weightedLoss = "weighted_loss"
      case meanEasiness = "mean_easiness"
      case meanWeight = "mean_weight"
      case hardShare = "hard_share"
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
