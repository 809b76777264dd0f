import GradusCore
import GradusModels
import GradusTensor
@testable import GradusTrain
import GradusTestSupport
import Testing

/// Every loss with every weighting, every sampler and every architecture: trains, with the same bits when repeated, or is refused
/// with the error that the documentation names.
@Suite("The matrix of losses")
struct LossMatrixTests {
  enum Weighting: String, CaseIterable {
    case none
    case curriculum
    case product

    func make() throws -> (any SampleWeighting)? {
      switch self {
      case .none: nil
      case .curriculum: try TinyTraining.curriculum()
      case .product: try ProductWeighting([TinyTraining.curriculum(), LossMemoryWeighting()], renormalization: .mean(1))
      }
    }
  }

  /// Names with the settings that they cannot do without, or that suit tiny batches.
  static let texts = LossNames.all.map { name in
    switch name {
    case "matryoshka": "matryoshka(dims=8/4)"
    case "ordinal": "ordinal(levels=4)"
    case "icnn": "icnn(k=2)"
    case "groco": "groco(negatives=2)"
    case "groco-in-batch": "groco-in-batch(negatives=2)"
    case "rank-distil": "rank-distil(draws=2)"
    case "neural-ndcg": "neural-ndcg(rounds=3)"
    default: name
    }
  }

  /// Draws with the labels that the loss is about.
  private func sampler(_ form: TrainingSample.Form, _ labels: LossEntry.Labels) throws -> any TrainingSampler {
    let run = TinyCollection.run, qrels = TinyCollection.qrels
    let scale: LabelScale = labels == .probabilities || labels == .clicks || labels == .numbers ? .binary : .grade
    switch form {
    case .pairwise: return try PairwiseSampler(run: run, qrels: qrels, negatives: 2, labels: scale, seed: 3)
    case .listwise: return try ListwiseSampler(run: run, qrels: qrels, size: 4, labels: scale, seed: 3)
    case .pointwise: return try PointwiseSampler(run: run, qrels: qrels, labels: scale, seed: 3)
    }
  }

  private func trained(_ scorer: any PairScorer, learningRate: Double) -> TrainedModel {
    TrainedModel(scorer, optimizer: SGD(groups: [ParameterGroup(parameters: scorer.parameters, learningRate: learningRate)]))
  }

  private struct Run {
    let trainer: Trainer
    let scorers: [any PairScorer]
  }

  private func make(_ text: String, _ weighting: Weighting, _ form: TrainingSample.Form, _ model: TinyModel) throws -> Run {
    let entry = try LossNames.entry(text)
    var scorer = try model.scorer()
    var models: [TrainedModel] = []
    func trained(_ scorer: any PairScorer, _ name: String = "ranker") -> TrainedModel {
      TrainedModel(
        scorer, name: name, optimizer: SGD(groups: [ParameterGroup(parameters: scorer.parameters, learningRate: 1e-3)]),
        gradientClipping: 1)
    }
    let objectives: [TrainingObjective]
    switch try LossNames.named(text, context: LossContext(shown: TinyCollection.run)) {
    case .scores(let loss):
      if let ordinal = loss as? OrdinalLoss {
        scorer = OrdinalScorer(scorer, levels: ordinal.levels)
      } else if loss.logitsPerDocument == 2 {
        scorer = TwoLogitScorer(scorer)
      }
      objectives = [TrainingObjective(loss, weighting: try weighting.make())]
      models = [trained(scorer)]
    case .vectors(let loss):
      objectives = [TrainingObjective(loss, qrels: TinyCollection.qrels, guide: "guide", weighting: try weighting.make())]
      models = [trained(scorer)]
      if loss.needsGuide { models.append(TrainedModel(try TinyModel.biEncoder.scorer(seed: 5), name: "guide", optimizer: nil)) }
    case .dual(let dual):
      objectives = dual.objectives(weighting: try weighting.make())
      models = [trained(scorer), trained(PositionModel(log: dual.log, positions: 9), "propensity")]
    }
    var options = TrainerOptions(seed: 11)
    options.batchSize = 4
    options.epochLength = .samples(12)
    options.maxEpochs = 1
    options.showsProgress = false
    let trainer = try Trainer(
      models: models, sampler: try sampler(form, entry.labels), texts: TinyModel.texts, objectives: objectives, options: options)
    return Run(trainer: trainer, scorers: models.map(\.scorer))
  }

  @Test("Trains three steps to the same bits twice, or is refused as documented", arguments: texts)
  func matrix(text: String) throws {
    let entry = try LossNames.entry(text)
    for model in TinyModel.allCases {
      for form in TrainingSample.Form.allCases {
        let fitsModel = entry.model != .vectors || model == .biEncoder
        for weighting in Weighting.allCases {
          let note: Comment = "\(text), \(weighting) weighting, \(form), \(model)"
          let run = try make(text, weighting, form, model)
          guard fitsModel else {
            #expect(throws: TrainingError.noVectors(model: "ranker"), note) { try run.trainer.train() }
            // The weighting has no part in it.
            break
          }
          guard entry.forms.contains(form) else {
            #expect(throws: LossError.self, note) { try run.trainer.train() }
            break
          }
          let before = bits(run.scorers[0])
          let result = try run.trainer.train()
          #expect(run.trainer.step == 3, note)
          for objective in result.history[0].objectives {
            #expect(objective.meanLoss.isFinite && objective.meanWeightedLoss.isFinite, note)
          }
          let again = try make(text, weighting, form, model)
          #expect(try again.trainer.train().history[0].hasSameResult(as: result.history[0]), note)
          #expect(again.scorers.map(bits) == run.scorers.map(bits), note)
          if weighting == .none { #expect(bits(run.scorers[0]) != before, note) }
        }
      }
    }
  }

  @Test("Losses that compare the samples of a batch refuse micro-batches, and say what to do")
  func microBatches() throws {
    for text in Self.texts {
      guard case .vectors(let loss) = try LossNames.named(text) else { continue }
      func trainer(_ size: Int) throws -> Trainer {
        let scorer = try TinyModel.biEncoder.scorer()
        var options = TrainerOptions(seed: 1)
        options.batchSize = 4
        options.microBatchSize = size
        return try Trainer(
          models: [trained(scorer, learningRate: 1)],
          sampler: try sampler(.pairwise, .roles), texts: TinyModel.texts,
          objectives: [TrainingObjective(loss, guide: "guide", name: text)], options: options)
      }
      if loss.couplesSamples {
        #expect(throws: TrainingError.coupledSamples(objective: text, batchSize: 4, microBatchSize: 2)) { try trainer(2) }
      } else {
        _ = try trainer(2)
      }
      _ = try trainer(4)
    }
    let error = TrainingError.coupledSamples(objective: "infonce", batchSize: 32, microBatchSize: 8)
    #expect("\(error)".contains("leave the micro-batch size out"))
  }

  @Test("The vectors are computed once and shared with the scores; cutting a step changes no loss that couples nothing")
  func sharedPass() throws {
    final class Counting: EmbeddingScorer {
      let base: BiEncoder
      var passes = 0
      init(_ base: BiEncoder) { self.base = base }
      var parameters: [Parameter] { base.parameters }
      var dimension: Int { base.dimension }
      var scoreScale: Double { base.scoreScale }
      func embeddings(
        queries: [Query], documents: [Document], context: ForwardContext
      ) throws -> (queries: Tensor, documents: Tensor) {
        passes += 1
        return try base.embeddings(queries: queries, documents: documents, context: context)
      }
    }
    let scorer = Counting(try #require(try TinyModel.biEncoder.scorer() as? BiEncoder))
    var options = TrainerOptions(seed: 11)
    options.batchSize = 4
    options.epochLength = .samples(4)
    options.maxEpochs = 1
    options.showsProgress = false
    let trainer = try Trainer(
      models: [trained(scorer, learningRate: 0.01)],
      sampler: try sampler(.pairwise, .roles), texts: TinyModel.texts,
      objectives: [
        TrainingObjective(try InfoNCELoss(), weighting: LossMemoryWeighting()),
        TrainingObjective(PairwiseCrossEntropyLoss(), name: "pairs", scale: 0.5),
      ], options: options)
    let result = try trainer.train()
    #expect(scorer.passes == 1 && result.history[0].objectives.count == 2)
  }

  @Test("A loss's memory is part of a checkpoint: resumed inside an epoch, the bits are those of a whole training")
  func statefulResume() throws {
    func make(_ microBatch: Int?) throws -> (Trainer, any PairScorer) {
      let scorer = try TinyModel.biEncoder.scorer()
      var options = TrainerOptions(seed: 11)
      options.batchSize = 4
      options.epochLength = .samples(12)
      options.maxEpochs = 6
      options.microBatchSize = microBatch
      options.showsProgress = false
      let loss = try ALDRKLLoss(lambda0: 1, alpha: 1.2)
      return (
        try Trainer(
          models: [
            TrainedModel(scorer, optimizer: Adam(groups: [ParameterGroup(parameters: scorer.parameters, learningRate: 0.05)]))
          ],
          sampler: try sampler(.pairwise, .roles), texts: TinyModel.texts,
          objectives: [TrainingObjective(loss, weighting: LossMemoryWeighting())], options: options), scorer
      )
    }
    let folder = try TemporaryFolder.make()
    for microBatch in [nil, 3] as [Int?] {
      let (whole, expected) = try make(microBatch)
      let result = try whole.train()
      let (first, _) = try make(microBatch)
      _ = try first.train(steps: 7)
      try first.saveCheckpoint(to: folder)
      let (second, scorer) = try make(microBatch)
      try second.resume(from: folder)
      #expect(try second.train().history.map(\.objectives) == result.history.map(\.objectives))
      #expect(bits(scorer) == bits(expected))
      let loss = try #require(second.statefulLosses[0] as? ALDRKLLoss)
      #expect(loss.lambdas.count > 12 && loss.lambdas.values.contains { $0 < 0.999 })
      #expect(loss.lambdas == (whole.statefulLosses[0] as? ALDRKLLoss)?.lambdas)
    }
  }
}
