import GradusCore
import Testing

@testable import GradusTensor

@Suite("Operations on numbers worked by hand")
struct OperationValueTests {
  let x = Tensor([1.0, 2, 3, 4, 5, 6], shape: [2, 3])

  @Test("Products with transposes")
  func products() {
    // [1 2 3; 4 5 6] times its transpose.
    expectClose(matmul(x, x, transposeB: true), [14, 32, 32, 77])
    expectClose(matmul(x, x, transposeA: true), [17, 22, 27, 22, 29, 36, 27, 36, 45])
    let batch = matmul(stacked([x, x * 2]), x.transposed())
    #expect(batch.shape == [2, 2, 2])
    expectClose(batch, [14, 32, 32, 77, 28, 64, 64, 154])
    #expect(matmul(Tensor.zeros([2, 0]), .zeros([0, 3])).floats() == [0, 0, 0, 0, 0, 0])
  }

  @Test("Shapes: permute, slice, pad, flip, concatenate, split, expand")
  func shapes() {
    expectClose(x.transposed(), [1, 4, 2, 5, 3, 6])
    expectClose(x.slice(axis: -1, from: 1, to: 3), [2, 3, 5, 6])
    expectClose(x.padded(axis: 0, before: 1, after: 0, value: 9), [9, 9, 9, 1, 2, 3, 4, 5, 6])
    expectClose(x.flipped(1), [3, 2, 1, 6, 5, 4])
    expectClose(concatenated([x, x], axis: 1), [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6])
    #expect(x.split([1, 2], axis: 1).map(\.shape) == [[2, 1], [2, 2]])
    expectClose(Tensor([1.0, 2], shape: [2, 1]).expanded(to: [2, 2]), [1, 1, 2, 2])
    #expect(Tensor(mask: [true, false], shape: [2, 1]).expanded(to: [2, 2]).bools() == [true, true, false, false])
    #expect(Tensor(indices: [1, 2, 3, 4], shape: [2, 2]).transposed().indices() == [1, 3, 2, 4])
  }

  @Test("Indexing: gather, scatter, one-hot")
  func indexing() {
    let picks = Tensor(indices: [2, 0, 0, 0], shape: [2, 2])
    expectClose(x.gather(picks, axis: 1), [3, 1, 4, 4])
    expectClose(x.gather(picks, axis: 1).scatterAdded(picks, extent: 3, axis: 1), [1, 0, 3, 8, 0, 0])
    expectClose(Tensor(indices: [1, 0], shape: [2]).oneHot(depth: 3), [0, 1, 0, 1, 0, 0])
    expectClose(x.indexSelect(Tensor(indices: [1, 1, 0], shape: [3])), [4, 5, 6, 4, 5, 6, 1, 2, 3])
  }

  @Test("Order: ties keep their indices, NaN comes last")
  func order() {
    let scores = Tensor([2, .nan, 5, 2, 5] as [Double], shape: [5])
    #expect(scores.argsorted(descending: true).indices() == [2, 4, 0, 3, 1])
    #expect(scores.argsorted().indices() == [0, 3, 2, 4, 1])
    #expect(scores.topK(3).indices.indices() == [2, 4, 0])
    #expect(Tensor([1.0, 3, 3, 0, -1, -2], shape: [2, 3]).argmax().indices() == [1, 0])
    expectClose(x.cumulativeSum(axis: 1), [1, 3, 6, 4, 9, 15])
    expectClose(x.cumulativeSum(axis: 0, reversed: true), [5, 7, 9, 4, 5, 6])
  }

  @Test("Ties share the gradient of a maximum")
  func ties() throws {
    let leaf = Tensor([1.0, 5, 5, 2], shape: [4]).tracked()
    expectClose(try gradients(of: leaf.max(), withRespectTo: [leaf])[0], [0, 0.5, 0.5, 0])
    let batch = RaggedBatch(lengths: [1, 3])
    expectClose(try gradients(of: leaf.segmentMax(batch).sum(), withRespectTo: [leaf])[0], [1, 0.5, 0.5, 0])
  }

  @Test("Segments: empty ones are 0 for sums, -inf for maxima")
  func segments() {
    let batch = RaggedBatch(lengths: [2, 0, 1])
    let rows = Tensor([1.0, 10, 3, 20, 5, 30], shape: [3, 2])
    expectClose(rows.segmentSum(batch), [4, 30, 0, 0, 5, 30])
    expectClose(rows.segmentMean(batch), [2, 15, 0, 0, 5, 30])
    #expect(rows.segmentMax(batch).doubles() == [3, 20, -.infinity, -.infinity, 5, 30])
    #expect(rows.segmentLogSumExp(batch).doubles()[2] == -.infinity)
    expectClose(rows.segmentSoftmax(batch).segmentSum(batch), [1, 1, 0, 0, 1, 1])
  }

  @Test("Softmax and logSumExp of extreme rows")
  func extremes() {
    expectClose(Tensor([1000.0, 1000, -.infinity], shape: [3]).softmax(), [0.5, 0.5, 0])
    #expect(Tensor([-Double.infinity, -.infinity], shape: [2]).softmax().doubles() == [0, 0])
    #expect(Tensor([-Double.infinity, -.infinity], shape: [2]).logSumExp().item() == -.infinity)
    expectClose(Tensor([1000.0, 1000], shape: [2]).logSumExp(), [1000.69314718056])
    expectClose(Tensor([1000.0, 0], shape: [2]).logSoftmax(), [0, -1000])
  }

  @Test("Values are values: changing one tensor leaves its copies alone")
  func valueSemantics() {
    let original = Tensor([1, 2, 3] as [Float], shape: [3])
    var changed = original
    changed.withUnsafeMutableFloats { $0[0] = 9 }
    #expect(original.floats() == [1, 2, 3])
    #expect(changed.floats() == [9, 2, 3])
    var sum = original.reshaped(to: [3, 1])
    sum.add(.ones([3, 1]))
    #expect(original.floats() == [1, 2, 3])
  }

  @Test("Sums in single precision over a million terms lose no more than the last digit")
  func longSums() {
    let x = Tensor.full([1 << 20], 0.1)
    let exact = Double(Float(0.1)) * 1_048_576
    #expect(abs(x.sum().item() / exact - 1) < 1e-6)
    #expect(abs(x.reshaped(to: [1 << 19, 2]).sum(axes: [0]).doubles()[0] / exact * 2 - 1) < 1e-6)
  }
}
