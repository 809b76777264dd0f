import GradusCore
import GradusModels
import GradusTensor
@testable import GradusTrain
import Testing

@Suite("Ordinal regression and PRESTO")
struct OrdinalLossTests {
  /// Predictors of the boundaries at x = 0.4 with intercepts 0, 2 and slopes 1, 1.5.
  static let eta = Tensor([0.4, 2.6], shape: [1, 2])

  @Test("The card's probabilities, objective and crossing")
  func workedNumbers() throws {
    let loss = CumulativeLogitLoss()
    for (found, expected) in zip(loss.probabilities(Self.eta).doubles(), [0.598688, 0.332174, 0.069138]) {
      #expect(approximately(found, expected, within: 1e-6))
    }
    for (own, expected) in [0.598688, 0.332174, 0.069138].enumerated() {
      #expect(approximately(loss.values(Self.eta, classes: [own]).doubles()[0], -logarithm(expected), within: 1e-5))
    }
    let both = loss.values(concatenated([Self.eta, Self.eta]), classes: [0, 2]).mean().item()
    let penalty = try FusedDifferencePenalty(lambda: 0.1)(Tensor([1, 1.5], shape: [1, 2])).item()
    #expect(approximately(both + penalty, 1.742330, within: 2e-6))
    let free = try FusedDifferencePenalty(lambda: 0.1, penalisesFirst: false)(Tensor([1, 1.5], shape: [1, 2])).item()
    #expect(approximately(free, 0.05))
    // Crossing boundaries: a negative probability, which is no likelihood but stays finite, and is mended by a fit's prediction.
    let crossing = Tensor([2.0, 1.0], shape: [1, 2])
    #expect(approximately(loss.probabilities(crossing).doubles()[1], -0.149738, within: 1e-6))
    #expect(loss.values(crossing, classes: [1]).doubles()[0] > 60)
    let fit = OrdinalRegression(intercepts: [0, 0.5], slopes: [[2], [0.5]], objective: 0, iterations: 0)
    #expect(fit.probabilities(of: [1]).map { ($0 * 1e6).rounded() / 1e6 } == [0.880797, 0, 0.119203])
  }

  @Test("Gradients of the likelihood and of the penalty agree with finite differences, and with the card's form")
  func gradientsOfLosses() throws {
    let eta = Tensor([-1.0, 0.2, 1.5, -0.3, 0.1, 0.4, 0.5, 0.6, 3], shape: [3, 3])
    for classes in [[0, 1, 2], [3, 2, 1], [1, 3, 0]] {
      try expectGradients([eta]) { CumulativeLogitLoss().values($0[0], classes: classes) }
    }
    let leaf = Self.eta.tracked()
    let found = try gradients(of: CumulativeLogitLoss().values(leaf, classes: [1]).sum(), withRespectTo: [leaf])[0].doubles()
    let (lower, upper) = (0.598688, 0.930862)
    #expect(approximately(found[1], -upper * (1 - upper) / (upper - lower), within: 1e-5))
    #expect(approximately(found[0], lower * (1 - lower) / (upper - lower), within: 1e-5))
    let penalty = try FusedDifferencePenalty(lambda: 0.7)
    try expectGradients([Tensor([0.3, -0.2, 0.9, 1.1, -0.4, 0.2], shape: [2, 3])]) { penalty($0[0]).reshaped(to: [1]) }
    // Two predictors 1e-7 apart keep their digits in Float32.
    let near = Tensor([Float(0), 1e-7], shape: [1, 2])
    #expect(approximately(CumulativeLogitLoss().values(near, classes: [1]).doubles()[0], -logarithm(0.25e-7), within: 1e-3))
  }

  @Test("CORAL, CORN and cumulative by hand; their gradients")
  func ordinalLosses() throws {
    let sample = TrainingSample.pointwise(qid: "q", docno: "d", label: 1, isPositive: true)
    func value(_ kind: OrdinalLoss.Kind, _ logits: [Double]) throws -> Double {
      try OrdinalLoss(levels: 3, kind: kind).perSample(
        LossInput(scores: Tensor(logits, shape: [1, 1, 2]), samples: [sample])).doubles()[0]
    }
    // Log-odds of "above 0" and "above 1": 0.4 and -1.
    let above = logarithm(1 + exponential(-0.4)), notAbove = logarithm(1 + exponential(-1))
    #expect(approximately(try value(.coral, [0.4, -1]), above + notAbove, within: 1e-12))
    #expect(approximately(try value(.corn, [0.4, -1]), above + notAbove, within: 1e-12))
    #expect(approximately(try value(.cumulative, [0.4, -1]), -logarithm(0.598688 - 0.268941), within: 1e-5))
    // Grade 0: CORN does not ask about grade 1.
    let zero = TrainingSample.pointwise(qid: "q", docno: "d", label: 0, isPositive: false)
    let corn = try OrdinalLoss(levels: 3, kind: .corn).perSample(
      LossInput(scores: Tensor([0.4, 9], shape: [1, 1, 2]), samples: [zero])).doubles()[0]
    #expect(approximately(corn, logarithm(1 + exponential(0.4)), within: 1e-12))
    let samples = [list([0, 1, 2, 3], qid: "a"), list([3, 3, 0, 1], qid: "b")]
    let numbers = (0..<24).map { (number: Int) -> Double in
      let step = Double(number % 3), noise = Double(number * number % 7)
      return 2.2 - step - 0.1 * noise
    }
    let logits = Tensor(numbers, shape: [2, 4, 3])
    for kind in OrdinalLoss.Kind.allCases {
      let loss = try OrdinalLoss(levels: 4, kind: kind)
      try expectGradients([logits], "\(kind)") { try loss.perSample(LossInput(scores: $0[0], samples: samples)) }
    }
    #expect(throws: LossError.documentLabel(
      loss: "OrdinalLoss", qid: "b", docno: "0", label: 3, expected: "that are whole grades from 0 to 2")) {
      try OrdinalLoss(levels: 3).perSample(LossInput(scores: .zeros([1, 4, 2]), samples: [samples[1]]))
    }
    #expect(throws: LossError.logits(loss: "OrdinalLoss", expected: 3, found: 1)) {
      try OrdinalLoss(levels: 4).perSample(LossInput(scores: .zeros([2, 4]), samples: samples))
    }
    // Two grades are binary cross-entropy.
    let binary = try perSample(try OrdinalLoss(levels: 2), [[0.3, -0.4]], [list([1, 0])])
    #expect(binary == (try perSample(PointwiseCrossEntropyLoss(), [[0.3, -0.4]], [list([1, 0])])))
  }

  @Test("Thresholds stay in order, rank as the base does, and learn")
  func thresholds() throws {
    let base = TinyScorer(seed: 3)
    let scorer = OrdinalScorer(base, levels: 4)
    for (found, expected) in zip(scorer.thresholds.doubles(), [-1.0, 0, 1]) {
      #expect(approximately(found, expected, within: 1e-5))
    }
    #expect(scorer.parameters.count == base.parameters.count + 1 && scorer.logitsPerPair == 3)
    var training = TinyTraining()
    training.objectives = [TrainingObjective(try OrdinalLoss(levels: 4, kind: .cumulative))]
    let groups = [ParameterGroup(parameters: scorer.parameters, learningRate: 0.1)]
    let trainer = try training.make(models: [TrainedModel(scorer, optimizer: Adam(groups: groups))])
    let before = scorer.thresholds.doubles()
    let result = try trainer.train()
    let after = scorer.thresholds.doubles()
    #expect(after != before && after == after.sorted())
    #expect(result.history[5].objectives[0].meanLoss < result.history[0].objectives[0].meanLoss)
    let pairs = try TinyCollection.run.rankings[0].documents.map {
      ScoringPair(query: try TinyTexts.texts.query("q0"), document: try TinyTexts.texts.document($0.docno))
    }
    #expect(try scorer.rankingScores(pairs).map(\.score) == base.rankingScores(pairs).map(\.score))
    let logits = try scorer.scores(pairs, context: .inference)
    let mean = after.reduce(0, +) / 3
    for (found, own) in zip(scorer.rankingScores(of: logits), try base.rankingScores(pairs)) {
      #expect(approximately(found, own.score - mean, within: 1e-5))
    }
  }

  // MARK: - Fits

  /// The card's sparse design: intercepts 0, 1.5, 2.5, slopes that differ in one feature.
  static let sample: (rows: [[Double]], classes: [Int]) = {
    var generator = SeededGenerator(seed: 11)
    let intercepts = [0.0, 1.5, 2.5], slopes = [[0.5, -0.5, 0], [0.5, 0.2, 0], [0.5, 0.2, 0.6]]
    var rows: [[Double]] = [], classes: [Int] = []
    for _ in 0..<400 {
      let x = (0..<3).map { _ in Double.random(in: -1...1, using: &generator) }
      let draw = Double.random(in: 0..<1, using: &generator)
      let cumulative = (0..<3).map { k in sigmoid(zip(slopes[k], x).reduce(intercepts[k]) { $0 + $1.0 * $1.1 }) }
      rows.append(x)
      classes.append(cumulative.firstIndex { draw < $0 } ?? 3)
    }
    return (rows, classes)
  }()

  private func fit(_ lambda: Double, penalisesFirst: Bool = true) throws -> OrdinalRegression {
    try OrdinalRegression.fit(
      Self.sample.rows, classes: Self.sample.classes, levels: 4,
      penalty: FusedDifferencePenalty(lambda: lambda, penalisesFirst: penalisesFirst))
  }

  @Test("A penalty of lambda_max leaves the classes' frequencies; just below it something moves")
  func largestPenalty() throws {
    let largest = try OrdinalRegression.largestLambda(Self.sample.rows, classes: Self.sample.classes, levels: 4)
    let flat = try fit(largest * 1.0001)
    #expect(flat.slopes.allSatisfy { $0.allSatisfy { $0 == 0 } })
    let probabilities = flat.probabilities(of: [0.3, -0.2, 0.8])
    for level in 0..<4 {
      let share = Double(Self.sample.classes.count { $0 == level }) / 400
      #expect(approximately(probabilities[level], share, within: 1e-5))
    }
    #expect(try fit(largest * 0.95).slopes.contains { $0.contains { $0 != 0 } })
  }

  @Test("The two ends: shared slopes are proportional odds; without a penalty every boundary has its own, at a zero gradient")
  func ends() throws {
    let shared = try fit(1e3, penalisesFirst: false)
    for slopes in shared.slopes { for (a, b) in zip(slopes, shared.slopes[0]) { #expect(approximately(a, b, within: 1e-12)) } }
    // Proportional odds by the loss itself: one set of slopes, no way down.
    func objective(_ point: Tensor, separate: Bool) -> Tensor {
      let x = Tensor(Self.sample.rows.flatMap { $0 }, shape: [400, 3])
      let intercepts = point.slice(axis: 0, from: 0, to: 3)
      let slopes = separate
        ? point.slice(axis: 0, from: 3, to: 12).reshaped(to: [3, 3])
        : point.slice(axis: 0, from: 3, to: 6).reshaped(to: [1, 3]) + Tensor.zeros([3, 3], type: .float64)
      return CumulativeLogitLoss().values(matmul(x, slopes, transposeB: true) + intercepts, classes: Self.sample.classes).mean()
    }
    func largestGradient(_ values: [Double], separate: Bool) throws -> Double {
      let leaf = Tensor(values, shape: [values.count]).tracked()
      return try gradients(of: objective(leaf, separate: separate), withRespectTo: [leaf])[0].doubles().map(abs).max() ?? 1
    }
    #expect(try largestGradient(shared.intercepts + shared.slopes[0], separate: false) < 1e-5)
    let separate = try fit(0)
    #expect(try largestGradient(separate.intercepts + separate.slopes.flatMap { $0 }, separate: true) < 1e-5)
    #expect(separate.objective < shared.objective)
    // Between the ends the penalised objective is not above either end's at the same price.
    let between = try fit(0.01)
    #expect(between.objective >= separate.objective)
    #expect(between.slopes.flatMap { $0 }.contains(0) || zip(between.slopes[0], between.slopes[1]).contains { $0 == $1 })
  }

  @Test("Two classes without a penalty are logistic regression; twice every row changes nothing")
  func logistic() throws {
    let classes = Self.sample.classes.map { $0 == 0 ? 0 : 1 }
    let free = try FusedDifferencePenalty(lambda: 0)
    let fit = try OrdinalRegression.fit(Self.sample.rows, classes: classes, levels: 2, penalty: free)
    // The score equations of logistic regression: residuals at right angles to the features.
    let residuals = zip(Self.sample.rows, classes).map { row, own in fit.probabilities(of: row)[0] - (own == 0 ? 1 : 0) }
    #expect(abs(residuals.reduce(0, +)) / 400 < 1e-6)
    for feature in 0..<3 {
      #expect(abs(zip(residuals, Self.sample.rows).reduce(0.0) { $0 + $1.0 * $1.1[feature] }) / 400 < 1e-6)
    }
    let twice = try OrdinalRegression.fit(
      Self.sample.rows + Self.sample.rows, classes: classes + classes, levels: 2, penalty: free)
    for (a, b) in zip(twice.slopes[0], fit.slopes[0]) { #expect(approximately(a, b, within: 1e-6)) }
  }

  @Test("What cannot be fitted is an error")
  func errors() throws {
    let penalty = try FusedDifferencePenalty(lambda: 0.1)
    #expect(throws: OrdinalRegressionError.classMissing(1)) {
      try OrdinalRegression.fit([[1], [2]], classes: [0, 2], levels: 3, penalty: penalty)
    }
    #expect(throws: OrdinalRegressionError.constantFeature(0)) {
      try OrdinalRegression.fit([[1], [1]], classes: [0, 1], levels: 2, penalty: penalty)
    }
    #expect(throws: OrdinalRegressionError.notFinite(row: 1, feature: 0)) {
      try OrdinalRegression.fit([[1], [.nan]], classes: [0, 1], levels: 2, penalty: penalty)
    }
    #expect(throws: OrdinalRegressionError.classOutside(row: 0, found: 2, levels: 2)) {
      try OrdinalRegression.fit([[1], [2]], classes: [2, 1], levels: 2, penalty: penalty)
    }
    #expect(throws: OrdinalRegressionError.shape(row: 1, expected: 1, found: 2)) {
      try OrdinalRegression.fit([[1], [2, 3]], classes: [0, 1], levels: 2, penalty: penalty)
    }
    #expect(throws: LossError.self) { try FusedDifferencePenalty(lambda: -1) }
  }
}
