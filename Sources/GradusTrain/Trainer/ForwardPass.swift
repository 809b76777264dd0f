import GradusTensor

/// The outputs of each model for some samples, computed when first asked for and then shared by all objectives.
public final class ForwardPass {
  /// What one model gives for the samples: the vectors, where it makes any, are those that the scores come from.
  struct ModelOutput {
    /// `[samples, documents]` or `[samples, documents, logits]`; `[pairs]` or `[pairs, logits]` where samples differ in length.
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
  /// - Throws: ``LossError/raggedBatch(_:_:)`` where samples differ in their number of documents;
  ///   ``TrainingError/unknownModel(_:known:)``, and what the scorer throws.
  public func scores(of model: String) throws -> Tensor {
    if let odd = samples.firstOfOtherLength { throw LossError.raggedBatch(samples[0].id, odd.id) }
    return try output(of: model).scores
  }

  /// The same in one row, sample by sample, also of samples of different lengths: `[documents]`, or `[documents, logits]`.
  func flatLogits(of model: String) throws -> Tensor {
    let scores = try output(of: model).scores
    guard samples.firstOfOtherLength == nil else { return scores }
    return scores.reshaped(to: [scores.shape[0] * scores.shape[1]] + scores.shape.dropFirst(2))
  }

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

  /// A loss of samples that may differ in their number of documents, such as whole lists of features: the samples of one
  /// length at a time, since a sample's loss does not depend on the others.
  ///
  /// - Returns: `[samples]`, in their order.
  func perSample(of model: String, _ loss: (LossInput) throws -> Tensor) throws -> Tensor {
    guard samples.firstOfOtherLength != nil else { return try loss(try lossInput(of: model)) }
    var parts: [Tensor] = []
    var order: [Int] = []
    for (input, places) in try LossInput.byLength(try flatLogits(of: model), samples) {
      let values = try loss(input)
      guard values.shape == [places.count] else { return values }
      parts.append(values)
      order += places
    }
    var rank = [Int32](repeating: 0, count: order.count)
    for (position, place) in order.enumerated() { rank[place] = Int32(position) }
    return concatenated(parts, axis: 0).indexSelect(Tensor(indices: rank, shape: [rank.count]))
  }
}

extension LossInput {
  /// Samples of each length by themselves, the shortest first, with their places among all.
  ///
  /// - Parameter logits: Of all documents in one row, sample by sample.
  static func byLength(
    _ logits: Tensor, _ samples: [TrainingSample]
  ) throws(LossError) -> [(input: LossInput, places: [Int])] {
    var places: [Int: [Int]] = [:]
    var starts = [0]
    for (place, sample) in samples.enumerated() {
      places[sample.documents.count, default: []].append(place)
      starts.append(starts[place] + sample.documents.count)
    }
    var inputs: [(input: LossInput, places: [Int])] = []
    for (length, own) in places.sorted(by: { $0.key < $1.key }) {
      let rows = own.flatMap { place in (0..<length).map { Int32(starts[place] + $0) } }
      let scores = own.count == samples.count ? logits : logits.indexSelect(Tensor(indices: rows, shape: [rows.count]))
      let shape = [own.count, length] + logits.shape.dropFirst()
      inputs.append((try LossInput(scores: scores.reshaped(to: shape), samples: own.map { samples[$0] }), own))
    }
    return inputs
  }
}

extension Array where Element == TrainingSample {
  /// The first sample with another number of documents than the first one.
  var firstOfOtherLength: TrainingSample? {
    first.flatMap { head in first { $0.documents.count != head.documents.count } }
  }
}
