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

  @Test("A scorer as a two-way classifier: its loss is the binary cross-entropy of its score, and it ranks as before")
  func twoLogits() throws {
    let base = TinyScorer(seed: 3)
    let scorer = TwoLogitScorer(base)
    #expect(scorer.logitsPerPair == 2 && scorer.parameters.count == base.parameters.count)
    let pairs = try TinyCollection.run.rankings[0].documents.prefix(3).map {
      ScoringPair(query: try TinyTexts.texts.query("q0"), document: try TinyTexts.texts.document($0.docno))
    }
    let scores = base.scores(pairs, context: .inference).doubles()
    let logits = try scorer.scores(pairs, context: .inference)
    #expect(logits.shape == [3, 2] && Set(scores).count == 3)
    for (found, own) in zip(scorer.rankingScores(of: logits), scores) { #expect(approximately(found, own, within: 1e-6)) }
    #expect(try scorer.rankingScores(pairs).map(\.score) == base.rankingScores(pairs).map(\.score))
    let input = try LossInput(scores: logits.reshaped(to: [1, 3, 2]), samples: [list([0, 1, 0])])
    let expected = zip(scores, [1.0, -1, 1]).reduce(0.0) { $0 + logarithm(1 + exponential($1.0 * $1.1)) }
    #expect(approximately(try TwoLogitCrossEntropyLoss().perSample(input).doubles()[0], expected, within: 1e-5))
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

  @Test("Shared slopes are what a large penalty makes of separate ones; mirrored classes and features give the mirrored model")
  func proportionalOdds() throws {
    let free = try FusedDifferencePenalty(lambda: 0)
    let shared = try OrdinalRegression.fit(
      Self.sample.rows, classes: Self.sample.classes, levels: 4, penalty: free, slopes: .shared)
    let tied = try fit(1e3, penalisesFirst: false)
    #expect(Set(shared.slopes).count == 1)
    for (a, b) in zip(shared.slopes[0] + shared.intercepts, tied.slopes[0] + tied.intercepts) {
      #expect(approximately(a, b, within: 1e-6))
    }
    let mirrored = try OrdinalRegression.fit(
      Self.sample.rows.map { $0.map { -$0 } }, classes: Self.sample.classes.map { 3 - $0 }, levels: 4, penalty: free,
      slopes: .shared)
    for (a, b) in zip(mirrored.slopes[0], shared.slopes[0]) { #expect(approximately(a, b, within: 1e-6)) }
    for (a, b) in zip(mirrored.intercepts, shared.intercepts.reversed()) { #expect(approximately(a, -b, within: 1e-6)) }
    // The lasso of proportional odds: nothing counts at its largest lambda, something just below.
    let largest = try OrdinalRegression.largestLambda(
      Self.sample.rows, classes: Self.sample.classes, levels: 4, slopes: .shared)
    for (factor, isFlat) in [(1.0001, true), (0.95, false)] {
      let found = try OrdinalRegression.fit(
        Self.sample.rows, classes: Self.sample.classes, levels: 4, penalty: FusedDifferencePenalty(lambda: largest * factor),
        slopes: .shared)
      #expect(found.slopes[0].allSatisfy { $0 == 0 } == isFlat)
    }
  }

  @Test("A constant feature is left out and named; where boundaries cross is told; the expected class by hand")
  func prediction() throws {
    let rows = Self.sample.rows.map { $0 + [0.1] }
    let penalty = try FusedDifferencePenalty(lambda: 0.01)
    let with = try OrdinalRegression.fit(rows, classes: Self.sample.classes, levels: 4, penalty: penalty)
    let without = try fit(0.01)
    #expect(with.constantFeatures == [3] && without.constantFeatures.isEmpty)
    #expect(with.slopes.map { Array($0.prefix(3)) } == without.slopes && with.slopes.allSatisfy { $0[3] == 0 })
    let crossing = OrdinalRegression(intercepts: [0, 0.5], slopes: [[2], [0.5]])
    #expect(crossing.crosses(at: [1]) && !crossing.crosses(at: [0]))
    #expect(approximately(crossing.expectedClass(of: [1]), 2 * 0.119203, within: 1e-6))
  }

  @Test("Cross-validation: folds keep every class, lambdas fall evenly, the best is chosen and fitted on all rows")
  func crossValidation() throws {
    let (rows, classes) = Self.sample
    let folds = OrdinalCrossValidation.folds(5, of: classes, seed: 3)
    for level in 0..<4 {
      let sizes = (0..<5).map { fold in classes.indices.count { classes[$0] == level && folds[$0] == fold } }
      #expect(sizes.max()! - sizes.min()! <= 1)
    }
    #expect(OrdinalCrossValidation.folds(5, of: classes, seed: 3) == folds)
    let found = try OrdinalCrossValidation(rows, classes: classes, levels: 4, folds: folds, count: 9)
    #expect(found.lambdas.count == 9 && found.lambdas == found.lambdas.sorted(by: >))
    #expect(approximately(found.lambdas[0], try OrdinalRegression.largestLambda(rows, classes: classes, levels: 4)))
    #expect(approximately(found.lambdas[8] / found.lambdas[0], 0.01, within: 1e-9))
    #expect(found.brier.min() == found.brier[found.lambdas.firstIndex(of: found.lambda)!] && found.brier[0] > found.brier.min()!)
    // At the largest lambda each row gets the class shares of the other folds.
    var sum = 0.0
    for row in rows.indices {
      let kept = classes.indices.filter { folds[$0] != folds[row] }
      for level in 0..<4 {
        let share = Double(kept.count { classes[$0] == level }) / Double(kept.count)
        sum += (share - (classes[row] == level ? 1 : 0)) * (share - (classes[row] == level ? 1 : 0))
      }
    }
    #expect(approximately(found.brier[0], sum / 400, within: 2e-3))
    let direct = try fit(found.lambda)
    for (a, b) in zip(found.regression.slopes.flatMap { $0 }, direct.slopes.flatMap { $0 }) {
      #expect(approximately(a, b, within: 1e-3))
    }
  }

  @Test("What cannot be fitted is an error")
  func errors() throws {
    let penalty = try FusedDifferencePenalty(lambda: 0.1)
    #expect(throws: OrdinalRegressionError.classMissing(1)) {
      try OrdinalRegression.fit([[1], [2]], classes: [0, 2], levels: 3, penalty: penalty)
    }
    #expect(throws: OrdinalRegressionError.tooFewRows(3, numbers: 4)) {
      try OrdinalRegression.fit([[1], [2], [3]], classes: [0, 1, 2], levels: 3, penalty: FusedDifferencePenalty(lambda: 0))
    }
    #expect(throws: OrdinalRegressionError.tooFewLevels(1)) {
      try OrdinalRegression.fit([[1], [2]], classes: [0, 0], levels: 1, penalty: penalty)
    }
    func validated(_ folds: [Int], count: Int = 5) throws {
      _ = try OrdinalCrossValidation([[1], [2], [3], [4]], classes: [0, 1, 0, 1], levels: 2, folds: folds, count: count)
    }
    #expect(throws: OrdinalRegressionError.path(count: 1, leastRatio: 0.01)) { try validated([0, 0, 1, 1], count: 1) }
    #expect(throws: OrdinalRegressionError.folds(expected: 4, found: 3)) { try validated([0, 0, 1]) }
    #expect(throws: OrdinalRegressionError.folds(expected: 2, found: 1)) { try validated([0, 0, 0, 0]) }
    // The rows outside fold 0 are all of class 1.
    #expect(throws: OrdinalRegressionError.classMissing(0)) { try validated([0, 1, 0, 1]) }
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
