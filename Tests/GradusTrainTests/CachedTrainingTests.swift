import GradusCore
import GradusModels
import GradusTensor
import GradusTestSupport
import Testing

@testable import GradusTrain

@Suite("Training with a gradient cache")
struct CachedTrainingTests {
  private static func scorer(dropout: Double, seed: UInt64 = 1) throws -> BiEncoder {
    var generator = SeededGenerator(seed: seed)
    let configuration = BertConfiguration(
      vocabularySize: 5 + TinyModel.words.count, hiddenSize: 8, intermediateSize: 12, layerCount: 2, headCount: 2,
      maximumPositions: 16, hiddenDropout: dropout, attentionDropout: dropout, initializerRange: 0.3)
    return BiEncoder(encoder: BertEncoder(configuration, using: &generator), tokenizer: try #require(TinyModel.tokenizer))
  }

  private static func trainer(
    _ scorer: any PairScorer, cache: Int?, epochs: Int = 1, checkpoints: Bool = false,
    gradients: GradientCombination = .summed, change: (inout TrainerOptions) -> Void = { _ in }
  ) throws -> Trainer {
    var options = TrainerOptions(seed: 11)
    options.batchSize = 7
    options.epochLength = .samples(14)
    options.maxEpochs = epochs
    options.gradientCacheSize = cache
    options.checkpointsActivations = checkpoints
    options.gradients = gradients
    options.showsProgress = false
    change(&options)
    let guide = TrainedModel(try TinyModel.biEncoder.scorer(seed: 5), name: "guide", optimizer: nil)
    return try Trainer(
      models: [
        TrainedModel(scorer, optimizer: SGD(groups: [ParameterGroup(parameters: scorer.parameters, learningRate: 0.05)])), guide,
      ],
      sampler: try PairwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, negatives: 2, seed: 3),
      texts: TinyModel.texts,
      objectives: [
        TrainingObjective(try InfoNCELoss(), qrels: TinyCollection.qrels, weighting: LossMemoryWeighting()),
        TrainingObjective(try GISTEmbedLoss(temperature: 0.2), guide: "guide", name: "guided", scale: 0.7),
        TrainingObjective(PairwiseCrossEntropyLoss(), name: "pairs", scale: 0.5),
      ], options: options)
  }

  @Test(
    "A step is that of the whole batch, whatever the chunks: negatives reach across them",
    arguments: [(1, false), (3, false), (6, true), (7, false), (100, false)])
  func wholeBatch(size: Int, checkpoints: Bool) throws {
    let before = try Self.scorer(dropout: 0)
    let plain = try Self.scorer(dropout: 0), cached = try Self.scorer(dropout: 0)
    let expected = try Self.trainer(plain, cache: nil).train().history[0]
    let found = try Self.trainer(cached, cache: size, checkpoints: checkpoints).train().history[0]
    for (a, b) in zip(found.objectives, expected.objectives) {
      #expect(abs(a.meanLoss - b.meanLoss) <= 1e-5 * max(1, b.meanLoss))
    }
    for (number, parameter) in plain.parameters.enumerated() {
      let start = before.parameters[number].value.floats()
      let wanted = parameter.value.floats(), own = cached.parameters[number].value.floats()
      let moved = zip(wanted, start).map { abs($0 - $1) }.max() ?? 0
      for (a, b) in zip(own, wanted) { #expect(abs(a - b) <= 1e-5 + 1e-3 * moved, "\(parameter.name)") }
    }
    #expect(bits(plain) != bits(before))
  }

  @Test("Chunks cut without a cache are another step, so the comparison sees something")
  func otherwise() throws {
    let plain = try Self.scorer(dropout: 0), cut = try Self.scorer(dropout: 0)
    _ = try Self.trainer(plain, cache: nil).train()
    _ = try Self.trainer(cut, cache: nil) { $0.batchSize = 3 }.train()
    let largest = zip(plain.parameters, cut.parameters).flatMap { zip($0.value.floats(), $1.value.floats()).map { abs($0 - $1) } }
    #expect((largest.max() ?? 0) > 1e-3)
  }

  @Test("Dropout repeats its masks; twice the same bits; resumed inside an epoch, those of a whole training")
  func dropout() throws {
    let whole = try Self.scorer(dropout: 0.2), again = try Self.scorer(dropout: 0.2)
    _ = try Self.trainer(whole, cache: 3, epochs: 3).train()
    _ = try Self.trainer(again, cache: 3, epochs: 3).train()
    #expect(bits(whole) == bits(again))
    let folder = try TemporaryFolder.make()
    let first = try Self.trainer(try Self.scorer(dropout: 0.2), cache: 3, epochs: 3)
    _ = try first.train(steps: 3)
    try first.saveCheckpoint(to: folder)
    let resumed = try Self.scorer(dropout: 0.2)
    let second = try Self.trainer(resumed, cache: 3, epochs: 3)
    try second.resume(from: folder)
    _ = try second.train()
    #expect(bits(resumed) == bits(whole))
    // Another size has other masks: another training.
    let error = #expect(throws: CheckpointError.self) {
      try Self.trainer(try Self.scorer(dropout: 0.2), cache: 4, epochs: 3).resume(from: folder)
    }
    guard case .otherTraining(_, "micro-batch size", _, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("Apart, the objectives' gradients add up to the same")
  func separate() throws {
    let together = try Self.scorer(dropout: 0), apart = try Self.scorer(dropout: 0)
    _ = try Self.trainer(together, cache: 3).train()
    _ = try Self.trainer(apart, cache: 3, gradients: .separate).train()
    for (a, b) in zip(together.parameters, apart.parameters) {
      for (x, y) in zip(a.value.floats(), b.value.floats()) { #expect(abs(x - y) <= 1e-5) }
    }
  }

  @Test("Models that read pairs together, several trained models and steps that are cut otherwise are refused")
  func refusals() throws {
    #expect(throws: TrainingError.noVectors(model: "ranker")) {
      try Self.trainer(try TinyModel.crossEncoder.scorer(), cache: 2)
    }
    #expect(throws: TrainingError.cachedMicroBatches) {
      try Self.trainer(try Self.scorer(dropout: 0), cache: 2) { $0.microBatchSize = 7 }
    }
    #expect(throws: TrainingError.settingTooSmall(name: "gradientCacheSize", found: 0, least: 1)) {
      try Self.trainer(try Self.scorer(dropout: 0), cache: 0)
    }
    let models = try ["a", "b"].map { name in
      let scorer = try Self.scorer(dropout: 0)
      return TrainedModel(
        scorer, name: name, optimizer: SGD(groups: [ParameterGroup(parameters: scorer.parameters, learningRate: 0.1)]))
    }
    var options = TrainerOptions(seed: 1)
    options.gradientCacheSize = 2
    #expect(throws: TrainingError.cachedModels(["a", "b"])) {
      try Trainer(
        models: models, sampler: PairwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, seed: 3),
        texts: TinyModel.texts, objectives: [TrainingObjective(try InfoNCELoss(), model: "a")], options: options)
    }
  }
}
