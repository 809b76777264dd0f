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
  let perSample: (ForwardPass) throws -> Tensor

  /// A ranking loss of one model's scores.
  public init(
    _ loss: any RankingLoss, name: String = "loss", model: String = "ranker", weighting: (any SampleWeighting)? = nil,
    scale: Double = 1
  ) {
    self.init(name: name, model: model, weighting: weighting, scale: scale) { pass in
      try loss.perSample(pass.lossInput(of: model))
    }
  }

  /// Any loss that gives one value a sample, also of several models' scores.
  ///
  ///     TrainingObjective(name: "distillation", model: "student") { pass in
  ///       let difference = try pass.scores(of: "student") - pass.scores(of: "teacher")
  ///       return difference.square().mean(axes: [1])
  ///     }
  ///
  /// - Parameter perSample: Shape `[samples]`.
  public init(
    name: String, model: String = "ranker", weighting: (any SampleWeighting)? = nil, scale: Double = 1,
    perSample: @escaping (ForwardPass) throws -> Tensor
  ) {
    self.name = name
    self.model = model
    self.weighting = weighting
    self.scale = scale
    self.perSample = perSample
  }

  /// The losses, if there is one a sample.
  func checkedLosses(_ pass: ForwardPass) throws -> Tensor {
    let losses = try perSample(pass)
    guard losses.shape == [pass.samples.count] else {
      throw LossError.notPerSample(loss: name, expected: pass.samples.count, found: losses.shape)
    }
    return losses
  }
}

/// The scores of some samples by each model, computed when first asked for and then shared by all objectives.
public final class ForwardPass {
  public let samples: [TrainingSample]
  /// 0-based.
  public let epoch: Int
  /// Optimizer steps before this one.
  public let step: Int
  private let score: (String) throws -> Tensor
  private var cache: [String: Tensor] = [:]

  init(samples: [TrainingSample], epoch: Int, step: Int, score: @escaping (String) throws -> Tensor) {
    self.samples = samples
    self.epoch = epoch
    self.step = step
    self.score = score
  }

  /// Logits of a model, shape `[samples, documents]`, or `[samples, documents, 2]`; with gradient unless the model is
  /// frozen.
  ///
  /// - Throws: ``TrainingError/unknownModel(_:known:)``, and what the scorer throws.
  public func scores(of model: String) throws -> Tensor {
    if let known = cache[model] { return known }
    let scores = try score(model)
    cache[model] = scores
    return scores
  }

  /// A model's logits with the samples, as a ranking loss takes them.
  public func lossInput(of model: String) throws -> LossInput {
    try LossInput(scores: try scores(of: model), samples: samples)
  }
}
