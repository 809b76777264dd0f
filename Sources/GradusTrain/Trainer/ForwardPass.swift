import GradusTensor

/// The outputs of each model for some samples, computed when first asked for and then shared by all objectives.
public final class ForwardPass {
  /// What one model gives for the samples: the vectors, where it makes any, are those that the scores come from.
  struct ModelOutput {
    let scores: Tensor
    let embeddings: SampleEmbeddings?
  }

  public let samples: [TrainingSample]
  /// 0-based.
  public let epoch: Int
  /// Optimizer steps before this one.
  public let step: Int
  private let compute: (String) throws -> ModelOutput
  private var cache: [String: ModelOutput] = [:]

  init(samples: [TrainingSample], epoch: Int, step: Int, compute: @escaping (String) throws -> ModelOutput) {
    self.samples = samples
    self.epoch = epoch
    self.step = step
    self.compute = compute
  }

  private func output(of model: String) throws -> ModelOutput {
    if let known = cache[model] { return known }
    let output = try compute(model)
    cache[model] = output
    return output
  }

  /// Logits of a model, shape `[samples, documents]`, or `[samples, documents, logits]`; with gradient unless the model is
  /// frozen.
  ///
  /// - Throws: ``TrainingError/unknownModel(_:known:)``, and what the scorer throws.
  public func scores(of model: String) throws -> Tensor { try output(of: model).scores }

  /// The vectors of a model that reads queries and documents apart; with gradient unless the model is frozen.
  ///
  /// - Throws: ``TrainingError/noVectors(model:)``, and what ``scores(of:)`` throws.
  public func embeddings(of model: String) throws -> SampleEmbeddings {
    guard let embeddings = try output(of: model).embeddings else { throw TrainingError.noVectors(model: model) }
    return embeddings
  }

  /// A model's logits with the samples, as a ranking loss takes them.
  public func lossInput(of model: String) throws -> LossInput {
    try LossInput(scores: try scores(of: model), samples: samples)
  }
}
