import GradusCore
import GradusTensor
@testable import GradusTrain
import Testing

@Suite("Losses of one right document among some")
struct TargetLossTests {
  static let scores = [2.0, 1, 0, -1]

  /// The value with document `target` the only positive.
  static func value(_ loss: any RankingLoss, _ scores: [Double], _ target: Int) throws -> Double {
    try perSample(loss, [scores], [list(scores.indices.map { $0 == target ? 1 : 0 })])[0]
  }

  // MARK: - The spherical family

  @Test("Z-loss: the card's values, limits and gradient")
  func zLoss() throws {
    for (target, expected) in [0.232235, 0.494335, 0.941548, 1.573876].enumerated() {
      #expect(approximately(try Self.value(ZLoss(), Self.scores, target), expected))
    }
    for (target, expected) in [0.204382, 0.695760, 1.474141, 2.346244].enumerated() {
      #expect(approximately(try Self.value(ZLoss(a: 2, b: 1), Self.scores, target), expected))
    }
    let leaf = Tensor(Self.scores, shape: [1, 4]).tracked()
    let loss = try ZLoss(a: 2, b: 1).perSample(LossInput(scores: leaf, samples: [list([1, 0, 0, 0])]))
    let gradient = try gradients(of: loss.sum(), withRespectTo: [leaf])[0].doubles()
    for (found, expected) in zip(gradient, [-0.090032, 0.120043, 0.030011, -0.060021]) {
      #expect(approximately(found, expected, within: 1e-6))
    }
    #expect(approximately(gradient.reduce(0, +), 0, within: 1e-12))
    #expect(approximately(zip(gradient, Self.scores).reduce(0) { $0 + $1.0 * ($1.1 - 0.5) }, 0, within: 1e-12))
    // A shift and a positive factor change nothing; a negative one swaps best and worst.
    let moved = Self.scores.map { 3 * $0 + 7 }
    #expect(approximately(try Self.value(ZLoss(), moved, 1), try Self.value(ZLoss(), Self.scores, 1), within: 1e-9))
    #expect(approximately(try Self.value(ZLoss(), Self.scores.map { -$0 }, 0), 1.573876))
    #expect(approximately(try Self.value(ZLoss(), [1, 0, 0, 0], 0), 0.162902))
    // a towards infinity: max(0, b - z), z = 1.341641.
    #expect(approximately(try Self.value(ZLoss(a: 1e6, b: 3), Self.scores, 0), 3 - 1.3416407865, within: 1e-6))
    #expect(approximately(try Self.value(ZLoss(a: 1e6, b: 0), Self.scores, 0), 0, within: 1e-6))
  }

  @Test("Z-loss where all scores are equal: log 2 without a gradient")
  func zLossFlat() throws {
    for type in [ScalarType.float32, .float64] {
      let leaf = Tensor([5.0, 5, 5], shape: [1, 3]).cast(to: type).tracked()
      let loss = try ZLoss().perSample(LossInput(scores: leaf, samples: [list([1, 0, 0])]))
      #expect(approximately(loss.doubles()[0], 0.693147))
      #expect(try gradients(of: loss.sum(), withRespectTo: [leaf])[0].doubles() == [0, 0, 0])
    }
    let pair = TrainingSample.pairwise(qid: "q", positive: "a", negatives: ["b"])
    #expect(throws: LossError.tooFewCandidates(loss: "ZLoss", sample: pair.id, found: 2, least: 3)) {
      try perSample(try ZLoss(), [[1, 2]], [pair])
    }
    #expect(throws: LossError.notPositive(parameter: "a", found: 0)) { try ZLoss(a: 0) }
  }

  @Test("Spherical and Taylor softmax: the card's probabilities")
  func sphericalSoftmax() throws {
    for (target, expected) in [0.666667, 0.166667, 0, 0.166667].enumerated() where target != 2 {
      let found = exponential(-(try Self.value(SphericalSoftmaxLoss(epsilon: 1e-12), Self.scores, target)))
      #expect(approximately(found, expected))
    }
    for (target, expected) in [0.555556, 0.277778, 0.111111, 0.055556].enumerated() {
      #expect(approximately(exponential(-(try Self.value(TaylorSoftmaxLoss(), Self.scores, target))), expected))
    }
  }

  @Test("Several positives: the mean over them; the values of a sample without a positive are 0")
  func severalPositives() throws {
    for loss in [try ZLoss(), try SphericalSoftmaxLoss(epsilon: 0.1), TaylorSoftmaxLoss()] as [any RankingLoss] {
      let both = try perSample(loss, [Self.scores, Self.scores], [list([1, 0, 1, 0]), list([0, 0, 0, 0])])
      let mean = (try Self.value(loss, Self.scores, 0) + Self.value(loss, Self.scores, 2)) / 2
      #expect(approximately(both[0], mean, within: 1e-12) && both[1] == 0)
    }
    // LDR has the other positives out of the way.
    let robust = try perSample(try LDRKLLoss(), [Self.scores], [list([1, 0, 1, 0])])[0]
    let first = try Self.value(try LDRKLLoss(), [2, 1, -1], 0), second = try Self.value(try LDRKLLoss(), [1, 0, -1], 1)
    #expect(approximately(robust, (first + second) / 2, within: 1e-12))
  }

  @Test("In a batch: the documents that are left make mean and deviation")
  func inBatch() throws {
    let fixture = VectorFixture(3, negatives: 1)
    let cosines = matmul(
      fixture.queries.normalized(), fixture.documents.reshaped(to: [6, 4]).normalized(), transposeB: true).doubles()
    var qrels = Qrels()
    qrels.judge(qid: "q0", docno: "p2", grade: 1)
    let found = try fixture.values(InBatchTargetLoss(try ZLoss(a: 1, b: 2)), qrels: qrels)
    #expect(approximately(found[0], try Self.value(ZLoss(a: 1, b: 2), [0, 1, 2, 3, 5].map { cosines[$0] }, 0), within: 1e-9))
    #expect(approximately(found[1], try Self.value(ZLoss(a: 1, b: 2), (6..<12).map { cosines[$0] }, 2), within: 1e-9))
    #expect(throws: LossError.self) { try VectorFixture(1, negatives: 1).values(InBatchTargetLoss(try ZLoss())) }
  }

  // MARK: - LDR

  @Test("LDR-KL: the card's values, dual and identities")
  func robust() throws {
    let scores = [2.0, 1, 0]
    for (lambda, expected, tolerance) in [(0.1, -0.109857, 1e-6), (1, -0.691006, 1e-6), (10, -0.966694, 1e-6), (1e6, -1, 1e-5)] {
      #expect(approximately(try Self.value(LDRKLLoss(lambda: lambda), scores, 0), expected, within: tolerance))
    }
    for (lambda, expected) in [(0.1, -0.040544), (1, -0.236617), (10, -0.322349), (1e6, -0.333333)] {
      #expect(approximately(try Self.value(LDRKLLoss(lambda: lambda, margin: 1), scores, 0), expected, within: 1e-6))
    }
    for (lambda, expected) in [(1e-4, 1.999890), (0.1, 1.890143), (1, 1.308994), (10, 1.033306), (1e6, 1)] {
      #expect(approximately(try Self.value(LDRKLLoss(lambda: lambda), scores, 2), expected, within: 1e-5))
    }
    // Cross-entropy less log K.
    let crossEntropy = try Self.value(SoftmaxCrossEntropyLoss(), scores, 1)
    #expect(approximately(try Self.value(LDRKLLoss(), scores, 1), crossEntropy - logarithm(3), within: 1e-12))
    // psi_lambda(f) = lambda psi_1(f / lambda).
    let scaled = 0.3 * (try Self.value(LDRKLLoss(), scores.map { $0 / 0.3 }, 1))
    #expect(approximately(try Self.value(LDRKLLoss(lambda: 0.3), scores, 1), scaled, within: 1e-12))
    // The symmetric limit: the sum over the targets is constant, here 0.
    let sum = try (0..<3).reduce(0.0) { $0 + (try Self.value(LDRKLLoss(lambda: 1e6), scores, $1)) }
    #expect(approximately(sum, 0, within: 1e-5))
    // The gradient is p - [k = target], p = softmax(d / lambda).
    let leaf = Tensor(scores, shape: [1, 3]).tracked()
    let loss = try LDRKLLoss(margin: 1).perSample(LossInput(scores: leaf, samples: [list([1, 0, 0])]))
    for (found, expected) in zip(
      try gradients(of: loss.sum(), withRespectTo: [leaf])[0].doubles(), [0.422319 - 1, 0.422319, 0.155362]) {
      #expect(approximately(found, expected, within: 1e-6))
    }
  }

  @Test("Normalisers bring the mean size to 1")
  func normalisers() throws {
    let scores = Tensor([2.0, 1, 0], shape: [1, 3])
    func normalised(_ normaliser: ScoreNormaliser) throws -> [Double] {
      try normaliser(scores, present: [[true, true, true]], loss: "x") { SampleID("\($0)") }.doubles()
    }
    #expect(try normalised(.l1) == [2, 1, 0])
    for (found, expected) in zip(try normalised(.softplus), [1.543737, 0.953173, 0.503090]) {
      #expect(approximately(found, expected, within: 1e-6))
    }
    #expect(throws: LossError.nothingToNormalise(loss: "ALDRKLLoss", sample: list([1, 0]).id)) {
      try perSample(try ALDRKLLoss(), [[0, 0]], [list([1, 0])])
    }
  }

  @Test("ALDR-KL: the card's first visit; further visits go on from the sample's own temperature")
  func adaptive() throws {
    let sample = list([1, 0, 0])
    for (scores, lambda, expected) in [
      ([2.0, 1, 0], 0.878840, -0.671467), ([6, 0, 0], 0.515721, -0.824222), ([0.1, 0, 0], 0.999484, -0.065543),
    ] {
      var loss = try ALDRKLLoss(lambda0: 1, alpha: 2, margin: 0, normaliser: .none)
      #expect(approximately(try perSample(loss, [scores], [sample])[0], expected, within: 1e-6))
      // Asking changes nothing.
      #expect(loss.lambdas.isEmpty)
      let input = try LossInput(scores: Tensor(scores, shape: [1, 3]), samples: [sample])
      try loss.remember(input)
      #expect(approximately(try #require(loss.lambdas[ALDRKLLoss.key(qid: "q", positive: "0")]), lambda, within: 1e-6))
      // The fixed point: p at the present temperature.
      let first = try #require(loss.lambdas[ALDRKLLoss.key(qid: "q", positive: "0")])
      try loss.remember(input)
      let second = 1 - divergenceFromUniform(scores.map { $0 / first }) / (2 * logarithm(3))
      #expect(approximately(try #require(loss.lambdas[ALDRKLLoss.key(qid: "q", positive: "0")]), second, within: 1e-12))
      var resumed = try ALDRKLLoss(lambda0: 1, alpha: 2, margin: 0, normaliser: .none)
      try resumed.resume(from: loss.resumeState)
      #expect(try perSample(resumed, [scores], [sample]) == perSample(loss, [scores], [sample]))
    }
    #expect(throws: LossError.parameter("alpha", found: 1, expected: "above 1")) { try ALDRKLLoss(alpha: 1) }
    var other = try ALDRKLLoss(lambda0: 0.1)
    var seen = try ALDRKLLoss()
    try seen.remember(LossInput(scores: Tensor([2.0, 1], shape: [1, 2]), samples: [list([1, 0])]))
    #expect(throws: LossError.self) { try other.resume(from: seen.resumeState) }
  }

  @Test("ALDR-KL: the divergences of the card, which the margin enters only where it is asked to")
  func adaptiveMargin() throws {
    for (scores, expected) in [([2.0, 1, 0], 0.266217), ([6, 0, 0], 1.064069), ([0.1, 0, 0], 0.001135)] {
      #expect(approximately(divergenceFromUniform(scores), expected))
    }
    let sample = list([1, 0, 0])
    let input = try LossInput(scores: Tensor([2.0, 1, 0], shape: [1, 3]), samples: [sample])
    let key = ALDRKLLoss.key(qid: "q", positive: "0")
    // Differences 0, 0, -1: of the scores 2, 2, 1 where the update has the margin, too.
    for (isInUpdate, lambda, expected) in [(false, 0.878840, -0.241838), (true, 0.963019, -0.235023)] {
      var loss = try ALDRKLLoss(lambda0: 1, alpha: 2, margin: 1, normaliser: .none, marginInUpdate: isInUpdate)
      #expect(approximately(try loss.perSample(input).doubles()[0], expected, within: 1e-6))
      try loss.remember(input)
      #expect(approximately(try #require(loss.lambdas[key]), lambda, within: 1e-6))
    }
    // The update looks at normalised scores.
    var normalised = try ALDRKLLoss(lambda0: 1, alpha: 2)
    try normalised.remember(LossInput(scores: Tensor([6.0, 3, 0], shape: [1, 3]), samples: [sample]))
    #expect(approximately(try #require(normalised.lambdas[key]), 0.878840, within: 1e-6))
  }

  @Test("ALDR-KL: no gradient flows into temperatures: it is softmax(d / lambda) less the target")
  func adaptiveGradient() throws {
    for (margin, expected) in [(0.0, [-0.297370, 0.225195, 0.072176]), (1, [-0.569059, 0.430941, 0.138118])] {
      let leaf = Tensor([2.0, 1, 0], shape: [1, 3]).tracked()
      let loss = try ALDRKLLoss(lambda0: 1, alpha: 2, margin: margin, normaliser: .none)
      let value = try loss.perSample(LossInput(scores: leaf, samples: [list([1, 0, 0])]))
      for (found, own) in zip(try gradients(of: value.sum(), withRespectTo: [leaf])[0].doubles(), expected) {
        #expect(approximately(found, own, within: 1e-6))
      }
    }
  }

  @Test("ALDR-KL: a positive keeps its temperature whatever negatives are drawn beside it")
  func adaptiveKeys() throws {
    var loss = try ALDRKLLoss(lambda0: 1, alpha: 2, margin: 0, normaliser: .none)
    func input(_ negatives: [String], qid: String = "q", positive: String = "p") throws -> LossInput {
      try LossInput(
        scores: Tensor([2.0, 1, 0], shape: [1, 3]), samples: [.pairwise(qid: qid, positive: positive, negatives: negatives)])
    }
    try loss.remember(input(["a", "b"]))
    let first = try #require(loss.lambdas[ALDRKLLoss.key(qid: "q", positive: "p")])
    try loss.remember(input(["c", "d"]))
    // The second step of the fixed point begins where the first ended.
    let second = 1 - divergenceFromUniform([2, 1, 0].map { $0 / first }) / (2 * logarithm(3))
    #expect(loss.lambdas.count == 1)
    #expect(approximately(try #require(loss.lambdas[ALDRKLLoss.key(qid: "q", positive: "p")]), second, within: 1e-12))
    try loss.remember(input(["c", "d"], positive: "other"))
    try loss.remember(input(["c", "d"], qid: "other"))
    #expect(loss.lambdas.count == 3)
  }

  @Test("One candidate, or an output layer's loss for one that has to see all scores: refused")
  func fewCandidates() throws {
    let single = TrainingSample.pointwise(qid: "q", docno: "d", label: 1, isPositive: true)
    for loss in [try ZLoss(), try LDRKLLoss(), try ALDRKLLoss(), TaylorSoftmaxLoss()] as [any RankingLoss] {
      #expect(throws: LossError.listNeeded(loss: "\(type(of: loss))", sample: single.id)) {
        try loss.perSample(LossInput(scores: Tensor([1.0], shape: [1, 1]), samples: [single]))
      }
    }
    #expect(FactoredSphericalOutput.Loss(try ZLoss(a: 2, b: 3)) == .z(a: 2, b: 3))
    #expect(FactoredSphericalOutput.Loss(TaylorSoftmaxLoss()) == .taylorSoftmax)
    #expect(FactoredSphericalOutput.Loss(try SphericalSoftmaxLoss(epsilon: 0.5)) == .sphericalSoftmax(epsilon: 0.5))
    #expect(FactoredSphericalOutput.Loss(SoftmaxCrossEntropyLoss()) == nil)
  }

  @Test("ALDR-KL at a temperature that cannot move is LDR-KL")
  func adaptiveLimit() throws {
    let fixed = try LDRKLLoss(lambda: 0.7, margin: 0.1, normaliser: .l1)
    var adaptive = try ALDRKLLoss(lambda0: 0.7, alpha: 1e12, margin: 0.1)
    let sample = list([0, 1, 0, 0])
    for _ in 0..<3 {
      let (found, expected) = (
        try perSample(adaptive, [Self.scores], [sample])[0], try perSample(fixed, [Self.scores], [sample])[0]
      )
      #expect(approximately(found, expected, within: 1e-9))
      try adaptive.remember(try LossInput(scores: Tensor(Self.scores, shape: [1, 4]), samples: [sample]))
    }
  }

  @Test("Gradients agree with finite differences", arguments: 0..<6)
  func gradientsOfLosses(number: Int) throws {
    let losses: [any RankingLoss] = [
      try ZLoss(a: 2, b: 1), try SphericalSoftmaxLoss(epsilon: 0.1), TaylorSoftmaxLoss(),
      try LDRKLLoss(lambda: 0.5, margin: 0.3, normaliser: .l1), try LDRKLLoss(lambda: 0.5, normaliser: .softplus),
      try LDRKLLoss(lambda: 2, margin: 1),
    ]
    var generator = SeededGenerator(seed: 4)
    let scores = Tensor.normal([3, 4], type: .float64, using: &generator)
    let samples = [list([1, 0, 0, 0], qid: "a"), list([0, 1, 1, 0], qid: "b"), list([0, 0, 0, 1], qid: "c")]
    try expectGradients([scores]) { try losses[number].perSample(LossInput(scores: $0[0], samples: samples)) }
  }
}

@Suite("An output layer whose cost does not grow with the classes")
struct FactoredSphericalOutputTests {
  static let losses: [FactoredSphericalOutput.Loss] = [
    .z(a: 1, b: 2), .squaredError, .sphericalSoftmax(epsilon: 0.1), .taylorSoftmax,
  ]

  /// The gradient of the loss with respect to all scores, by the losses that are trained with.
  private func scoreGradient(
    _ loss: FactoredSphericalOutput.Loss, _ scores: [Double], _ target: Int
  ) throws -> (Double, [Double]) {
    let leaf = Tensor(scores, shape: [1, scores.count]).tracked()
    let present = [scores.map { _ in true }]
    let value: Tensor
    switch loss {
    case .z(let a, let b): value = try ZLoss(a: a, b: b).values(leaf, present: present, targets: [target])
    case .squaredError: value = leaf.square().sum(axes: [1]) - leaf.picked([target]) * 2 + 1
    case .sphericalSoftmax(let epsilon):
      value = try SphericalSoftmaxLoss(epsilon: epsilon).values(leaf, present: present, targets: [target])
    case .taylorSoftmax: value = TaylorSoftmaxLoss().values(leaf, present: present, targets: [target])
    }
    return (value.doubles()[0], try gradients(of: value.sum(), withRespectTo: [leaf])[0].doubles())
  }

  @Test("200 steps equal gradient descent on the whole matrix, losses and gradients of the input, too", arguments: losses)
  func equalsDense(loss: FactoredSphericalOutput.Loss) throws {
    var generator = SeededGenerator(seed: 6)
    let (classes, width) = (23, 5)
    var dense = (0..<classes * width).map { _ in 0.3 * generator.normal() }
    var layer = try FactoredSphericalOutput(weights: dense, width: width, conditionLimit: 5.0001)
    let rate = 0.02
    for step in 0..<200 {
      let h = (0..<width).map { _ in generator.normal() }
      let target = step * 7 % classes
      let scores = (0..<classes).map { row in (0..<width).reduce(0.0) { $0 + dense[row * width + $1] * h[$1] } }
      for (found, expected) in zip(layer.scores(h), scores) { #expect(approximately(found, expected, within: 1e-9)) }
      let (value, gradient) = try scoreGradient(loss, scores, target)
      let inputGradient = (0..<width).map { j in (0..<classes).reduce(0.0) { $0 + gradient[$1] * dense[$1 * width + j] } }
      let found = try layer.step(h, target: target, learningRate: rate, loss: loss)
      #expect(approximately(found.loss, value, within: 1e-9))
      for (a, b) in zip(found.inputGradient, inputGradient) { #expect(approximately(a, b, within: 1e-9)) }
      for row in 0..<classes { for j in 0..<width { dense[row * width + j] -= rate * gradient[row] * h[j] } }
    }
    #expect(layer.absorptions > 0 && layer.absorptions < 26)
    for (found, expected) in zip(layer.weights, dense) { #expect(approximately(found, expected, within: 1e-9)) }
  }

  @Test("A step that would take all of W away along its input is refused, and so are classes and inputs that are not there")
  func refusals() throws {
    var layer = try FactoredSphericalOutput(weights: [1, 0, 0, 1, 1, 1], width: 2)
    // Squared error: gamma 1, so that 2 rate |h|^2 = 1 at rate 0.5.
    #expect(throws: LossError.self) { try layer.step([1, 0], target: 0, learningRate: 0.5, loss: .squaredError) }
    #expect(throws: LossError.self) { try layer.step([1, 0], target: 3, learningRate: 0.1, loss: .squaredError) }
    #expect(throws: LossError.self) { try layer.step([1], target: 0, learningRate: 0.1, loss: .squaredError) }
    #expect(throws: LossError.self) { try FactoredSphericalOutput(weights: [1, 2, 3], width: 2) }
    // Nothing has moved.
    #expect(layer.weights == [1, 0, 0, 1, 1, 1])
  }
}
