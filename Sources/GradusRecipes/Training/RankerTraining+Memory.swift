import GradusCore
import GradusModels
import GradusTrain

extension RankerTraining {
  /// What memory the training will need: nil for models whose activations are too small to plan.
  ///
  /// The largest batch is taken from pairs like those that will be trained on: the largest of some hundred batches drawn from
  /// the candidates of a few training queries. Copies are those of the best epoch.
  ///
  /// With a gradient cache the largest chunk counts, and the vectors of a whole step beside it.
  func plannedMemory(_ model: RankingModel) throws -> TrainingMemory? {
    guard model.scorer is CrossEncoder || model.scorer is BiEncoder else { return nil }
    let queries = TrainingData.evenly(data.train, 32)
    let candidates = try data.run(queries, model: settings.firstStage, depth: min(settings.depth, 8))
    let lengths = try data.groups(candidates, qrels: queries).flatMap { group in
      try group.candidates.map { try model.scorer.tokens(of: ScoringPair(query: group.query, document: $0.document)).read }
    }
    guard !lengths.isEmpty else { return nil }
    let documents: Int
    switch settings.sampling {
    case .pairwise: documents = 1 + settings.negatives
    case .listwise: documents = settings.listSize
    case .pointwise: documents = 1
    }
    let samples = min(settings.batch, settings.gradientCache ?? settings.microBatch ?? settings.batch)
    let pairs = documents * samples
    var generator = SeededGenerator(seed: 0).stream("lengths of batches")
    let largest = (0..<200).map { _ in
      (0..<pairs).reduce(0) { sum, _ in sum + lengths[Int.random(in: lengths.indices, using: &generator)] }
    }.max() ?? 0
    let stepTokens = largest * ((settings.batch + samples - 1) / samples)
    switch model.scorer {
    case let scorer as CrossEncoder:
      return TrainingMemory(
        of: scorer, tokens: largest, sequences: pairs, stepTokens: stepTokens, checkpoints: settings.checkpointsActivations,
        copies: 1)
    case let scorer as BiEncoder:
      // Pairs count a query once for each of its documents, and it is read once: the plan is that much too high.
      return TrainingMemory(
        of: scorer, tokens: largest, sequences: samples * (1 + documents), stepTokens: stepTokens,
        cachedTexts: settings.gradientCache == nil ? 0 : settings.batch * (1 + documents),
        checkpoints: settings.checkpointsActivations, copies: 1)
    default: return nil
    }
  }
}
