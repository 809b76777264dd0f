import Foundation
import GradusCore
@testable import GradusTrain
import Testing

/// The exponential function, without which a test would need another import on every platform.
func expOf(_ x: Double) -> Double { exp(x) }

@Suite("Filters of wrong pairs and wrong clicks")
struct FilterTests {
  static let losses = [0.1, 0.12, 0.15, 0.2, 0.22, 0.9, 1.0, 1.05]

  @Test("Mixture: worked components and posteriors, by either setting", arguments: [
    TwoComponentGaussianMixture.Options.moderate, .heavy,
  ])
  func mixture(options: TwoComponentGaussianMixture.Options) throws {
    let normalized = Self.losses.map { ($0 - 0.1) / 0.95 }
    let mixture = try TwoComponentGaussianMixture(fitting: normalized, options: options)
    #expect(abs(mixture.lower.mean - 0.061053) < 1e-5 && abs(mixture.upper.mean - 0.929825) < 1e-5)
    #expect(abs(mixture.lower.weight - 0.625) < 1e-6 && abs(mixture.upper.weight - 0.375) < 1e-6)
    // Mean squares within the parts, and the floor.
    let places: [Double] = normalized[..<5].map { $0 - 0.0610526 }
    let variance = places.reduce(0.0) { $0 + $1 * $1 } / 5
    #expect(abs(mixture.lower.variance - variance - options.varianceFloor) < 1e-6)
    let posteriors = normalized.map(mixture.posteriorOfLower)
    #expect(posteriors[..<5].allSatisfy { $0 > 0.999999 } && posteriors[5...].allSatisfy { $0 < 1e-6 })
    // Neither the order nor the sign of the axis matters.
    let turned = try TwoComponentGaussianMixture(fitting: normalized.reversed().map { -$0 }, options: options)
    #expect(abs(turned.upper.mean + mixture.lower.mean) < 1e-9 && abs(turned.upper.weight - 0.625) < 1e-6)
  }

  @Test("Mixture: finds two overlapping Gaussians, and a collapse onto equal values has a floor")
  func mixtureOfSamples() throws {
    var generator = SeededGenerator(seed: 3)
    let values = (0..<4000).map { $0 % 4 == 0 ? 3 + generator.normal() : 0.7 * generator.normal() }
    let mixture = try TwoComponentGaussianMixture(fitting: values, options: .heavy)
    #expect(abs(mixture.lower.mean) < 0.1 && abs(mixture.upper.mean - 3) < 0.15)
    #expect(abs(mixture.lower.weight - 0.75) < 0.04 && abs(mixture.upper.variance - 1) < 0.15)
    let zeros = try TwoComponentGaussianMixture(fitting: [0, 0, 0, 0, 0, 1])
    #expect(zeros.lower.variance >= 5e-4 && zeros.posteriorOfLower(0) > 0.99 && zeros.posteriorOfLower(1) < 0.01)
    #expect(throws: WeightingError.self) { try TwoComponentGaussianMixture(fitting: [1, 2, 3]) }
    #expect(throws: WeightingError.self) { try TwoComponentGaussianMixture(fitting: [1, 1, 1, 1]) }
  }

  @Test("Consensus: both views clean, both noisy, and what happens in between")
  func consensus() throws {
    let coins = SeededGenerator(seed: 1)
    let first = Self.losses
    // The second view finds the fourth pair noisy and the sixth clean.
    let second = [0.1, 0.1, 0.2, 0.9, 0.2, 0.15, 1, 0.95]
    let drop = try ConfidentConsensusDivision(uncertain: .drop).divide([first, second], coins: coins)
    #expect(drop.weights == [1, 1, 1, 0, 1, 0, 0, 0] && drop.uncertain == 2)
    let half = try ConfidentConsensusDivision(uncertain: .half).divide([first, second], coins: coins)
    #expect(half.weights == [1, 1, 1, 0.5, 1, 0.5, 0, 0])
    let single = try ConfidentConsensusDivision().divide([first], coins: coins)
    #expect(single.weights == [1, 1, 1, 1, 1, 0, 0, 0] && single.uncertain == 0)
    #expect(abs(drop.confidence(0) - 1) < 1e-6 && abs(drop.confidence(3) - 0.5) < 1e-6)

    // The coins are fair, their own for each pair, and thrown anew for each division.
    let flips = try (0..<400).map { throwNumber in
      try ConfidentConsensusDivision().divide([first, second], coins: coins.stream("epoch", throwNumber)).weights
    }
    #expect(flips.allSatisfy { $0[0] == 1 && $0[6] == 0 })
    for pair in [3, 5] { #expect(abs(flips.reduce(0.0) { $0 + $1[pair] } / 400 - 0.5) < 0.1) }
    #expect(flips.contains { $0[3] != $0[5] } && flips.contains { $0[3] == $0[5] })
  }

  @Test("Consensus: equal losses are all clean, the worst are noisy where all seem clean, and errors")
  func consensusLimits() throws {
    let coins = SeededGenerator(seed: 1)
    let division = try ConfidentConsensusDivision()
    #expect(try division.divide([[2, 2, 2, 2, 2]], coins: coins).weights == [1, 1, 1, 1, 1])
    // A threshold that everybody exceeds is raised until a hundredth is noisy.
    let lenient = try ConfidentConsensusDivision(threshold: 1e-300, minimumNoisyShare: 0.01)
    var generator = SeededGenerator(seed: 2)
    let losses = (0..<200).map { _ in generator.uniform() }
    let weights = try lenient.divide([losses], coins: coins).weights
    #expect(weights.count { $0 == 0 } >= 2 && weights.count { $0 == 0 } <= 4)
    #expect(throws: WeightingError.self) { try division.divide([[1, 2, 3]], coins: coins) }
    #expect(throws: WeightingError.self) { try division.divide([[1, 2, 3, 4], [1, 2]], coins: coins) }
    #expect(throws: WeightingError.self) { try division.divide([[1, 2, .nan, 4]], coins: coins) }
    #expect(throws: WeightingError.self) { try ConfidentConsensusDivision(threshold: 1) }
  }

  @Test("Consensus in training: samples of unknown pairs are refused by name")
  func consensusUnknown() throws {
    let sampler = try PairwiseSampler(run: TinyCollection.run, qrels: TinyCollection.qrels, seed: 3)
    let pairs = sampler.everyPositive(negatives: 3, seed: 1)
    #expect(Set(pairs.map(ConsensusWeighting.key)).count == pairs.count)
    #expect(pairs.allSatisfy { $0.documents.count >= 2 && $0.documents.count <= 4 })
    var weighting = try ConsensusWeighting(
      pairs: pairs, views: [.run(try FirstStageStatistics(run: TinyCollection.run))],
      division: try ConfidentConsensusDivision(), seed: 1)
    let stranger = TrainingSample.pairwise(qid: "q0", positive: "nobody", negatives: ["d0-1"])
    // Before the first division everything weighs 1.
    #expect(try weighting.weights(for: WeightingInput(samples: [stranger], epoch: 0, step: 0)).values == [1])
    try weighting.beforeEpoch(try TinyTraining().make().trainer)
    #expect(throws: WeightingError.notDivided(sample: stranger.id)) {
      try weighting.weights(for: WeightingInput(samples: [stranger], epoch: 0, step: 0))
    }
    let known = try weighting.weights(for: WeightingInput(samples: pairs, epoch: 0, step: 0)).values
    #expect(known.contains(0) && known.contains(1))
  }

  @Test("Personal resampling: worked probabilities", arguments: [
    (0.1, [0.454865, 0.167336, 0.275890, 0.000415, 0.101494]), (1.0, [0.237340, 0.214754, 0.225765, 0.117860, 0.204281]),
    (10.0, [0.203975, 0.201945, 0.202957, 0.190185, 0.200938]), (0.01, [0.993262, 0.000045, 0.006693, 0.0, 0.0]),
  ] as [(Double, [Double])])
  func personalProbabilities(temperature: Double, expected: [Double]) {
    let losses = [0.2, 0.3, 0.25, 0.9, 0.35]
    let q = PersonalLossResampling.probabilities(losses: losses, temperature: temperature)
    #expect(WeightingTests.close(q, expected))
    // A user whose losses are all higher is no other user.
    let shifted = PersonalLossResampling.probabilities(losses: losses.map { $0 + 5 }, temperature: temperature)
    #expect(WeightingTests.close(shifted, q, within: 1e-9))
  }

  @Test("Personal resampling: two users of different level, equal losses, and draws that follow the probabilities")
  func personalDraws() {
    for losses in [[0.1, 0.6], [1.1, 1.6]] {
      let q = PersonalLossResampling.probabilities(losses: losses, temperature: 0.1)
      #expect(WeightingTests.close(q, [0.993307, 0.006693]))
    }
    // Of all users together the second would hardly be drawn from.
    let together = PersonalLossResampling.probabilities(losses: [0.1, 0.6, 1.1, 1.6], temperature: 0.1)
    #expect(abs(together[2] + together[3] - 4.54e-5) < 1e-7)
    #expect(PersonalLossResampling.probabilities(losses: [3, 3, 3, 3], temperature: 0.1) == [0.25, 0.25, 0.25, 0.25])
    let q = [0.5, 0.3, 0.15, 0.05]
    var stream = SeededGenerator(seed: 5)
    var counts = [0, 0, 0, 0]
    for _ in 0..<10_000 { counts[PersonalLossResampling.draw(q, using: &stream)] += 1 }
    let chiSquare = zip(counts, q).reduce(0.0) { sum, pair -> Double in
      let expected = 10_000 * pair.1
      return sum + (Double(pair.0) - expected) * (Double(pair.0) - expected) / expected
    }
    // 99.9 % point with three degrees of freedom.
    #expect(chiSquare < 16.27)
  }

  @Test("Personal resampling in training: positives stay in their group, the low losses are preferred, suspects are counted")
  func personalInTraining() throws {
    let groups = ["q0": ["d0-0", "d0-2", "d0-4", "d0-6", "d0-8"]]
    var hook = try PersonalLossResampling(groups: groups, poolSize: 5, temperature: 0.02, startEpoch: 0, seed: 3)
    let trainer = try TinyTraining().make().trainer
    let original = (0..<200).map { _ in TrainingSample.pairwise(qid: "q0", positive: "d0-0", negatives: ["d0-1"]) }
    var samples = original
    try hook.beforeForward(trainer, samples: &samples)
    #expect(samples.allSatisfy { groups["q0"]?.contains($0.documents[0].docno) == true && $0.documents[1].docno == "d0-1" })
    let scores = try trainer.scores(of: [.listwise(qid: "q0", documents: (groups["q0"] ?? []).map {
      LabelledDocument(docno: $0, label: 1, isPositive: true)
    })])[0]
    let best = try #require(scores.indices.max { scores[$0] < scores[$1] })
    let worst = try #require(scores.indices.min { scores[$0] < scores[$1] })
    let names = try #require(groups["q0"])
    #expect(samples.count { $0.documents[0].docno == names[best] } > samples.count { $0.documents[0].docno == names[worst] })
    #expect(try #require(hook.suspicion(group: "q0", positive: names[best])) < 0)
    #expect(try #require(hook.suspicion(group: "q0", positive: names[worst])) > 0.2)
    #expect(hook.suspicion(group: "q1", positive: "d") == nil)
    // The same seed draws the same; pools of one, and epochs before the start, change nothing.
    var again = try PersonalLossResampling(groups: groups, poolSize: 5, temperature: 0.02, startEpoch: 0, seed: 3)
    var second = original
    try again.beforeForward(trainer, samples: &second)
    #expect(second == samples)
    for (pool, start) in [(1, 0), (5, 1)] {
      var idle = try PersonalLossResampling(groups: groups, poolSize: pool, startEpoch: start, seed: 3)
      var same = original
      try idle.beforeForward(trainer, samples: &same)
      #expect(same == original)
    }
  }

  @Test("Personal resampling: what cannot be meant is refused")
  func personalErrors() throws {
    #expect(throws: WeightingError.tooFew(what: "positives of group 'ann'", found: 0, needed: 1)) {
      try PersonalLossResampling(groups: ["ann": []], seed: 1)
    }
    #expect(throws: WeightingError.self) { try PersonalLossResampling(groups: ["a": ["b"]], poolSize: 0, seed: 1) }
    #expect(throws: WeightingError.self) { try PersonalLossResampling(groups: ["a": ["b"]], temperature: 0, seed: 1) }
  }

  @Test("Interactions: users alike, negatives outside their items, resumed where it was")
  func interactions() throws {
    let groups = ["ann": ["i0"], "bob": (0..<8).map { "i\($0)" }]
    let catalogue = (0..<10).map { "i\($0)" }
    var sampler = try InteractionSampler(groups: groups, catalogue: catalogue, seed: 7)
    let samples = (0..<2000).map { _ in sampler.next() }
    #expect(abs(samples.count { $0.qid == "ann" } - 1000) < 120)
    for sample in samples {
      let own = try #require(groups[sample.qid])
      #expect(own.contains(sample.documents[0].docno) && !own.contains(sample.documents[1].docno))
    }
    var again = try InteractionSampler(groups: groups, catalogue: catalogue, seed: 7)
    try again.resume(from: SamplerState(digest: again.resumeState.digest, drawn: 500))
    #expect(again.next() == samples[500])
    #expect(throws: SamplerError.self) { try InteractionSampler(groups: ["a": []], catalogue: catalogue, seed: 1) }
    #expect(throws: SamplerError.self) { try InteractionSampler(groups: ["a": ["i0"]], catalogue: ["i0"], seed: 1) }
  }

  @Test("Pairs of a list: each once a round, negatives that are nobody's positives")
  func pairList() throws {
    let pairs: [(qid: String, docno: String)] = (0..<6).map { ("q\($0 % 3)", "d\($0)") }
    let catalogue = (0..<12).map { "d\($0)" }
    var sampler = try PairListSampler(pairs: pairs, catalogue: catalogue, excluded: ["q0": ["d9"]], negatives: 4, seed: 1)
    let round = (0..<6).map { _ in sampler.next() }
    #expect(Set(round.map(ConsensusWeighting.key)) == Set(pairs.map { "\($0.0) \($0.1)" }))
    for sample in round + sampler.everyPair(negatives: 3, seed: 4) {
      let negatives = sample.documents.dropFirst().map(\.docno)
      #expect(Set(negatives).count == negatives.count)
      #expect(!negatives.contains { docno in pairs.contains { $0 == (sample.qid, docno) } })
      #expect(sample.qid != "q0" || !negatives.contains("d9"))
    }
    #expect(sampler.everyPair(negatives: 3, seed: 4).allSatisfy { $0.documents.count == 4 })
    #expect(throws: SamplerError.self) { try PairListSampler(pairs: pairs, catalogue: ["d1", "d2"], seed: 1) }
  }
}
