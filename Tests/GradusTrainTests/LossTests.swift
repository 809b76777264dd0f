import GradusCore
import GradusTensor
import GradusTrain
import Testing

@Suite("Losses")
struct LossTests {
  static let pair = TrainingSample.pairwise(qid: "q", positive: ("a", 3), negatives: [("b", 1)])
  static let triple = TrainingSample.pairwise(qid: "q", positive: ("a", 3), negatives: [("b", 1), ("c", 0)])
  static func point(_ label: Double) -> TrainingSample {
    .pointwise(qid: "q", docno: "a", label: label, isPositive: label >= 2)
  }

  static func value(_ loss: any RankingLoss, _ scores: [Double], _ sample: TrainingSample) throws -> Double {
    let shape = loss.logitsPerDocument == 1 ? [1, scores.count] : [1, scores.count / 2, 2]
    let values = try loss.perSample(LossInput(scores: Tensor(scores, shape: shape), samples: [sample]))
    #expect(values.shape == [1])
    return values.item()
  }

  @Test("Worked values: positive 2, negative 0.5")
  func pairwiseValues() throws {
    #expect(approximately(try Self.value(PairwiseSoftmaxLoss(), [2, 0.5], Self.pair), 0.182426))
    #expect(approximately(try Self.value(PairwiseCrossEntropyLoss(), [2, 0.5], Self.pair), 0.201413))
    #expect(try Self.value(PairwiseHingeLoss(margin: 1), [2, 0.5], Self.pair) == 0)
    #expect(try Self.value(PairwiseHingeLoss(margin: 2), [2, 0.5], Self.pair) == 0.5)
    #expect(try Self.value(PairwiseHingeLoss(margin: 0), [0.5, 2], Self.pair) == 1.5)
    // max(0, 1 - 2 + 1.5) = 0.5 and max(0, 1 - 2 + 3) = 2: mean 1.25.
    #expect(try Self.value(PairwiseHingeLoss(), [2, 1.5, 3], Self.triple) == 1.25)
    // Equal scores: the positive has a third of the probability.
    #expect(approximately(try Self.value(PairwiseSoftmaxLoss(), [1, 1, 1], Self.triple), 2 / 3.0, within: 1e-12))
    #expect(approximately(try Self.value(PairwiseCrossEntropyLoss(), [1, 1, 1], Self.triple), 1.0986122886681098, within: 1e-12))
  }

  @Test("Two logits: -log p(first) of the positive - log p(second) of the negative")
  func twoLogits() throws {
    let half = 0.6931471805599453
    #expect(approximately(try Self.value(TwoLogitCrossEntropyLoss(), [0, 0, 5, 5], Self.pair), 2 * half, within: 1e-12))
    // A difference of 2 and of -1 the right way: log(1 + e^-2) + log(1 + e^-1).
    let sum = 0.1269280110429726 + 0.3132616875182228
    #expect(approximately(try Self.value(TwoLogitCrossEntropyLoss(), [2, 0, 0.5, 1.5], Self.pair), sum, within: 1e-12))
    #expect(approximately(try Self.value(TwoLogitCrossEntropyLoss(), [0, 1], Self.point(0)), 0.3132616875182228, within: 1e-12))
    #expect(approximately(try Self.value(TwoLogitCrossEntropyLoss(), [0, 1], Self.point(3)), 1.3132616875182228, within: 1e-12))
  }

  @Test("Pointwise values, and the mean over the documents of a pair")
  func pointwiseValues() throws {
    #expect(try Self.value(PointwiseMSELoss(), [1.5], Self.point(3)) == 2.25)
    #expect(try Self.value(PointwiseL1Loss(), [1.5], Self.point(3)) == 1.5)
    #expect(try Self.value(PointwiseSmoothL1Loss(), [1.5], Self.point(3)) == 1)
    #expect(try Self.value(PointwiseSmoothL1Loss(), [2.5], Self.point(3)) == 0.125)
    #expect(try Self.value(PointwiseSmoothL1Loss(threshold: 2), [2], Self.point(3)) == 0.25)
    #expect(approximately(try Self.value(PointwiseCrossEntropyLoss(), [0], Self.point(1)), 0.6931471805599453, within: 1e-12))
    #expect(approximately(try Self.value(PointwiseCrossEntropyLoss(), [-2], Self.point(0)), 0.1269280110429726, within: 1e-12))
    #expect(try Self.value(PointwiseMSELoss(), [1.5, 2], Self.pair) == (2.25 + 1) / 2)
  }

  @Test("Extreme scores stay finite and bounded, in Float32")
  func extremes() throws {
    func values(_ loss: any RankingLoss) throws -> [Float] {
      let scores = Tensor([Float(1e4), -1e4, -1e4, 1e4, 20, -20], shape: [3, 2])
      let samples = (0..<3).map { TrainingSample.pairwise(qid: "q\($0)", positive: "a", negatives: ["b"]) }
      return try loss.perSample(LossInput(scores: scores, samples: samples)).floats()
    }
    let bounded = try values(PairwiseSoftmaxLoss())
    #expect(bounded[0] == 0 && bounded[1] == 1)
    // 1 - p would be 0 in Float32.
    #expect(bounded[2] > 0 && bounded[2] < 1e-16)
    #expect(try values(PairwiseCrossEntropyLoss())[1] == 2e4)
    #expect(try values(PointwiseCrossEntropyLoss()).allSatisfy { $0.isFinite })
  }

  static let losses: [any RankingLoss] = {
    var losses: [any RankingLoss] = [
      PairwiseSoftmaxLoss(), PairwiseCrossEntropyLoss(), TwoLogitCrossEntropyLoss(), PointwiseMSELoss(), PointwiseL1Loss(),
      PointwiseCrossEntropyLoss(),
    ]
    if let hinge = try? PairwiseHingeLoss(margin: 0.7), let smooth = try? PointwiseSmoothL1Loss(threshold: 0.8) {
      losses += [hinge, smooth]
    }
    return losses
  }()

  @Test("Gradients agree with finite differences in Double", arguments: 0..<8)
  func gradientsOfLosses(number: Int) throws {
    let loss = Self.losses[number]
    var generator = SeededGenerator(seed: UInt64(number))
    let samples = (0..<4).map {
      TrainingSample.pairwise(qid: "q\($0)", positive: ("a", 1), negatives: [("b", 0), ("c", 0.25)])
    }
    let shape = loss.logitsPerDocument == 1 ? [4, 3] : [4, 3, 2]
    let scores = Tensor.uniform(shape, low: -2, high: 2, type: .float64, using: &generator)
    let upstream = Tensor.uniform([4], low: 0.5, high: 1.5, type: .float64, using: &generator)
    func total(_ values: [Double]) throws -> Double {
      let input = try LossInput(scores: Tensor(values, shape: shape), samples: samples)
      return (try loss.perSample(input) * upstream).sum().item()
    }
    let leaf = scores.tracked()
    let output = (try loss.perSample(LossInput(scores: leaf, samples: samples)) * upstream).sum()
    let gradient = try gradients(of: output, withRespectTo: [leaf])[0].doubles()
    let values = scores.doubles()
    let step = 1e-6
    for position in values.indices {
      var above = values
      var below = values
      above[position] += step
      below[position] -= step
      let difference = (try total(above) - total(below)) / (2 * step)
      #expect(approximately(gradient[position], difference, within: 1e-7), "\(type(of: loss)) at \(position)")
    }
    #expect(gradient.contains { $0 != 0 })
  }

  @Test("A sample's value does not depend on its batch mates", arguments: 0..<8)
  func independence(number: Int) throws {
    let loss = Self.losses[number]
    var generator = SeededGenerator(seed: 5)
    let samples = (0..<7).map { TrainingSample.pairwise(qid: "q\($0)", positive: "a", negatives: ["b"]) }
    let width = 2 * loss.logitsPerDocument
    let scores = Tensor.uniform([7, width], low: -2, high: 2, using: &generator)
    func shaped(_ tensor: Tensor) -> Tensor {
      loss.logitsPerDocument == 1 ? tensor : tensor.reshaped(to: [tensor.shape[0], 2, 2])
    }
    let together = try loss.perSample(LossInput(scores: shaped(scores), samples: samples)).floats()
    for row in 0..<7 {
      let alone = shaped(scores.slice(axis: 0, from: row, to: row + 1))
      #expect(try loss.perSample(LossInput(scores: alone, samples: [samples[row]])).floats() == [together[row]])
    }
  }

  @Test("What a loss cannot use is an error")
  func errors() throws {
    let scores = Tensor([1.0, 2], shape: [1, 2])
    #expect(throws: LossError.emptyBatch) { try LossInput(scores: Tensor([Double](), shape: [0, 2]), samples: []) }
    #expect(throws: LossError.raggedBatch(Self.pair.id, Self.triple.id)) {
      try LossInput(scores: scores, samples: [Self.pair, Self.triple])
    }
    #expect(throws: LossError.shape(expected: [2, 2], found: [1, 2])) {
      try LossInput(scores: scores, samples: [Self.pair, Self.pair])
    }
    let single = try LossInput(scores: Tensor([1.0], shape: [1]), samples: [Self.point(3)])
    #expect(throws: LossError.pairsNeeded(loss: "PairwiseSoftmaxLoss", sample: Self.point(3).id)) {
      try PairwiseSoftmaxLoss().perSample(single)
    }
    #expect(throws: LossError.documentLabel(
      loss: "PointwiseCrossEntropyLoss", qid: "q", docno: "a", label: 3,
      expected: "from 0 to 1 (let the sampler give binary labels)")) {
      try PointwiseCrossEntropyLoss().perSample(single)
    }
    #expect(throws: LossError.logits(loss: "TwoLogitCrossEntropyLoss", expected: 2, found: 1)) {
      try TwoLogitCrossEntropyLoss().perSample(single)
    }
    let double = try LossInput(scores: Tensor([1.0, 2], shape: [1, 1, 2]), samples: [Self.point(3)])
    #expect(throws: LossError.logits(loss: "PointwiseMSELoss", expected: 1, found: 2)) {
      try PointwiseMSELoss().perSample(double)
    }
    #expect(throws: LossError.negativeMargin(-1)) { try PairwiseHingeLoss(margin: -1) }
    #expect(throws: LossError.thresholdNotPositive(0)) { try PointwiseSmoothL1Loss(threshold: 0) }
  }
}
