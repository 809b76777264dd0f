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
