import GradusCore
import GradusModels
import GradusTensor

extension Trainer {
  /// The one model that is trained and reads queries and documents apart, as gradient caching needs it.
  ///
  /// - Throws: ``TrainingError/noVectors(model:)``, ``TrainingError/cachedModels(_:)``.
  static func cachedModel(of models: [TrainedModel]) throws -> (model: TrainedModel, scorer: any EmbeddingScorer) {
    let trained = models.filter { $0.optimizer != nil }
    guard let model = trained.first, trained.count == 1 else { throw TrainingError.cachedModels(trained.map(\.name)) }
    guard let scorer = model.scorer as? any EmbeddingScorer else { throw TrainingError.noVectors(model: model.name) }
    return (model, scorer)
  }

  /// The gradients of some objectives over the whole step, which is encoded and differentiated by `size` samples at a time
  /// (``GradientCache``).
  func cachedBackward(
    _ batch: inout StepBatch, positions: Range<Int>, size: Int, sums: inout [TrainerState.ObjectiveSums]
  ) throws -> [String: GradientStore] {
    let samples = batch.samples
    guard let count = samples.first?.documents.count else { throw LossError.emptyBatch }
    for sample in samples where sample.documents.count != count { throw LossError.raggedBatch(samples[0].id, sample.id) }
    let (model, scorer) = try Self.cachedModel(of: models)
    let cuts = stride(from: 0, to: samples.count, by: size).map { $0..<min($0 + size, samples.count) }
    let step = try GradientCache(parameters: model.trainedParameters).gradients(over: cuts) { cut in
      let context = trainingContext(model.name, from: cut.lowerBound)
      let vectors = try scorer.checkedEmbeddings(of: Array(samples[cut]), texts: texts, context: context)
      return concatenated(
        [vectors.queries, vectors.documents.reshaped(to: [cut.count * count, scorer.dimension])], axis: 0)
    } loss: { rows in
      let vectors = Self.sampleVectors(rows, cuts: cuts, documents: count)
      let pass = ForwardPass(samples: samples, epoch: state.epoch, step: state.step) { [self] name in
        guard name == model.name else { return try frozenOutput(of: name, samples, cuts) }
        return ForwardPass.ModelOutput(
          scores: scorer.scores(queries: vectors.queries, documents: vectors.documents), embeddings: vectors)
      }
      var total: Tensor?
      for position in positions {
        let term = try objectiveTerm(position, pass, &batch, samples.indices, &sums[position])
        total = total.map { $0 + term } ?? term
      }
      return total ?? .zeros([1])
    }
    return [model.name: step.gradients]
  }

  /// Rows of all chunks, of each its queries and then its documents, as the vectors of the step's samples.
  private static func sampleVectors(_ rows: Tensor, cuts: [Range<Int>], documents: Int) -> SampleEmbeddings {
    var ofQueries: [Int32] = [], ofDocuments: [Int32] = []
    var start = 0
    for cut in cuts {
      ofQueries += (start..<start + cut.count).map(Int32.init)
      start += cut.count
      ofDocuments += (start..<start + cut.count * documents).map(Int32.init)
      start += cut.count * documents
    }
    return SampleEmbeddings(
      queries: rows.indexSelect(Tensor(indices: ofQueries, shape: [ofQueries.count])),
      documents: rows.indexSelect(Tensor(indices: ofDocuments, shape: [ofDocuments.count]))
        .reshaped(to: [ofQueries.count, documents, rows.shape[1]]))
  }

  /// What a model gives that is only asked, chunk by chunk.
  private func frozenOutput(
    of name: String, _ samples: [TrainingSample], _ cuts: [Range<Int>]
  ) throws -> ForwardPass.ModelOutput {
    let model = try model(named: name)
    let parts = try withoutGradients {
      try cuts.map { try output(of: model, Array(samples[$0]), context: .inference) }
    }
    let embeddings = parts.compactMap(\.embeddings)
    return ForwardPass.ModelOutput(
      scores: concatenated(parts.map(\.scores), axis: 0),
      embeddings: embeddings.isEmpty ? nil : SampleEmbeddings(
        queries: concatenated(embeddings.map(\.queries), axis: 0),
        documents: concatenated(embeddings.map(\.documents), axis: 0)))
  }
}
