import GradusModels
import GradusTensor

/// A model of how likely each position is looked at, as a scorer: a pair's score is the logit of the position at which the log
/// showed the document, whatever query and document say.
///
/// The second model of dual learning (``DualLearning``); trained beside a ranker.
///
///     TrainedModel(PositionModel(log: log, positions: 10), name: "propensity", optimizer: SGD(groups: ...))
public struct PositionModel: PairScorer {
  /// Documents shown further down share the last position's.
  public let positions: Int
  private let log: ClickLog
  private let logits: Parameter

  /// - Parameter positions: At least 1; all start alike.
  public init(log: ClickLog, positions: Int) {
    precondition(positions >= 1, "a position model needs a position")
    self.log = log
    self.positions = positions
    logits = Parameter("positions", .zeros([positions]))
  }

  public var parameters: [Parameter] { [logits] }

  /// - Throws: ``LossError/notInLog(qid:docno:)``.
  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    let places = try batch.map { pair in
      Int32(min(try log.position(qid: pair.query.qid, docno: pair.document.docno), positions) - 1)
    }
    return logits.value.indexSelect(Tensor(indices: places, shape: [places.count]))
  }

  /// Estimated propensities, relative to the first position's; at most 1.
  public func propensities() throws(LossError) -> Propensities {
    let values = logits.value.doubles()
    return try Propensities(values.map { min(1, max(exponential($0 - values[0]), 1e-12)) })
  }
}
