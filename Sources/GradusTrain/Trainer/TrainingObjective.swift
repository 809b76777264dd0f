import GradusCore
import GradusTensor

/// One term of what is minimised: a loss of some model's scores, weighted sample by sample.
///
/// With several objectives the training loss is the sum of `scale x sum(weight x loss) / samples` over them.
///
///     let objective = TrainingObjective(PairwiseSoftmaxLoss(), weighting: curriculum)
public struct TrainingObjective {
  public let name: String
  /// The model whose scores the loss (and a weighting that reads scores) is about.
  public let model: String
  /// Nil for weights of 1.
  public let weighting: (any SampleWeighting)?
  public let scale: Double
  /// Whether a sample's loss depends on the other samples of its step, so that the step cannot be cut.
  public let couplesSamples: Bool
  /// A loss with a memory as it is before the first step; the trainer keeps what becomes of it.
  let stateful: (any StatefulLoss)?
  let perSample: (ForwardPass) throws -> Tensor

  /// A ranking loss of one model's scores.
  public init(
    _ loss: any RankingLoss, name: String = "loss", model: String = "ranker", weighting: (any SampleWeighting)? = nil,
    scale: Double = 1
  ) {
    self.init(
      name: name, model: model, weighting: weighting, scale: scale, stateful: loss as? any StatefulLoss, couplesSamples: false
    ) { try $0.perSample(of: model) { try loss.perSample($0) } }
  }

  /// A ranking loss of every exit of a model and of its last layer, trained jointly (BranchyNet, Teerapittayanon et al., ICPR
  /// 2016; for ranking Xin et al., SustaiNLP 2020):
  ///
  ///     loss = loss of the last layer + exitWeight * sum over exits of the exit's loss
  ///
  /// - Parameters:
  ///   - loss: Of one logit a document, and without a memory.
  ///   - exitWeight: At least 0.
  ///   - model: A `MultiExitScorer`.
  public init(
    _ loss: any RankingLoss, exitWeight: Double, name: String = "loss", model: String = "ranker",
    weighting: (any SampleWeighting)? = nil, scale: Double = 1
  ) {
    precondition(!(loss is any StatefulLoss), "a loss with a memory has one for each exit")
    self.init(name: name, model: model, weighting: weighting, scale: scale, stateful: nil, couplesSamples: false) { pass in
      try pass.perSample(of: model) { input in
        guard input.scores.rank == 3 else { throw LossError.logits(loss: "\(type(of: loss)) of exits", expected: 2, found: 1) }
        let count = input.scores.shape[2]
        let losses = try (0..<count).map { path in
          let own = input.scores.slice(axis: 2, from: path, to: path + 1).squeezed(-1)
          return try loss.perSample(LossInput(scores: own, samples: input.samples))
        }
        return losses.dropLast().reduce(losses[count - 1]) { $0 + $1 * exitWeight }
      }
    }
  }

  /// A loss of one model's vectors; a weighting that reads scores sees the scores that come from them.
  ///
  ///     TrainingObjective(try InfoNCELoss(), qrels: trainingQrels, weighting: curriculum)
  ///
  /// - Parameters:
  ///   - qrels: Judgements by which documents of other samples are no negatives; nil where the samples alone tell.
  ///   - guide: Name of the model, usually without an optimizer, that losses with ``EmbeddingLoss/needsGuide`` ask.
  public init(
    _ loss: any EmbeddingLoss, qrels: Qrels? = nil, guide: String? = nil, name: String = "loss", model: String = "ranker",
    weighting: (any SampleWeighting)? = nil, scale: Double = 1
  ) {
    self.init(
      name: name, model: model, weighting: weighting, scale: scale, stateful: nil, couplesSamples: loss.couplesSamples
    ) { pass in
      if loss.needsGuide, guide == nil { throw LossError.guideNeeded(loss: "\(type(of: loss))") }
      return try loss.perSample(
        EmbeddingInput(
          pass.embeddings(of: model), samples: pass.samples, qrels: qrels,
          guide: loss.needsGuide ? guide.map(pass.embeddings(of:)) : nil))
    }
  }

  /// Any loss that gives one value a sample, also of several models' scores.
  ///
  ///     TrainingObjective(name: "distillation", model: "student") { pass in
  ///       let difference = try pass.scores(of: "student") - pass.scores(of: "teacher")
  ///       return difference.square().mean(axes: [1])
  ///     }
  ///
  /// - Parameters:
  ///   - couplesSamples: Whether a sample's value depends on the others of its step.
  ///   - perSample: Shape `[samples]`.
  public init(
    name: String, model: String = "ranker", weighting: (any SampleWeighting)? = nil, scale: Double = 1,
    couplesSamples: Bool = false, perSample: @escaping (ForwardPass) throws -> Tensor
  ) {
    self.init(
      name: name, model: model, weighting: weighting, scale: scale, stateful: nil, couplesSamples: couplesSamples,
      perSample: perSample)
  }

  private init(
    name: String, model: String, weighting: (any SampleWeighting)?, scale: Double, stateful: (any StatefulLoss)?,
    couplesSamples: Bool, perSample: @escaping (ForwardPass) throws -> Tensor
  ) {
    self.name = name
    self.model = model
    self.weighting = weighting
    self.scale = scale
    self.stateful = stateful
    self.couplesSamples = couplesSamples
    self.perSample = perSample
  }

  /// The losses, if there is one a sample.
  ///
  /// - Parameter state: What the training has made of ``stateful``.
  func checkedLosses(_ pass: ForwardPass, state: (any StatefulLoss)? = nil) throws -> Tensor {
    let losses = try state.map { state in try pass.perSample(of: model) { try state.perSample($0) } } ?? perSample(pass)
    guard losses.shape == [pass.samples.count] else {
      throw LossError.notPerSample(loss: name, expected: pass.samples.count, found: losses.shape)
    }
    return losses
  }
}
