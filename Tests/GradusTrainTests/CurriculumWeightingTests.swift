import GradusCore
@testable import GradusTrain
import Testing

/// Weights by what the scorer and the loss say, with a memory: stands for any weighting that learns.
struct LossMemoryWeighting: SampleWeighting {
  var seen: [SampleID: Double] = [:]
  var readsScores: Bool { true }

  mutating func weights(for input: WeightingInput) -> SampleWeights {
    let values = zip(input.samples, input.losses).map { sample, loss in
      let before = seen[sample.id] ?? loss
      seen[sample.id] = 0.5 * before + 0.5 * loss
      return 1 / (1 + abs(before))
    }
    return SampleWeights(values: values)
  }

  struct State: Codable, Sendable, Equatable {
    let ids: [SampleID]
    let losses: [Double]
  }
  var resumeState: State {
    let ids = seen.keys.sorted()
    return State(ids: ids, losses: ids.map { seen[$0] ?? 0 })
  }
  mutating func resume(from state: State) { seen = Dictionary(uniqueKeysWithValues: zip(state.ids, state.losses)) }
}

struct FixedWeighting: SampleWeighting {
  let values: [Double]
  var readsScores: Bool { false }
  func weights(for input: WeightingInput) -> SampleWeights { SampleWeights(values: values) }
}

@Suite("Curriculum and weightings")
struct CurriculumWeightingTests {
  static let pair = TrainingSample.pairwise(qid: "q", positive: "b", negatives: ["d"])

  static func input(_ samples: [TrainingSample], epoch: Int?) -> WeightingInput {
    WeightingInput(samples: samples, epoch: epoch, step: 0)
  }

  @Test("Rank 2 against rank 5 over 20 epochs", arguments: [(0, 0.65), (5, 0.7375), (10, 0.825), (19, 0.9825), (20, 1), (99, 1)])
  func workedWeights(epoch: Int, weight: Double) throws {
    let weighting = CurriculumWeighting(
      heuristic: ReciprocalRankDifficulty(), schedule: try LinearCurriculum(endEpoch: 20),
      statistics: try WorkedRun.statistics())
    let weights = try weighting.weights(for: Self.input([Self.pair], epoch: epoch))
    #expect(approximately(weights.easiness?[0] ?? -1, 0.65, within: 1e-15))
    #expect(approximately(weights.values[0], weight, within: 1e-15))
    if epoch >= 20 { #expect(weights.values[0] == 1) }
  }

  @Test("The anti-curriculum weighs 1 - D, then fades to 1 as well; without an end nothing fades")
  func variants() throws {
    let curriculum = try LinearCurriculum(endEpoch: 10)
    let anti = try LinearCurriculum(endEpoch: 10, anti: true)
    for easiness in [0, 0.2, 0.5, 0.65, 1] {
      for epoch in 0...11 {
        #expect(anti.weight(easiness: easiness, epoch: epoch) == curriculum.weight(easiness: 1 - easiness, epoch: epoch))
      }
      #expect(try LinearCurriculum(endEpoch: nil).weight(easiness: easiness, epoch: 1_000_000) == easiness)
      #expect(try LinearCurriculum(endEpoch: nil, anti: true).weight(easiness: easiness, epoch: 3) == 1 - easiness)
      // The shortest curriculum: D in epoch 0, then 1.
      #expect(try LinearCurriculum(endEpoch: 1).weight(easiness: easiness, epoch: 0) == easiness)
      #expect(try LinearCurriculum(endEpoch: 1).weight(easiness: easiness, epoch: 1) == 1)
    }
  }

  @Test("An end before epoch 1, a batch without an epoch, a heuristic that leaves 0...1: errors")
  func errors() throws {
    #expect(throws: CurriculumError.endEpochBelowOne(0)) { try LinearCurriculum(endEpoch: 0) }
    #expect(throws: CurriculumError.endEpochBelowOne(-3)) { try LinearCurriculum(endEpoch: -3, anti: true) }
    struct Wild: DifficultyHeuristic {
      func signal(qid: String, docno: String, in statistics: FirstStageStatistics) -> Double { docno == "b" ? 3 : 0 }
    }
    let statistics = try WorkedRun.statistics()
    let wild = CurriculumWeighting(heuristic: Wild(), schedule: try LinearCurriculum(), statistics: statistics)
    #expect(throws: CurriculumError.easinessOutsideUnitInterval(sample: Self.pair.id)) {
      try wild.weights(for: Self.input([Self.pair], epoch: 0))
    }
    let tame = CurriculumWeighting(
      heuristic: KDEScoreDifficulty(), schedule: try LinearCurriculum(), statistics: statistics)
    for epoch in [nil, -1] as [Int?] {
      #expect(throws: CurriculumError.epochMissing) { try tame.weights(for: Self.input([Self.pair], epoch: epoch)) }
    }
    #expect(throws: FirstStageError.queryNotInRun(qid: "p")) {
      let stranger = TrainingSample.pairwise(qid: "p", positive: "a", negatives: ["b"])
      return try tame.weights(for: Self.input([stranger], epoch: 0))
    }
  }

  @Test("Per sample 0.16, as a group of two 0.40; groups of one are per sample; the baseline has the same mean")
  func granularity() {
    let losses = [0.2, 1.4]
    func loss(_ granularity: WeightingGranularity) -> Double {
      let weights = granularity.apply(to: SampleWeights(values: [0.9, 0.1])).values
      return zip(weights, losses).map { $0 * $1 }.reduce(0, +) / 2
    }
    #expect(approximately(loss(.perSample), 0.16, within: 1e-15))
    #expect(approximately(loss(.groupMean(size: 2)), 0.40, within: 1e-15))
    #expect(loss(.groupMean(size: 1)) == loss(.perSample))
    #expect(loss(.batchMean) == loss(.groupMean(size: 2)))
    // The last group may be smaller.
    let five = SampleWeights(values: [1, 0, 0.5, 0.25, 0.125], easiness: [0, 0, 0, 0, 1])
    let grouped = WeightingGranularity.groupMean(size: 2).apply(to: five)
    #expect(grouped.values == [0.5, 0.5, 0.375, 0.375, 0.125])
    #expect(grouped.easiness == five.easiness)
  }

  @Test("A curriculum resumes only the same heuristic and schedule")
  func otherCurricula() throws {
    let statistics = try WorkedRun.statistics()
    func curriculum(_ heuristic: any DifficultyHeuristic, _ schedule: LinearCurriculum) -> CurriculumWeighting {
      CurriculumWeighting(heuristic: heuristic, schedule: schedule, statistics: statistics)
    }
    let state = curriculum(KDEScoreDifficulty(), try LinearCurriculum(endEpoch: 5)).resumeState
    try curriculum(KDEScoreDifficulty(), LinearCurriculum(endEpoch: 5)).resume(from: state)
    for other in [
      curriculum(KDEScoreDifficulty(), try LinearCurriculum(endEpoch: 6)),
      curriculum(KDEScoreDifficulty(), try LinearCurriculum(endEpoch: 5, anti: true)),
      curriculum(try KDEScoreDifficulty(bandwidth: .silverman), try LinearCurriculum(endEpoch: 5)),
      curriculum(ReciprocalRankDifficulty(), try LinearCurriculum(endEpoch: 5)),
    ] {
      #expect(throws: CurriculumError.self) { try other.resume(from: state) }
    }
  }

  @Test("Weightings multiply, and renormalise if asked")
  func products() throws {
    let samples = [Self.pair, Self.pair]
    let factors: [any SampleWeighting] = [FixedWeighting(values: [0.5, 1]), FixedWeighting(values: [0.5, 3])]
    var plain = try ProductWeighting(factors)
    #expect(try plain.weights(for: Self.input(samples, epoch: 0)).values == [0.25, 3])
    var normal = try ProductWeighting(factors, renormalization: .mean(0.5))
    let values = try normal.weights(for: Self.input(samples, epoch: 0)).values
    #expect(approximately(values.reduce(0, +) / 2, 0.5, within: 1e-15))
    #expect(approximately(values[1] / values[0], 12, within: 1e-12))
    var ones = try ProductWeighting([FixedWeighting(values: [1, 1])], renormalization: .mean(1))
    #expect(try ones.weights(for: Self.input(samples, epoch: 0)).values == [1, 1])

    #expect(throws: WeightingError.noFactors) { try ProductWeighting([]) }
    #expect(throws: WeightingError.meanNotPositive(0)) { try ProductWeighting(factors, renormalization: .mean(0)) }
    var zero = try ProductWeighting([FixedWeighting(values: [0, 0])], renormalization: .mean(1))
    #expect(throws: WeightingError.allZero(first: samples[0].id)) { try zero.weights(for: Self.input(samples, epoch: 0)) }
    var short = try ProductWeighting([FixedWeighting(values: [1])])
    #expect(throws: WeightingError.count(expected: 2, found: 1)) { try short.weights(for: Self.input(samples, epoch: 0)) }
    var negative = try ProductWeighting([FixedWeighting(values: [1, -1])])
    #expect(throws: WeightingError.value(sample: Self.pair.id)) {
      try negative.weights(for: Self.input(samples, epoch: 0))
    }
  }

  @Test("A product resumes all its factors, also through an average")
  func resume() throws {
    let other = TrainingSample.pairwise(qid: "q", positive: "a", negatives: ["c"])
    let input = WeightingInput(samples: [Self.pair, other], losses: [0.3, 2], epoch: 0, step: 0)
    let later = WeightingInput(samples: [other, Self.pair], losses: [1, 0.1], epoch: 0, step: 1)
    var first = try ProductWeighting([
      FixedWeighting(values: [1, 0.5]), LossMemoryWeighting().averaged(over: .groupMean(size: 2)),
    ])
    let fresh = first
    _ = try first.weights(for: input)
    var second = fresh
    try second.resume(fromEncoded: first.encodedState())
    #expect(try second.resumeState == first.resumeState)
    let expected = try first.weights(for: later)
    #expect(try second.weights(for: later) == expected)
    var forgetful = fresh
    #expect(try forgetful.weights(for: later) != expected)
    #expect(first.readsScores)
    var shorter = try ProductWeighting([LossMemoryWeighting()])
    #expect(throws: WeightingError.stateOfOtherFactors(expected: 1, found: 2)) {
      try shorter.resume(from: first.resumeState)
    }
    #expect(throws: CurriculumError.groupSizeBelowOne(0)) { try LossMemoryWeighting().averaged(over: .groupMean(size: 0)) }
  }

  @Test("Statistics of an epoch: mean D, mean W, share of hard samples")
  func statistics() {
    var statistics = WeightingStatistics()
    #expect(statistics.meanWeight == nil && statistics.meanEasiness == nil && statistics.hardShare == nil)
    statistics.add(SampleWeights(values: [1, 0.5], easiness: [0.5, 0.25]))
    statistics.add(SampleWeights(values: [0.25, 0.25], easiness: [0.125, 0.125]))
    #expect(statistics.samples == 4)
    #expect(statistics.meanWeight == 0.5)
    #expect(statistics.meanEasiness == 0.25)
    #expect(statistics.hardShare == 0.75)
  }

  @Test("The explanation lists the easiest and hardest samples with rank, score, signal and D")
  func explanation() throws {
    var qrels = Qrels()
    for (docno, grade) in [("b", 2), ("e", 1)] { qrels.judge(qid: "q", docno: docno, grade: grade) }
    let sampler = try PairwiseSampler(run: WorkedRun.run(), qrels: qrels, seed: 1)
    let statistics = try WorkedRun.statistics()
    let explanation = try CurriculumExplanation(
      of: sampler.everyPair, heuristic: ReciprocalRankDifficulty(), statistics: statistics, count: 2)
    // b over a, c, d, e; e over a, c, d.
    #expect(explanation.samples == 7)
    #expect(explanation.hardest.map { $0.signals.map(\.document.docno) } == [["e", "a"], ["b", "a"]])
    #expect(explanation.easiest.map { $0.signals.map(\.document.docno) } == [["b", "d"], ["b", "e"]])
    #expect(explanation.hardest[0].easiness == 0.125)
    #expect(explanation.hardest[0].signals[0].rank == 4)
    #expect(explanation.hardest[0].signals[0].score == 5)
    #expect(explanation.hardest[0].signals[1].phi == 1)
    #expect(approximately(explanation.hardShare, 3 / 7.0, within: 1e-15))
    // Many samples, through several prunings of the short list: the same as sorting all of them.
    let points = try PointwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, seed: 1)
    let tiny = try FirstStageStatistics(run: TinyCollection.run)
    let few = try CurriculumExplanation(of: points.everySample, heuristic: KDEScoreDifficulty(), statistics: tiny, count: 5)
    let all = try CurriculumExplanation(of: points.everySample, heuristic: KDEScoreDifficulty(), statistics: tiny, count: 999)
    #expect(all.easiest.count == TinyCollection.queries * TinyCollection.depth)
    #expect(few.easiest == Array(all.easiest.prefix(5)))
    #expect(few.hardest == Array(all.hardest.prefix(5)))
    #expect(throws: SamplerError.nothingToSample(queries: 0, needed: "a sample")) {
      try CurriculumExplanation(of: [], heuristic: KDEScoreDifficulty(), statistics: tiny, count: 5)
    }
  }
}
