import GradusCore
import GradusFormats
import GradusTensor
import GradusTestSupport
@testable import GradusTrain
import Testing

@Suite("Losses of clicks")
struct ClickLossTests {
  static func log(_ propensities: [Double]) throws -> ClickLog {
    let run = Run(name: "shown", rankings: [
      Ranking(qid: "q", documents: (0..<4).map { ScoredDocument(docno: "\($0)", score: Double(10 - $0)) })
    ])
    return ClickLog(shown: run, propensities: try Propensities(propensities))
  }

  @Test("Weights by hand: a click over its position's propensity, clipped, divided by their mean")
  func weights() throws {
    let log = try Self.log([1, 0.5, 0.25, 0.1])
    let input = try LossInput(scores: Tensor([0.3, -0.2, 0.5, 0.1], shape: [1, 4]), samples: [list([0, 1, 0, 1])])
    #expect(try InversePropensityLoss(.listwise, log: log).weights(input) == [[0, 2, 0, 10]])
    #expect(try InversePropensityLoss(.listwise, log: log, clip: 0.2).weights(input) == [[0, 2, 0, 5]])
    let normalised = try InversePropensityLoss(.listwise, log: log, selfNormalised: true).weights(input)[0]
    #expect(approximately(normalised[1], 1 / 3.0, within: 1e-12) && approximately(normalised[3], 5 / 3.0, within: 1e-12))

    let scores = [0.3, -0.2, 0.5, 0.1]
    let logSum = logarithm(scores.reduce(0.0) { $0 + exponential($1) })
    let listwise = try InversePropensityLoss(.listwise, log: log).perSample(input).doubles()[0]
    #expect(approximately(listwise, 2 * (logSum + 0.2) + 10 * (logSum - 0.1), within: 1e-12))
    func softplus(_ x: Double) -> Double { logarithm(1 + exponential(x)) }
    let pairwise = try InversePropensityLoss(.pairwise, log: log).perSample(input).doubles()[0]
    let byHand = 2 * (softplus(0.3 + 0.2) + softplus(0.5 + 0.2)) + 10 * (softplus(0.3 - 0.1) + softplus(0.5 - 0.1))
    #expect(approximately(pairwise, byHand / 4, within: 1e-12))
    let pointwise = try InversePropensityLoss(.pointwise, log: log).perSample(input).doubles()[0]
    let single = softplus(0.3) + 2 * softplus(0.2) - softplus(-0.2) + softplus(0.5) + 10 * softplus(-0.1) - 9 * softplus(0.1)
    #expect(approximately(pointwise, single / 4, within: 1e-12))
  }

  @Test("With all propensities 1 they are the losses of clicks taken for judgements")
  func identities() throws {
    let log = try Self.log([1])
    let sample = list([0, 1, 0, 0])
    let scores = [[0.3, -0.2, 0.5, 0.1]]
    #expect(approximately(
      try perSample(try InversePropensityLoss(.listwise, log: log), scores, [sample])[0],
      try perSample(SoftmaxCrossEntropyLoss(), scores, [sample])[0], within: 1e-12))
    #expect(approximately(
      try perSample(try InversePropensityLoss(.pointwise, log: log), scores, [sample])[0],
      try perSample(PointwiseCrossEntropyLoss(), scores, [sample])[0], within: 1e-12))
    // RankNet has the mean over the three pairs, the click loss a quarter of the sum.
    #expect(approximately(
      try perSample(try InversePropensityLoss(.pairwise, log: log), scores, [sample])[0] * 4 / 3,
      try perSample(try RankNetLoss(), scores, [sample])[0], within: 1e-12))
  }

  @Test("Over all that users may look at, the pointwise and listwise losses are those of full information: no bias")
  func unbiased() throws {
    let propensities = [0.9, 0.5, 0.3, 0.2]
    let log = try Self.log(propensities)
    let relevant = [1.0, 0, 1, 1]
    let scores = [[0.3, -0.2, 0.5, 0.1]]
    for form in [InversePropensityLoss.Form.pointwise, .listwise] {
      let loss = try InversePropensityLoss(form, log: log)
      var expectation = 0.0
      for seen in 0..<16 {
        var probability = 1.0
        let clicks = (0..<4).map { place -> Double in
          let isSeen = seen >> place & 1 == 1
          probability *= isSeen ? propensities[place] : 1 - propensities[place]
          return isSeen ? relevant[place] : 0
        }
        expectation += probability * (try perSample(loss, scores, [list(clicks)])[0])
      }
      let full = try perSample(try InversePropensityLoss(form, log: try Self.log([1])), scores, [list(relevant)])[0]
      #expect(approximately(expectation, full, within: 1e-12))
    }
  }

  @Test("Gradients agree with finite differences; no gradient flows into the other model's scores")
  func gradientsOfLosses() throws {
    let log = try Self.log([1, 0.5, 0.25, 0.1])
    let samples = [list([0, 1, 0, 1]), list([1, 0, 0, 0])]
    var generator = SeededGenerator(seed: 4)
    let scores = Tensor.normal([2, 4], type: .float64, using: &generator)
    let others = Tensor.normal([2, 4], type: .float64, using: &generator)
    for form in InversePropensityLoss.Form.allCases {
      for normalises in [false, true] {
        let loss = try InversePropensityLoss(form, log: log, clip: 0.2, selfNormalised: normalises)
        try expectGradients([scores], form.rawValue) { try loss.perSample(LossInput(scores: $0[0], samples: samples)) }
      }
    }
    let dual = try DualLearning(log: log)
    try expectGradients([scores]) { try dual.values(LossInput(scores: $0[0], samples: samples), weighedBy: others) }
    let leaf = others.tracked(), own = scores.tracked()
    let value = try dual.values(LossInput(scores: own, samples: samples), weighedBy: leaf)
    #expect(try gradients(of: value.sum(), withRespectTo: [leaf])[0].doubles().allSatisfy { $0 == 0 })
    // By hand: the clicks of the first list at places 1 and 3, ratios exp(o0 - o_i).
    let o = others.doubles(), s = scores.doubles()
    let logSum = logarithm((0..<4).reduce(0.0) { $0 + exponential(s[$1]) })
    let expected = [1, 3].reduce(0.0) { $0 + exponential(o[0] - o[$1]) * (logSum - s[$1]) }
    #expect(approximately(value.doubles()[0], expected, within: 1e-12))
  }

  @Test("Labels that are no clicks, and documents that were never shown, are errors that name them")
  func errors() throws {
    let log = try Self.log([1])
    let input = try LossInput(scores: Tensor([0.0, 0], shape: [1, 2]), samples: [list([2, 0])])
    let wrong = LossError.documentLabel(
      loss: "InversePropensityLoss", qid: "q", docno: "0", label: 2, expected: "that are clicks, 0 or 1")
    #expect(throws: wrong) { try InversePropensityLoss(.listwise, log: log).perSample(input) }
    #expect(throws: LossError.self) { try DualLearning(log: log).values(input, weighedBy: input.scores) }
    let other = list([1, 0], qid: "r")
    #expect(throws: LossError.notInLog(qid: "r", docno: "0")) {
      try perSample(try InversePropensityLoss(.listwise, log: log), [[0, 0]], [other])
    }
    #expect(throws: LossError.self) { try InversePropensityLoss(.listwise, log: log, clip: 2) }
    #expect(throws: LossError.self) { try Propensities([1, 0]) }
    #expect(try Propensities.power(eta: 1, positions: 3).values == [1, 0.5, 1 / 3.0])
    #expect(try Propensities.power(eta: 0, positions: 2).values == [1, 1])
    #expect(try Propensities([1, 0.5])[9] == 0.5)
  }

  @Test("Dual learning finds ranker and propensities together, from clicks alone")
  func dualLearning() throws {
    // Lists of five in random order; clicks where a document is relevant and was looked at.
    let examination = [1, 0.6, 0.4, 0.25, 0.15]
    var generator = SeededGenerator(seed: 8)
    var rankings: [Ranking] = [], qrels = Qrels(), queries: [Query] = [], documents: [Document] = []
    for session in 0..<400 {
      let qid = "s\(session)"
      queries.append(Query(qid: qid, text: "query"))
      var shown: [ScoredDocument] = []
      for (position, relevance) in generator.permutation(5).enumerated() {
        let docno = "\(qid)-\(position)"
        let grade = Double(relevance + 1) / 5
        let features = [grade, generator.normal(), generator.normal()]
        documents.append(Document(docno: docno, text: features.map { "\($0)" }.joined(separator: " ")))
        shown.append(ScoredDocument(docno: docno, score: Double(-position)))
        let isClicked = Double.random(in: 0..<1, using: &generator) < examination[position] * grade
        qrels.judge(qid: qid, docno: docno, grade: isClicked ? 1 : 0)
      }
      rankings.append(Ranking(qid: qid, documents: shown))
    }
    let run = Run(name: "shown", rankings: rankings)
    let log = ClickLog(shown: run, propensities: try Propensities([1]))
    let ranker = TinyScorer(seed: 2, dropout: 0), positions = PositionModel(log: log, positions: 5)
    var options = TrainerOptions(seed: 1)
    options.batchSize = 32
    options.epochLength = .samples(320)
    options.maxEpochs = 25
    options.showsProgress = false
    let trainer = try Trainer(
      models: [
        TrainedModel(ranker, optimizer: Adam(groups: [ParameterGroup(parameters: ranker.parameters, learningRate: 0.01)])),
        TrainedModel(
          positions, name: "propensity",
          optimizer: Adam(groups: [ParameterGroup(parameters: positions.parameters, learningRate: 0.03)])),
      ],
      sampler: try ListwiseSampler(run: run, qrels: qrels, size: 5, seed: 3),
      texts: InMemoryTexts(queries: queries, documents: documents), objectives: try DualLearning(log: log).objectives(),
      options: options)
    _ = try trainer.train()
    let found = try positions.propensities().values
    for (value, expected) in zip(found, examination) { #expect(approximately(value, expected, within: 0.13), "\(found)") }
    #expect(found == found.sorted(by: >))
    // The ranker orders by the feature that makes documents relevant.
    func score(_ grade: Double) throws -> Double {
      try ranker.rankingScores([.init(query: queries[0], document: Document(docno: "x", text: "\(grade) 0 0"))])[0].score
    }
    #expect(try score(1) > score(0.5) && score(0.5) > score(0))
  }

  /// Impressions of ten items at three positions by `P(click) = examination x relevance`, as expected counts of 1000 each.
  private func impressions(_ examination: [Double], biased: Bool) -> [Impression] {
    (0..<10).flatMap { item in
      (1...3).flatMap { position -> [Impression] in
        // A biased log shows the relevant items at the top.
        let shown = biased ? 200 * (1 + (item < 5 ? 3 - position : position - 1) * 4) : 1000
        let relevance = item < 5 ? 0.8 : 0.2
        let clicks = Int((Double(shown) * examination[position - 1] * relevance).rounded())
        return (0..<shown).map { Impression(item: "i\(item)", position: position, wasClicked: $0 < clicks) }
      }
    }
  }

  @Test("Propensities from a randomised log; a biased one fools click rates and neither of the others")
  func estimation() throws {
    let examination = [1, 0.5, 0.25]
    let random = impressions(examination, biased: false), biased = impressions(examination, biased: true)
    func expect(_ found: Propensities, _ tolerance: Double) {
      for (a, b) in zip(found.values, examination) { #expect(approximately(a, b, within: tolerance), "\(found.values)") }
    }
    expect(try PropensityEstimation.randomised(random), 1e-9)
    expect(try PropensityEstimation.harvested(random), 1e-9)
    expect(try PropensityEstimation.expectationMaximisation(random), 0.01)
    #expect(try PropensityEstimation.randomised(biased).values[2] < 0.17)
    expect(try PropensityEstimation.harvested(biased), 1e-2)
    expect(try PropensityEstimation.expectationMaximisation(biased, iterations: 1000), 0.02)
  }

  @Test("Logs that say nothing are errors")
  func estimationErrors() throws {
    #expect(throws: PropensityEstimationError.noImpressions) { try PropensityEstimation.randomised([]) }
    #expect(throws: PropensityEstimationError.position(0)) {
      try PropensityEstimation.randomised([Impression(item: "a", position: 0, wasClicked: true)])
    }
    let gap = [1, 3].map { Impression(item: "a", position: $0, wasClicked: true) }
    #expect(throws: PropensityEstimationError.noImpressionsAt(position: 2)) { try PropensityEstimation.randomised(gap) }
    let silent = [Impression(item: "a", position: 1, wasClicked: true), Impression(item: "a", position: 2, wasClicked: false)]
    #expect(throws: PropensityEstimationError.noClicks(position: 2)) { try PropensityEstimation.randomised(silent) }
    let apart = [Impression(item: "a", position: 1, wasClicked: true), Impression(item: "b", position: 2, wasClicked: true)]
    #expect(throws: PropensityEstimationError.noIntervention(position: 2)) { try PropensityEstimation.harvested(apart) }
  }

  @Test("Off-policy values by hand")
  func offPolicy() throws {
    let value = try OffPolicyValue(rewards: [1, 0, 1, 0], weights: [2, 1, 0.5, 0.5])
    #expect(value.ips == 0.625 && value.selfNormalised == 0.625 && value.meanWeight == 1 && value.largestWeight == 2)
    #expect(approximately(value.effectiveSampleSize, 16 / 5.5, within: 1e-12))
    let clipped = try OffPolicyValue(rewards: [1, 0, 1, 0], weights: [2, 1, 0.5, 0.5], clip: 1)
    #expect(clipped.ips == 0.375 && clipped.selfNormalised == 0.5)
    #expect(throws: LossError.self) { try OffPolicyValue(rewards: [], weights: []) }
    #expect(throws: LossError.self) { try OffPolicyValue(rewards: [1], weights: [0]) }
    #expect(throws: LossError.self) { try OffPolicyValue(rewards: [1], weights: [-1]) }
  }

  @Test(
    "The Open Bandit logs: the uniform policy's value from the Thompson log, and propensities of three positions",
    .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.skipNotice)))
  func openBandit() throws {
    let thompson = try OpenBanditReader.read(try #require(SharedData.path("open-bandit/bts-impressions.csv.gz")))
    let random = try OpenBanditReader.read(try #require(SharedData.path("open-bandit/random-impressions.csv.gz")))
    #expect(thompson.count == 10_000 && random.count == 10_000)
    #expect(thompson.count { $0.wasClicked } == 69 && random.count { $0.wasClicked } == 46)
    let value = try OffPolicyValue(
      rewards: thompson.map { $0.wasClicked ? 1 : 0 }, weights: thompson.map { 1 / 34 / $0.propensity })
    #expect(approximately(value.ips, 0.00301, within: 5e-6) && approximately(value.selfNormalised, 0.00319, within: 5e-6))
    #expect(approximately(value.meanWeight, 0.943, within: 5e-4) && approximately(value.largestWeight, 178.3, within: 0.05))
    #expect(approximately(value.effectiveSampleSize, 656, within: 0.5))
    let onPolicy = try OffPolicyValue(rewards: random.map { $0.wasClicked ? 1 : 0 }, weights: random.map { _ in 1 })
    #expect(onPolicy.ips == 0.0046 && approximately(onPolicy.standardError, 0.0007, within: 5e-5))
    // 10, 22 and 14 clicks: too few to say more than that the positions hardly differ.
    let impressions = random.map { Impression(item: $0.item, position: $0.position, wasClicked: $0.wasClicked) }
    #expect(try PropensityEstimation.randomised(impressions).values == [1, 1, 1])
    #expect(try PropensityEstimation.expectationMaximisation(impressions).values.count == 3)
  }
}
