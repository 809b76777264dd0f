import GradusCore
import GradusTensor
import Testing

@Suite("The largest products of each sequence")
struct ProductMaximumTests {
  private static func random(_ shape: [Int], seed: UInt64) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(generator.normal()) }, shape: shape)
  }

  @Test("Is the maximum over the rows of the product", arguments: [1, 16, 511, 512, 513, 1300], [[1], [3, 0, 2], [97, 5, 200]])
  func twin(outputs: Int, lengths: [Int]) {
    let batch = RaggedBatch(lengths: lengths)
    let x = Self.random([batch.total, 24], seed: 1), weight = Self.random([outputs, 24], seed: 2)
    let expected = matmul(x, weight, transposeB: true).segmentMax(batch).floats()
    let found = segmentMaxProduct(x, weight: weight, batch).floats()
    #expect(found.count == expected.count)
    for (a, b) in zip(found, expected) { #expect(a == b || abs(a - b) < 1e-5) }
  }

  @Test("A sequence has the same bits whatever is beside it, and without rows -inf")
  func batchMates() {
    let lengths = [40, 1, 0, 130, 7]
    let batch = RaggedBatch(lengths: lengths)
    let x = Self.random([batch.total, 32], seed: 3), weight = Self.random([700, 32], seed: 4)
    let together = segmentMaxProduct(x, weight: weight, batch)
    for sequence in 0..<batch.count {
      let range = batch.range(sequence)
      let own = together.slice(axis: 0, from: sequence, to: sequence + 1)
      guard !range.isEmpty else {
        #expect(own.floats().allSatisfy { $0 == -.infinity })
        continue
      }
      let alone = segmentMaxProduct(
        x.slice(axis: 0, from: range.lowerBound, to: range.upperBound), weight: weight, RaggedBatch(lengths: [range.count]))
      #expect(alone.floats() == own.floats())
    }
  }
}
