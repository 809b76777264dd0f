import GradusCore
import GradusTensor
import Testing

@Suite("Modules")
struct ModuleTests {
  @Test("A convolution of one channel by hand, and the names and the spread that PyTorch starts with")
  func convolution() {
    var generator = SeededGenerator(seed: 3)
    let edges = Conv1d("edges", channels: 1, outputs: 1, kernel: 3, padding: 1, hasBias: false, using: &generator)
    edges.weight.value = Tensor([1, 0, -1] as [Float], shape: [1, 1, 3])
    // What stands left of a number less what stands right of it.
    #expect(edges(Tensor([1, 2, 3] as [Float], shape: [1, 1, 3])).floats() == [-2, -2, 2])
    #expect(edges.parameters.map(\.name) == ["edges.weight"])

    let grouped = Conv1d("c", channels: 4, outputs: 60, kernel: 3, groups: 2, using: &generator)
    #expect(grouped.parameters.map(\.name) == ["c.weight", "c.bias"] && grouped.weight.value.shape == [60, 2, 3])
    let bound = 1 / Float(6).squareRoot()
    let values = grouped.parameters.flatMap { $0.value.floats() }
    #expect(values.allSatisfy { abs($0) <= bound } && (values.max() ?? 0) > 0.95 * bound)
  }

  @Test("A convolution in two dimensions is the one in one dimension along a row")
  func convolutionOfImages() {
    var generator = SeededGenerator(seed: 4)
    let flat = Conv1d("f", channels: 2, outputs: 3, kernel: 3, stride: 2, padding: 2, dilation: 2, using: &generator)
    let image = Conv2d(
      "i", channels: 2, outputs: 3, kernel: .init(1, 3), stride: .init(1, 2), padding: .init(0, 2), dilation: .init(1, 2),
      using: &generator)
    image.weight.value = flat.weight.value.reshaped(to: [3, 2, 1, 3])
    image.bias?.value = flat.bias?.value ?? .zeros([3])
    let x = Tensor.uniform([2, 2, 9], low: -1, high: 1, using: &generator)
    let expected = flat(x)
    #expect(image(x.reshaped(to: [2, 2, 1, 9])).floats() == expected.floats() && expected.shape == [2, 3, 5])
  }

  @Test("Batch normalisation: the batch's statistics in training, a tenth of them kept for inference")
  func batchNorm() {
    let module = BatchNorm("b", channels: 1, epsilon: 0)
    let x = Tensor([1, 3] as [Float], shape: [2, 1])
    // Mean 2, variance 1; without bias 2.
    expectClose(module(x, ForwardContext(training: SeededGenerator(seed: 1))), [-1, 1], 1e-6)
    expectClose(module.runningMean.value, [0.2], 1e-6)
    expectClose(module.runningVariance.value, [1.1], 1e-6)
    expectClose(module(x, .inference), [0.8, 2.8].map { $0 / 1.1.squareRoot() }, 1e-6)
  }
}
