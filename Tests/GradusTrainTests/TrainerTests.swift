import GradusCore
import GradusEval
import GradusModels
import GradusTensor
@testable import GradusTrain
import GradusTestSupport
import Testing

/// A curriculum that believes to be so many epochs further on.
struct LaterWeighting: SampleWeighting {
  let base: CurriculumWeighting
  let epochs: Int
  var readsScores: Bool { false }
  func weights(for input: WeightingInput) throws -> SampleWeights {
    try base.weights(for: WeightingInput(samples: input.samples, epoch: input.epoch.map { $0 + epochs }, step: input.step))
  }
}

/// Weights by a sample's loss, as numbers.
struct LossWeighting: SampleWeighting {
  var readsScores: Bool { true }
  func weights(for input: WeightingInput) -> SampleWeights { SampleWeights(values: input.losses.map { 1 / (1 + $0) }) }
}

@Suite("Trainer")
struct TrainerTests {
  @Test("From the curriculum's end on, training is the unweighted one to the bit")
  func endedCurriculum() throws {
    var plain = TinyTraining()
    plain.validation = try TinyTexts.validation()
    var weighted = plain
    let curriculum = try TinyTraining.curriculum(KDEScoreDifficulty(), endEpoch: 4)
    weighted.objectives = [
      TrainingObjective(PairwiseSoftmaxLoss(), weighting: LaterWeighting(base: curriculum, epochs: 4))
    ]
    #expect(try weighted.trainedBits() == plain.trainedBits())
    weighted.objectives = [
      TrainingObjective(PairwiseSoftmaxLoss(), weighting: LaterWeighting(base: curriculum, epochs: 3))
    ]
    #expect(try weighted.trainedBits() != plain.trainedBits())
  }

  @Test("Groups of one are per sample to the bit; a group of the batch is the baseline of matched mean weight")
  func granularity() throws {
    func bits(_ weighting: any SampleWeighting) throws -> [UInt32] {
      var training = TinyTraining()
      training.objectives = [TrainingObjective(PairwiseSoftmaxLoss(), weighting: weighting)]
      return try training.trainedBits()
    }
    let curriculum = try TinyTraining.curriculum()
    let perSample = try bits(curriculum)
    #expect(try bits(curriculum.averaged(over: .groupMean(size: 1))) == perSample)
    let baseline = try bits(curriculum.averaged(over: .batchMean))
    #expect(baseline != perSample)
    #expect(try bits(curriculum.averaged(over: .groupMean(size: 4))) == baseline)
    #expect(try bits(curriculum.averaged(over: .groupMean(size: 2))) != baseline)
  }

  @Test("No gradient flows into weights: weights by the loss act like the same numbers given from outside")
  func detachedWeights() throws {
    func oneStep(_ weighting: any SampleWeighting) throws -> (Trainer, [UInt32]) {
      var training = TinyTraining()
      training.usesSGD = true
      training.objectives = [TrainingObjective(PairwiseCrossEntropyLoss(), weighting: weighting)]
      let (trainer, scorer) = try training.make()
      _ = try trainer.train(steps: 1)
      return (trainer, scorer.bits)
    }
    final class Recorder: SampleWeighting, @unchecked Sendable {
      // Used by one trainer on one thread.
      var values: [Double] = []
      var readsScores: Bool { true }
      func weights(for input: WeightingInput) -> SampleWeights {
        #expect(input.scores.allSatisfy { $0.count == 3 } && input.epoch == 0 && input.step == 0)
        values = LossWeighting().weights(for: input).values
        return SampleWeights(values: values)
      }
    }
    let recorder = Recorder()
    let fromLosses = try oneStep(recorder).1
    #expect(recorder.values.count == 4 && Set(recorder.values).count == 4)
    #expect(try oneStep(FixedWeighting(values: recorder.values)).1 == fromLosses)
    #expect(try oneStep(FixedWeighting(values: recorder.values.map { $0 * 0.99 })).1 != fromLosses)
  }

  @Test("The step is the gradient of the mean of weight x loss, divided by the batch and not by the weights")
  func reduction() throws {
    let weights = [0.5, 1, 0, 0.25]
    var training = TinyTraining()
    training.dropout = 0
    training.objectives = [TrainingObjective(PairwiseSoftmaxLoss(), weighting: FixedWeighting(values: weights), scale: 3)]
    let scorer = TinyScorer(seed: 1, dropout: 0)
    let before = scorer.parameters.map { $0.value.floats() }
    let sgd = SGD(groups: [ParameterGroup(parameters: scorer.parameters, learningRate: 1)])
    let trainer = try training.make(models: [TrainedModel(scorer, optimizer: sgd)])
    _ = try trainer.train(steps: 1)

    let reference = TinyScorer(seed: 1, dropout: 0)
    var sampler = try PairwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, negatives: 2, seed: 3)
    var expected = before
    for (sample, weight) in zip(try sampler.next(4), weights) {
      let query = try TinyTexts.texts.query(sample.qid)
      let pairs = try sample.documents.map { ScoringPair(query: query, document: try TinyTexts.texts.document($0.docno)) }
      let scores = reference.scores(pairs, context: .inference).reshaped(to: [1, 3])
      let loss = try PairwiseSoftmaxLoss().perSample(LossInput(scores: scores, samples: [sample])).sum()
      let found = try gradients(of: loss, withRespectTo: reference.parameters.map(\.value))
      for (position, gradient) in found.enumerated() {
        for (element, value) in gradient.floats().enumerated() {
          expected[position][element] -= Float(3 * weight / 4) * value
        }
      }
    }
    for (parameter, values) in zip(scorer.parameters, expected) {
      for (found, value) in zip(parameter.value.floats(), values) { #expect(abs(found - value) < 1e-6) }
    }
    #expect(before != scorer.parameters.map { $0.value.floats() })
  }

  @Test(
    "Micro-batches change memory and rounding, not the step; weights that read scores see the whole batch",
    arguments: [1, 2, 3])
  func microBatches(size: Int) throws {
    struct BatchWeighting: SampleWeighting {
      var readsScores: Bool { true }
      func weights(for input: WeightingInput) -> SampleWeights {
        #expect(input.samples.count == input.losses.count && input.samples.count == input.scores.count)
        let top = input.losses.max() ?? 1
        return SampleWeights(values: input.losses.map { $0 / top })
      }
    }
    for weighting in [nil, BatchWeighting(), try TinyTraining.curriculum()] as [(any SampleWeighting)?] {
      var training = TinyTraining()
      training.usesSGD = true
      training.learningRate = 10
      training.dropout = 0
      training.objectives = [TrainingObjective(PairwiseSoftmaxLoss(), weighting: weighting)]
      let whole = try training.make()
      let before = whole.scorer.parameters.flatMap { $0.value.floats() }
      _ = try whole.trainer.train(steps: 1)
      let moved = zip(before, whole.scorer.parameters.flatMap { $0.value.floats() }).map { abs($0 - $1) }
      #expect(moved.contains { $0 > 0.1 })
      training.options.microBatchSize = size
      let cut = try training.make()
      _ = try cut.trainer.train(steps: 1)
      let sums = (whole.trainer.state.objectives[0], cut.trainer.state.objectives[0])
      #expect(approximately(sums.0.weightedLoss, sums.1.weightedLoss, within: 1e-6))
      for (first, second) in zip(whole.scorer.parameters, cut.scorer.parameters) {
        for (x, y) in zip(first.value.floats(), second.value.floats()) { #expect(abs(x - y) < 1e-5) }
      }
    }
  }

  @Test("The same bits on one thread and on several")
  func threads() throws {
    let limit = WorkerPool.shared.threadLimit
    defer { WorkerPool.shared.threadLimit = limit }
    var training = TinyTraining()
    training.objectives = [TrainingObjective(PairwiseSoftmaxLoss(), weighting: try TinyTraining.curriculum())]
    WorkerPool.shared.threadLimit = 1
    let one = try training.trainedBits()
    WorkerPool.shared.threadLimit = 8
    #expect(try training.trainedBits() == one)
  }

  @Test("Epochs in samples and in passes; the last step of an epoch may be smaller")
  func epochs() throws {
    var training = TinyTraining()
    training.options.maxEpochs = 2
    let (trainer, _) = try training.make()
    let result = try trainer.train()
    #expect(result.end == .maxEpochs && result.bestEpoch == nil)
    #expect(result.history.map(\.samples) == [10, 10] && result.history.map(\.steps) == [3, 6])
    training.options.epochLength = .passes(2)
    let passes = try training.make().trainer
    #expect(passes.samplesPerEpoch == 2 * TinyCollection.queries)
    // Linear warm-up over 2 steps, then a decline to 200: step 5 has factor 195 / 198.
    let rates = result.history[1].learningRates
    #expect(rates.map(\.group) == ["hidden", "output"])
    #expect(approximately(rates[1].value, 0.05 * 195 / 198, within: 1e-12))
  }

  @Test("History: losses fall, the curriculum's statistics are those of the samples drawn")
  func history() throws {
    var training = TinyTraining()
    training.options.epochLength = .samples(24)
    training.options.maxEpochs = 12
    training.dropout = 0
    training.validation = try TinyTexts.validation()
    training.objectives = [TrainingObjective(PairwiseSoftmaxLoss(), weighting: try TinyTraining.curriculum(endEpoch: 4))]
    let result = try training.make().trainer.train()
    let history = result.history
    #expect(history[11].objectives[0].meanLoss < 0.5 * history[0].objectives[0].meanLoss)
    #expect(history.compactMap { $0.validation?.value }.max() ?? 0 > 0.95)

    var sampler = try PairwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, negatives: 2, seed: 3)
    let statistics = try FirstStageStatistics(run: TinyCollection.run)
    let easiness = try sampler.next(24).map { try ReciprocalRankDifficulty().easiness(of: $0, in: statistics) }
    let first = try #require(history[0].objectives[0].weighting)
    #expect(approximately(first.meanEasiness ?? -1, easiness.reduce(0, +) / 24, within: 1e-12))
    #expect(first.meanWeight == first.meanEasiness)
    #expect(approximately(first.hardShare ?? -1, Double(easiness.count { $0 < 0.5 }) / 24, within: 1e-12))
    #expect(history[0].objectives[0].meanWeightedLoss < history[0].objectives[0].meanLoss)
    #expect(history[4...].allSatisfy { $0.objectives[0].weighting?.meanWeight == 1 })
    #expect(history[4...].allSatisfy { $0.objectives[0].meanWeightedLoss == $0.objectives[0].meanLoss })
  }

  @Test("The best epoch is the first of the strictly best; its weights are kept; patience counts from it")
  func earlyStopping() throws {
    struct Snapshots: TrainerHook {
      var bits: [[UInt32]] = []
      mutating func afterEpoch(_ trainer: Trainer, record: EpochRecord) {
        bits.append(trainer.models[0].scorer.parameters.flatMap { $0.value.floats().map(\.bitPattern) })
      }
    }
    var training = TinyTraining()
    training.options.maxEpochs = 50
    training.options.earlyStopping.patience = 3
    training.validation = ScriptedValidation([0.2, 0.5, 0.5, 0.4, 0.5, 0.9])
    training.hooks = [Snapshots()]
    let (trainer, scorer) = try training.make()
    let untrained = scorer.bits
    let result = try trainer.train()
    #expect(result.end == .patience && result.bestEpoch == 1 && result.history.count == 5)
    #expect(result.history.map(\.isBest) == [true, true, false, false, false])
    let snapshots = try #require(trainer.hooks[0] as? Snapshots).bits
    #expect(scorer.bits == snapshots[1] && snapshots[1] != snapshots[4])

    // A validation that never gets better: the first epoch is best, not the untrained model.
    training.validation = ScriptedValidation([0])
    let flat = try training.make()
    #expect(try flat.trainer.train().bestEpoch == 0)
    #expect(flat.scorer.bits != untrained)
    #expect(!(try flat.trainer.train().stoppedInsideCurriculum))
    // Done is done: training again changes nothing.
    let bits = flat.scorer.bits
    #expect(try flat.trainer.train().end == .patience)
    #expect(flat.scorer.bits == bits)
  }

  @Test("A training that early stopping ends inside its curriculum says so")
  func stoppedInsideCurriculum() throws {
    for (endEpoch, expected) in [(9, true), (2, false)] {
      var training = TinyTraining()
      training.options.earlyStopping.patience = 3
      training.validation = ScriptedValidation([0.5])
      training.objectives = [
        TrainingObjective(PairwiseSoftmaxLoss(), weighting: try TinyTraining.curriculum(endEpoch: endEpoch))
      ]
      let result = try training.make().trainer.train()
      #expect(result.end == .patience && result.history.count == 4 && result.stoppedInsideCurriculum == expected)
    }
  }

  @Test("A cancelled task stops between two steps")
  func cancellation() async throws {
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      _ = try TinyTraining().make().trainer.train()
    }
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  @Test("With a significance test small gains count once they have added up")
  func significance() throws {
    let base = (0..<20).map { 0.3 + 0.01 * Double($0 % 5) }
    func gain(_ value: Double) -> [Double] { base.enumerated().map { $1 + value * ($0 % 2 == 0 ? 1.2 : 0.8) } }
    // One query better: a higher mean, p = 0.33.
    var single = base
    single[3] += 0.2
    var training = TinyTraining()
    training.options.maxEpochs = 4
    training.validation = ScriptedValidation(perQuery: [base, single, gain(0.01), gain(-0.01)])
    #expect(try training.make().trainer.train().history.map(\.isBest) == [true, true, false, false])
    training.options.earlyStopping.test = .t
    training.validation = ScriptedValidation(perQuery: [base, single, gain(0.01), gain(-0.01)])
    #expect(try training.make().trainer.train().history.map(\.isBest) == [true, false, true, false])
    training.validation = ScriptedValidation(perQuery: [base, Array(gain(0.1).dropLast())])
    let trainer = try training.make().trainer
    #expect(throws: TrainingError.validationQueriesChanged(expected: 20, found: 19)) { try trainer.train() }
  }

  @Test("Ranking validation: reranked, evaluated, whatever the batch size; two logits rank by their difference")
  func rankingValidation() throws {
    struct FirstFeature: PairScorer {
      var logitsPerPair = 1
      let parameters: [Parameter] = []
      func scores(_ batch: [ScoringPair], context: ForwardContext) -> Tensor {
        #expect(!context.isTraining)
        let values = batch.map { Float($0.document.text) ?? .nan }
        guard logitsPerPair == 2 else { return Tensor(values, shape: [batch.count]) }
        return Tensor(values.flatMap { [10 + $0, 10 - $0] }, shape: [batch.count, 2])
      }
    }
    func group(_ qid: String, _ texts: [String]) -> CandidateGroup {
      CandidateGroup(query: Query(qid: qid, text: "?"), candidates: texts.enumerated().map {
        Candidate(document: Document(docno: "\(qid)-\($0)", text: $1))
      })
    }
    var qrels = Qrels()
    for (qid, docno) in [("x", "x-1"), ("y", "y-0"), ("elsewhere", "z")] { qrels.judge(qid: qid, docno: docno, grade: 1) }
    let groups = [group("x", ["1", "2", "3"]), group("y", ["9", "4"])]
    for budget in [1, 2, 8192] {
      for logits in [1, 2] {
        let validation = RankingValidation(
          groups: groups, qrels: qrels, measure: try MeasureSpecification("RR"), maximumTokens: budget)
        let model = TrainedModel(FirstFeature(logitsPerPair: logits), optimizer: nil)
        #expect(try validation.validate([model]) == ValidationResult(value: 0.75, perQuery: [0.5, 1]))
        #expect(throws: TrainingError.unknownModel("ranker", known: [])) { try validation.validate([]) }
        let broken = RankingValidation(
          groups: [group("x", ["none"])], qrels: qrels, measure: try MeasureSpecification("RR"))
        #expect(throws: TrainingError.scoreNotFinite(qid: "x", docno: "x-0")) { try broken.validate([model]) }
      }
    }
  }

  @Test("A batch that weighs nothing moves nothing, and its epoch says so")
  func nothingWeighs() throws {
    var training = TinyTraining()
    training.usesSGD = true
    training.options.epochLength = .samples(4)
    training.options.maxEpochs = 1
    training.objectives = [TrainingObjective(PairwiseSoftmaxLoss(), weighting: FixedWeighting(values: [0, 0, 0, 0]))]
    let (trainer, scorer) = try training.make()
    let before = scorer.bits
    let objective = try trainer.train().history[0].objectives[0]
    #expect(scorer.bits == before && objective.meanLoss > 0 && objective.meanWeightedLoss == 0)
    #expect(objective.weighting?.meanWeight == 0 && objective.weighting?.effectiveShare == 0)
  }

  @Test("Settings that cannot work, unknown texts and diverged losses are errors")
  func errors() throws {
    func attempt(_ change: (inout TinyTraining) -> Void) throws {
      var training = TinyTraining()
      change(&training)
      _ = try training.make().trainer.train(steps: 1)
    }
    #expect(throws: TrainingError.noObjectives) { try attempt { $0.objectives = [] } }
    #expect(throws: TrainingError.settingTooSmall(name: "batchSize", found: 0, least: 1)) {
      try attempt { $0.options.batchSize = 0 }
    }
    #expect(throws: TrainingError.settingTooSmall(name: "microBatchSize", found: 0, least: 1)) {
      try attempt { $0.options.microBatchSize = 0 }
    }
    #expect(throws: TrainingError.settingTooSmall(name: "samples of an epoch", found: 0, least: 1)) {
      try attempt { $0.options.epochLength = .samples(0) }
    }
    let path = try TemporaryFolder.makeFile("q0\td0-0\tunknown\n", "triples.tsv")
    #expect(throws: TrainingError.passLengthUnknown) {
      try attempt {
        $0.sampling = .triples(path: path)
        $0.options.epochLength = .passes(1)
      }
    }
    #expect(throws: TrainingError.unknownDocument(docno: "unknown")) { try attempt { $0.sampling = .triples(path: path) } }
    #expect(throws: TrainingError.duplicateName("loss")) { try attempt { $0.objectives += $0.objectives } }
    #expect(throws: TrainingError.unknownModel("teacher", known: ["ranker"])) {
      try attempt { $0.objectives = [TrainingObjective(PairwiseSoftmaxLoss(), model: "teacher")] }
    }
    #expect(throws: LossError.notPerSample(loss: "mean", expected: 4, found: [])) {
      try attempt {
        $0.objectives = [TrainingObjective(name: "mean") { try $0.scores(of: "ranker").mean() }]
      }
    }
    #expect(throws: WeightingError.count(expected: 4, found: 1)) {
      try attempt { $0.objectives = [TrainingObjective(PairwiseSoftmaxLoss(), weighting: FixedWeighting(values: [1]))] }
    }
    #expect(throws: LossError.logits(loss: "TwoLogitCrossEntropyLoss", expected: 2, found: 1)) {
      try attempt { $0.objectives = [TrainingObjective(TwoLogitCrossEntropyLoss())] }
    }
    var sampler = try PairwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, negatives: 2, seed: 3)
    let sample = sampler.next().id
    let second = sampler.next().id
    for wrong in [Double.nan, .infinity, -0.1] {
      #expect(throws: WeightingError.value(sample: second)) {
        try attempt {
          $0.objectives = [TrainingObjective(PairwiseSoftmaxLoss(), weighting: FixedWeighting(values: [1, wrong, 0, 1]))]
        }
      }
    }
    #expect("\(WeightingError.value(sample: second))".contains(second.text))
    #expect(throws: TrainingError.lossNotFinite(objective: "nan", sample: sample, epoch: 0, step: 0)) {
      try attempt {
        $0.objectives = [TrainingObjective(name: "nan") { try $0.scores(of: "ranker").sum(axes: [1]) * .nan }]
      }
    }
    let scorer = TinyScorer(seed: 1)
    #expect(throws: TrainingError.nothingToTrain) {
      try TinyTraining().make(models: [TrainedModel(scorer, optimizer: nil)])
    }
    let stray = Parameter("stray", .zeros([1]))
    let optimizer = SGD(groups: [ParameterGroup(parameters: [stray], learningRate: 1)])
    #expect(throws: TrainingError.strayParameter(model: "ranker", parameter: "stray")) {
      try TinyTraining().make(models: [TrainedModel(scorer, optimizer: optimizer)])
    }
  }
}
