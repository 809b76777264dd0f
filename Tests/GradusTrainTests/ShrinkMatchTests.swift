import GradusCore
import GradusTensor
@testable import GradusTrain
import Testing

@Suite("Semi-supervised losses in a shrunk class space")
struct ShrinkMatchTests {
  @Test("Worked rows: where the loop stops, how sure it then is, what the sample weighs", arguments: [
    ([0.6, 0.38, 0.01, 0.005, 0.005], 2, 0.967742, 0.6), ([0.5, 0.3, 0.1, 0.06, 0.04], 4, 0.925926, 0),
    ([0.4, 0.3, 0.2, 0.07, 0.03], 4, 0.930233, 0), ([0.5, 0.49, 0.01], 2, 0.980392, 0.5),
    ([0.45, 0.44, 0.11], 2, 0.803571, 0),
  ] as [([Double], Int, Double, Double)])
  func worked(row: [Double], cut: Int, confidence: Double, weight: Double) throws {
    let shrunk = try #require(ClassSpaceShrinking(threshold: 0.95).shrink(row))
    #expect(shrunk.removed == cut - 1 && abs(shrunk.confidence - confidence) < 1e-6)
    #expect(shrunk.kept == [0] + Array(cut..<row.count))
    let result = try ShrinkConsistencyLoss().perSample(
      targets: [row], logits: Tensor([Double](repeating: 0, count: row.count), shape: [1, row.count]))
    #expect(result.weights == [weight] && result.removed == [cut - 1] && result.certainShare == 0)
    // Equal logits: the guess is one of those that are left.
    #expect(abs(result.losses.item() - weight * Tensor([Double(shrunk.kept.count)], shape: []).log().item()) < 1e-9)
  }

  @Test("Classes are gathered in the order of the weak view; confidence does not fall with the cut")
  func gathered() throws {
    let row = [0.01, 0.38, 0.6, 0.005, 0.005]
    let shrunk = try #require(ClassSpaceShrinking(threshold: 0.95).shrink(row))
    #expect(shrunk.kept == [2, 0, 3, 4])
    let logits = [3.0, 9, 1, 0.5, -1]
    let loss = try ShrinkConsistencyLoss().perSample(targets: [row], logits: Tensor(logits, shape: [1, 5])).losses.item()
    // The rival's logit of 9 is gone.
    let sum = [1.0, 3, 0.5, -1].reduce(0) { $0 + expOf($1) }
    #expect(abs(loss - 0.6 * (Tensor([sum], shape: []).log().item() - 1)) < 1e-9)
    var last = 0.0
    for threshold in [0.6, 0.7, 0.8, 0.9, 0.99] {
      let confidence = try #require(ClassSpaceShrinking(threshold: threshold).shrink([0.5, 0.3, 0.1, 0.06, 0.04])).confidence
      #expect(confidence >= last)
      last = confidence
    }
  }

  @Test("Certain samples belong to FixMatch alone, uncertain ones to shrinking alone")
  func parts() throws {
    let certain = [0.96, 0.01, 0.01, 0.01, 0.01]
    let uncertain = [0.6, 0.38, 0.01, 0.005, 0.005]
    let logits = Tensor([1.0, 0, -1, 0, 2, 0.5, 1, 0, 0, 0], shape: [2, 5])
    let shrunk = try ShrinkConsistencyLoss().perSample(targets: [certain, uncertain], logits: logits)
    #expect(shrunk.losses.doubles()[0] == 0 && shrunk.losses.doubles()[1] > 0)
    #expect(shrunk.certainShare == 0.5 && shrunk.usedShare == 1 && shrunk.removed == [0, 1])
    let soft = try FixMatchLoss().perSample(targets: [certain, uncertain], logits: logits).doubles()
    let hard = try FixMatchLoss(isSoft: false).perSample(targets: [certain, uncertain], logits: logits).doubles()
    let logs = logits.logSoftmax().doubles()
    #expect(soft[1] == 0 && hard[1] == 0 && abs(hard[0] + logs[0]) < 1e-9)
    #expect(abs(soft[0] + zip(certain, logs).reduce(0) { $0 + $1.0 * $1.1 }) < 1e-9)
    // Without the first principle every uncertain sample counts, also one that never becomes certain.
    let all = try ShrinkConsistencyLoss(weighsByConfidence: false)
    let hopeless = [0.5, 0.3, 0.1, 0.06, 0.04]
    #expect(try all.perSample(targets: [certain, hopeless], logits: logits).weights == [0, 1])
    #expect(ClassSpaceShrinking(threshold: 0.95).shrink([0.6, 0.4]) == nil)
  }

  @Test("Gradients are those of finite differences")
  func gradients() throws {
    let targets = [[0.6, 0.38, 0.01, 0.01], [0.97, 0.01, 0.01, 0.01], [0.5, 0.02, 0.46, 0.02]]
    var generator = SeededGenerator(seed: 1)
    let values = (0..<12).map { _ in generator.normal() }
    func loss(_ logits: Tensor) throws -> Tensor {
      try ShrinkConsistencyLoss(threshold: 0.9).perSample(targets: targets, logits: logits).losses.sum()
        + FixMatchLoss(threshold: 0.9).perSample(targets: targets, logits: logits).sum()
    }
    let logits = Tensor(values, shape: [3, 4]).tracked()
    let found = try GradusTensor.gradients(of: try loss(logits), withRespectTo: [logits])[0].doubles()
    for position in values.indices {
      func shifted(_ step: Double) throws -> Double {
        var moved = values
        moved[position] += step
        return try loss(Tensor(moved, shape: [3, 4])).item()
      }
      #expect(abs((try shifted(1e-6) - shifted(-1e-6)) / 2e-6 - found[position]) < 1e-6)
    }
  }

  @Test("Alignment: uniform means stay, a favoured class is pushed down, the window forgets")
  func alignment() throws {
    var alignment = try DistributionAlignment(window: 2)
    let uniform = [[0.7, 0.3], [0.3, 0.7]]
    for (row, expected) in zip(alignment.align(uniform), uniform) {
      #expect(WeightingTests.close(row, expected, within: 1e-12))
    }
    // Running mean of (0.5, 0.5) and (0.9, 0.1) is (0.7, 0.3): 0.9 / 0.7 against 0.1 / 0.3.
    let aligned = alignment.align([[0.9, 0.1]])[0]
    #expect(WeightingTests.close(aligned, [27.0 / 34, 7.0 / 34], within: 1e-12))
    _ = alignment.align([[0.9, 0.1]])
    #expect(WeightingTests.close(alignment.align([[0.9, 0.1]])[0], [0.5, 0.5], within: 1e-12))
    #expect(alignment.align([[1, 0]])[0][0] > 0.5)
  }

  @Test("What cannot be meant is refused")
  func errors() throws {
    #expect(throws: WeightingError.self) { try ShrinkConsistencyLoss(threshold: 0.5) }
    #expect(throws: WeightingError.self) { try FixMatchLoss(threshold: 1) }
    #expect(throws: WeightingError.self) { try DistributionAlignment(window: 0) }
    let logits = Tensor([0.0, 0, 0], shape: [1, 3])
    #expect(throws: WeightingError.self) { try ShrinkConsistencyLoss().perSample(targets: [[0.5, 0.1, 0.1]], logits: logits) }
    #expect(throws: LossError.shape(expected: [1, 2], found: [1, 3])) {
      try FixMatchLoss().perSample(targets: [[0.5, 0.5]], logits: logits)
    }
  }
}
