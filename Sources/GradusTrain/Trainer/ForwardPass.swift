import GradusTensor

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
