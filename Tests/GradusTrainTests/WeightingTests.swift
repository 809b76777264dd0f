import GradusCore
import GradusModels
import GradusTensor
@testable import GradusTrain
import Testing

@Suite("Weightings by losses, by other models, and their names")
struct WeightingTests {
  static func close(_ found: [Double], _ expected: [Double], within tolerance: Double = 1e-6) -> Bool {
    found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) <= tolerance }
  }

  static func pairs(_ count: Int) -> [TrainingSample] {
    (0..<count).map { .pairwise(qid: "q\($0)", positive: "p\($0)", negatives: ["n\($0)"]) }
  }

  @Test("Loss reweighting: worked weights of the losses 1 to 5", arguments: [
    (LossReweighting.Shape.linUpper, 1.0, [0.092562, 0.152609, 0.251610, 0.251610, 0.251610]),
    (.linUpper, 0.4, [0.024368, 0.085052, 0.296860, 0.296860, 0.296860]),
    (.linUpper, 100, [0.198603, 0.199599, 0.200599, 0.200599, 0.200599]),
    (.quadratic, 1, [0.111703, 0.236476, 0.303641, 0.236476, 0.111703]),
    (.quadratic, 0.4, [0.036732, 0.239523, 0.447489, 0.239523, 0.036732]),
    (.extremes, 1, [0.279256, 0.169377, 0.102733, 0.169377, 0.279256]),
    (.extremes, 0.4, [0.376634, 0.107908, 0.030916, 0.107908, 0.376634]),
  ] as [(LossReweighting.Shape, Double, [Double])])
  func lossReweighting(shape: LossReweighting.Shape, temperature: Double, expected: [Double]) throws {
    let weighting = try LossReweighting(shape: shape, temperature: temperature, warmupSteps: 0)
    let losses = [1.0, 2, 3, 4, 5]
    let weights = weighting.weights(of: losses)
    #expect(Self.close(weights.map { $0 / 5 }, expected))
    #expect(abs(weights.reduce(0, +) - 5) < 1e-12)
    // The losses' origin and unit say nothing, and order only moves the weights.
    #expect(Self.close(weighting.weights(of: losses.map { 3 * $0 + 7 }), weights, within: 1e-12))
    #expect(Self.close(weighting.weights(of: losses.reversed()), weights.reversed(), within: 1e-12))
    #expect(weighting.weights(of: [2, 2, 2]) == [1, 1, 1])
    #expect(weighting.weights(of: [4]) == [1])
  }

  @Test("Loss reweighting: weighted losses, the straight line, warm-up and errors")
  func lossReweightingRest() throws {
    let losses = [1.0, 2, 3, 4, 5]
    for (temperature, expected) in [(1.0, 3.417096), (0.4, 3.756793)] {
      let weights = try LossReweighting(temperature: temperature, warmupSteps: 0).weights(of: losses)
      #expect(abs(zip(weights, losses).reduce(0) { $0 + $1.0 * $1.1 } / 5 - expected) < 1e-6)
    }
    // u = (0, .25, .5, .75, 1): neighbours differ by a factor exp(.25 / r).
    let upper = try LossReweighting(shape: .upper, temperature: 0.5, warmupSteps: 0).weights(of: losses)
    for (a, b) in zip(upper, upper.dropFirst()) { #expect(abs(b / a - 1.6487212707) < 1e-9) }

    let samples = Self.pairs(2)
    func input(step: Int, _ losses: [Double] = [1, 2]) -> WeightingInput {
      WeightingInput(samples: samples, losses: losses, epoch: 0, step: step)
    }
    let uniform = try LossReweighting(warmupSteps: 3)
    #expect(try uniform.weights(for: input(step: 2)).values == [1, 1])
    #expect(try uniform.weights(for: input(step: 3)).values[0] < 0.2)
    let hot = try LossReweighting(warmupSteps: 3, warmup: .temperature(100))
    let first = try hot.weights(for: input(step: 0)).values
    #expect(abs(first[0] - 1) < 0.01 && first[0] < first[1])
    #expect(throws: WeightingError.lossNotFinite(sample: samples[1].id)) {
      try uniform.weights(for: input(step: 5, [1, .nan]))
    }
    #expect(throws: WeightingError.self) { try LossReweighting(temperature: 0) }
    #expect(throws: WeightingError.self) { try LossReweighting(delta: -.infinity) }
    #expect(throws: WeightingError.self) { try LossReweighting(warmupSteps: -1) }
    #expect(throws: WeightingError.self) { try uniform.resume(from: hot.resumeState) }

    // delta stretches the signal as a smaller temperature would, but for the quadratic, whose signal has no unit.
    for shape in LossReweighting.Shape.allCases {
      let plain = try LossReweighting(shape: shape, temperature: 0.8, warmupSteps: 0).weights(of: losses)
      let stretched = try LossReweighting(
        shape: shape, temperature: shape == .quadratic ? 0.8 : 2.4, warmupSteps: 0, delta: 3)
      #expect(Self.close(stretched.weights(of: losses), plain, within: 1e-12), "\(shape)")
    }
  }

  @Test("Pooling bias: worked weights and losses of coupled estimation")
  func poolingBias() throws {
    for (temperature, expected) in [
      (10.0, [1.818731, 2, 2.221403, 2.491825]), (2, [1.367879, 2, 3.718282, 8.389056]),
      (1, [1.135335, 2, 8.389056, 55.598150]),
    ] {
      let weighting = try PoolingBiasWeighting(of: "s", temperature: temperature)
      #expect(Self.close([-2, 0, 2, 4].map(weighting.weight), expected))
    }
    let samples = Self.pairs(2)
    let coupled = try CoupledEstimation(relevance: "r", selection: "s")
    func weights(_ weighting: PoolingBiasWeighting, _ scores: [String: [[Double]]]) throws -> [Double] {
      try weighting.weights(for: WeightingInput(samples: samples, epoch: 0, step: 0, modelScores: scores)).values
    }
    let relevance = [[2.0, 0], [1, 1.5]]
    // The positives' scores must not count.
    let scores = ["r": relevance, "s": [[9.0, 2], [-9, -2]]]
    let w = try weights(coupled.relevanceWeighting, scores)
    #expect(Self.close(w, [2.221403, 1.818731]))
    #expect(Self.close(try weights(coupled.selectionWeighting, scores), [2, 2.161834]))
    let input = try LossInput(scores: Tensor(relevance.flatMap { $0 }, shape: [2, 2]), samples: samples)
    let losses = try PairwiseCrossEntropyLoss().perSample(input).doubles()
    #expect(Self.close(losses, [0.126928, 0.974077]))
    #expect(abs(zip(w, losses).reduce(0) { $0 + $1.0 * $1.1 } / 2 - 1.026771) < 1e-6)
    #expect(abs(losses.reduce(0, +) / 2 - 0.550502) < 1e-6)
    // At a high temperature every weight is 2, whatever the other model says; with the roles turned round so are the weights.
    #expect(Self.close(try weights(try PoolingBiasWeighting(of: "s", temperature: 1e9), scores), [2, 2]))
    let turned = try CoupledEstimation(relevance: "s", selection: "r")
    #expect(try weights(turned.relevanceWeighting, scores) == weights(coupled.selectionWeighting, scores))
    #expect(try weights(turned.selectionWeighting, scores) == w)

    let equal = try PoolingBiasWeighting(of: "s", isNormalized: true)
    #expect(abs(try weights(equal, scores).reduce(0, +) - 2) < 1e-12)
    let cut = try PoolingBiasWeighting(of: "s", temperature: 0.001, maximumWeight: 5)
    #expect(try weights(cut, scores) == [5, 1])
    #expect(throws: WeightingError.scoreNotFinite(model: "s", sample: samples[0].id)) {
      try weights(coupled.relevanceWeighting, ["s": [[0, .nan], [0, 0]]])
    }
    let point = TrainingSample.pointwise(qid: "q", docno: "d", label: 1, isPositive: true)
    #expect(throws: WeightingError.noNegatives(sample: point.id)) {
      try coupled.relevanceWeighting.weights(
        for: WeightingInput(samples: [point], epoch: 0, step: 0, modelScores: ["s": [[1]]]))
    }
    #expect(throws: WeightingError.readsItself(model: "r")) { try CoupledEstimation(relevance: "r", selection: "r") }
    #expect(throws: WeightingError.self) { try CoupledEstimation(temperature: 0) }
  }

  @Test("Inverse propensity: weights follow the rank of the negative")
  func inversePropensity() throws {
    let statistics = try WorkedRun.statistics()
    let samples = ["a", "d", "zz"].map { TrainingSample.pairwise(qid: "q", positive: "b", negatives: [$0]) }
    let input = WeightingInput(samples: samples, epoch: 0, step: 0)
    let plain = try InversePropensityWeighting(statistics: statistics)
    // Ties go to the larger docno: d is fifth.
    #expect(Self.close(try plain.weights(for: input).values, [2, 1.2, 1.001]))
    let sharp = try InversePropensityWeighting(statistics: statistics, temperature: 0.5)
    #expect(Self.close(try sharp.weights(for: input).values, [2, 1.04, 1.000001]))
    // Of several negatives the mean.
    let both = TrainingSample.pairwise(qid: "q", positive: "b", negatives: ["a", "d"])
    #expect(Self.close(try plain.weights(for: WeightingInput(samples: [both], epoch: 0, step: 0)).values, [1.6]))
  }

  @Test("Teacher margin: easy where the teacher sets the documents far apart, and a missing pair is named")
  func teacherMargin() throws {
    let teacher = try WorkedRun.statistics()
    let heuristic = try TeacherMarginDifficulty(teacher: teacher, name: "t")
    let scaled = try TeacherMarginDifficulty(teacher: try WorkedRun.statistics { 4 * $0 - 3 }, name: "t")
    func easiness(_ heuristic: TeacherMarginDifficulty, _ positive: String, _ negative: String) throws -> Double {
      try heuristic.easiness(of: .pairwise(qid: "q", positive: positive, negatives: [negative]), in: teacher)
    }
    // Mean 7.4, sd 3.04959: phi(a) = 0.818824, phi(b) = 0.628237.
    #expect(abs(try easiness(heuristic, "a", "b") - 0.595293) < 1e-6)
    #expect(abs(try easiness(heuristic, "a", "b") + easiness(heuristic, "b", "a") - 1) < 1e-12)
    #expect(try easiness(heuristic, "d", "e") == 0.5)
    #expect(abs(try easiness(scaled, "a", "d") - easiness(heuristic, "a", "d")) < 1e-12)
    #expect(throws: SamplerError.teacherLacks(teacher: "t", qid: "q", docno: "x")) { try easiness(heuristic, "a", "x") }
  }

  @Test("Names make weightings, several multiply, and mistakes are refused")
  func names() throws {
    #expect(try WeightingNames.parse("none").isEmpty)
    #expect(
      try WeightingNames.parse("loss(shape=extremes,temperature=1,warmup=5) * cet(temperature=2)") == [
        .loss(LossReweighting(shape: .extremes, temperature: 1, warmupSteps: 5)),
        .cet(CoupledEstimation(selection: "selection", temperature: 2)),
      ])
    #expect(
      try WeightingNames.parse("consensus(uncertain=drop,start=3,view=none)") == [
        .consensus(ConfidentConsensusDivision(uncertain: .drop), startEpoch: 3, readsFirstStage: false)
      ])
    #expect(try WeightingNames.parse("propensity") == [.propensity(temperature: 1, missingRank: 1000)])
    #expect(throws: NameError.unknown("lss", known: WeightingNames.all)) { try WeightingNames.parse("lss") }
    #expect(throws: NameError.self) { try WeightingNames.parse("loss *") }
    let known = ["shape", "temperature", "warmup", "delta"]
    #expect(throws: NameError.unknownSetting(text: "loss(r=1)", key: "r", known: known)) { try WeightingNames.parse("loss(r=1)") }
    #expect(throws: NameError.value(text: "loss(shape=round)", key: "shape", found: "round")) {
      try WeightingNames.parse("loss(shape=round)")
    }
    #expect(throws: WeightingError.self) { try WeightingNames.parse("loss(temperature=-1)") }
  }

  // MARK: - In training

  /// Trainings with every weighting and hook that has a state, by name.
  static let kinds = ["loss", "cet", "propensity", "consensus", "personal", "product"]

  /// A trainer with that weighting, and its models.
  static func training(_ kind: String, scorerSeed: UInt64 = 1) throws -> (trainer: Trainer, scorers: [TinyScorer]) {
    var training = TinyTraining()
    training.options.maxEpochs = 4
    training.options.microBatchSize = 3
    training.validation = try TinyTexts.validation("nDCG@3")
    let statistics = try FirstStageStatistics(run: TinyCollection.run)
    let sampler = try PairwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, negatives: 2, seed: 3)
    func consensus() throws -> ConsensusWeighting {
      try ConsensusWeighting(
        pairs: sampler.everyPositive(negatives: 3, seed: 1), views: [.model("ranker"), .run(statistics)],
        division: try ConfidentConsensusDivision(), startEpoch: 1, seed: 4)
    }
    var weighting: (any SampleWeighting)?
    var second: TrainingObjective?
    switch kind {
    case "loss": weighting = try LossReweighting(warmupSteps: 2)
    case "cet":
      let coupled = try CoupledEstimation(temperature: 2)
      weighting = coupled.relevanceWeighting
      second = coupled.objectives(PairwiseCrossEntropyLoss())[1]
    case "propensity": weighting = try InversePropensityWeighting(statistics: statistics)
    case "consensus": weighting = try consensus()
    case "product":
      weighting = try ProductWeighting(
        [try TinyTraining.curriculum(), try LossReweighting(warmupSteps: 1), try consensus()], renormalization: .none)
    default:
      let groups = Dictionary(uniqueKeysWithValues: TinyCollection.run.qids.map {
        ($0, TinyCollection.qrels.relevant(qid: $0).filter { $0 != "outside" })
      }).filter { !$0.value.isEmpty }
      training.hooks = [try PersonalLossResampling(groups: groups, poolSize: 2, startEpoch: 1, seed: 8)]
    }
    training.objectives = [TrainingObjective(PairwiseCrossEntropyLoss(), weighting: weighting)] + (second.map { [$0] } ?? [])
    let scorers = (0..<(second == nil ? 1 : 2)).map { TinyScorer(seed: scorerSeed + UInt64($0)) }
    let models = zip(scorers, ["ranker", "selection"]).map { scorer, name in
      TrainedModel(
        scorer, name: name,
        optimizer: Adam(groups: [ParameterGroup(parameters: scorer.parameters, learningRate: 0.02)]))
    }
    return (try training.make(models: models), scorers)
  }

  @Test("Stopped and resumed, a training has the bits of one that never stopped", arguments: kinds)
  func resume(kind: String) throws {
    let (straight, expected) = try Self.training(kind)
    let result = try straight.train()
    for steps in [2, 5, 9] {
      try CheckpointTests.temporaryFolder { folder in
        let interrupted = try Self.training(kind).trainer
        _ = try interrupted.train(steps: steps)
        try interrupted.saveCheckpoint(to: folder)
        let (again, scorers) = try Self.training(kind, scorerSeed: 77)
        try again.resume(from: folder)
        let resumed = try again.train()
        #expect(zip(scorers, expected).allSatisfy { $0.bits == $1.bits })
        #expect(zip(resumed.history, result.history).allSatisfy { $0.hasSameResult(as: $1) })
      }
    }
    // It is not the unweighted training.
    if kind != "personal" { #expect(result.history.contains { $0.objectives[0].meanLoss != $0.objectives[0].meanWeightedLoss }) }
    let plain = TinyScorer(seed: 1)
    var training = TinyTraining()
    training.options.maxEpochs = 4
    training.options.microBatchSize = 3
    training.validation = try TinyTexts.validation("nDCG@3")
    training.objectives = [TrainingObjective(PairwiseCrossEntropyLoss())]
    let trainer = try training.make(models: [
      TrainedModel(plain, optimizer: Adam(groups: [ParameterGroup(parameters: plain.parameters, learningRate: 0.02)]))
    ])
    _ = try trainer.train()
    #expect(plain.bits != expected[0].bits)
  }

  @Test("Weights of coupled estimation come from the other model, before the step, without dropout")
  func coupledInTraining() throws {
    let (trainer, scorers) = try Self.training("cet")
    let before = scorers.map(\.bits)
    _ = try trainer.train(steps: 1)
    #expect(scorers[0].bits != before[0] && scorers[1].bits != before[1])
    // The first batch once more, by hand.
    var sampler = try PairwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, negatives: 2, seed: 3)
    let samples = try sampler.next(4)
    let fresh = try Self.training("cet").trainer
    let scores = try fresh.scores(of: samples, model: "selection")
    let weights: [Double] = scores.map { own in own[1...].reduce(0.0) { $0 + 1 + expOf($1 / 2) } / 2 }
    let statistics = try #require(trainer.stateForTests.objectives[0].weighting)
    #expect(approximately(try #require(statistics.meanWeight), weights.reduce(0, +) / 4, within: 1e-9))
    #expect(approximately(statistics.largestWeight, weights.max() ?? 0, within: 1e-9))
    let sum = weights.reduce(0, +)
    let share = sum * sum / weights.reduce(0) { $0 + $1 * $1 } / 4
    #expect(approximately(try #require(statistics.effectiveShare), share, within: 1e-9))
    #expect(throws: TrainingError.unknownModel("selection", known: ["ranker"])) {
      var training = TinyTraining()
      training.objectives = [
        TrainingObjective(PairwiseCrossEntropyLoss(), weighting: try PoolingBiasWeighting(of: "selection"))
      ]
      _ = try training.make()
    }
  }
}

extension Trainer {
  /// The sums of the epoch under way.
  var stateForTests: TrainerState { state }
}
