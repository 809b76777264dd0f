import GradusTensor
import Testing

@Suite("Gradients of reductions, shapes, products and indexing")
struct StructureGradientTests {
  static let axes: [[Int]?] = [nil, [0], [1], [2], [0, 1], [1, 2], [0, 2], [-1], []]

  @Test("Reductions over any axes, first and second order", arguments: axes)
  func reductions(axes: [Int]?) throws {
    let x = sample([2, 3, 4])
    for keepDims in [false, true] {
      try GradientCheck.second([x], "sum") { $0[0].sum(axes: axes, keepDims: keepDims) }
      try GradientCheck.second([x], "mean") { $0[0].mean(axes: axes, keepDims: keepDims) }
      try GradientCheck.second([x], "max") { $0[0].max(axes: axes, keepDims: keepDims) }
      try GradientCheck.second([x], "min") { $0[0].min(axes: axes, keepDims: keepDims) }
      try GradientCheck.second([x], "logSumExp") { $0[0].logSumExp(axes: axes, keepDims: keepDims) }
    }
    if axes != [] { try GradientCheck.second([x], "variance") { $0[0].variance(axes: axes) } }
  }

  @Test("Softmax and its logarithm over any axis, first and second order", arguments: [0, 1, 2, -1])
  func softmax(axis: Int) throws {
    for shape in [[2, 3, 4], [1, 1, 1], [2, 1, 19]] {
      try GradientCheck.second([sample(shape)], "softmax") { $0[0].softmax(axis: axis) }
      try GradientCheck.second([sample(shape)], "logSoftmax") { $0[0].logSoftmax(axis: axis) }
    }
  }

  @Test("Shape operations, first and second order")
  func shapes() throws {
    let x = sample([2, 3, 4])
    try GradientCheck.second([x], "reshaped") { $0[0].reshaped(to: [4, -1]).square() }
    try GradientCheck.second([x], "permuted") { $0[0].permuted([2, 0, 1]).square() }
    try GradientCheck.second([x], "transposed") { $0[0].transposed(0, 2).square() }
    try GradientCheck.second([x], "slice") { $0[0].slice(axis: 1, from: 1, to: 3).square() }
    try GradientCheck.second([x], "empty slice") { $0[0].slice(axis: 1, from: 1, to: 1).sum() + $0[0].sum() }
    try GradientCheck.second([x], "padded") { $0[0].padded(axis: 2, before: 1, after: 2).square() }
    try GradientCheck.second([x], "flipped") { ($0[0].flipped(1) * $0[0]).flipped(-1) }
    try GradientCheck.second([x], "expanded") { $0[0].expandingDims(at: 1).expanded(to: [2, 2, 3, 4]).square() }
    try GradientCheck.second([x], "split") { $0[0].split([1, 3], axis: 2)[1].square() }
    try GradientCheck.second([x, sample([2, 1, 4], seed: 2)], "concatenated") { concatenated($0, axis: 1).square() }
    try GradientCheck.second([sample([3]), sample([3], seed: 2)], "stacked") { stacked($0, axis: 1).square() }
  }

  @Test("Matrix products with every transpose flag, batched and broadcast, first and second order",
    arguments: [false, true], [false, true])
  func products(transposeA: Bool, transposeB: Bool) throws {
    let sizes: [(batchA: [Int], batchB: [Int])] = [([], []), ([2], [2]), ([2], [1]), ([1, 3], [2, 1]), ([2], [])]
    for (batchA, batchB) in sizes {
      let a = sample(batchA + (transposeA ? [3, 2] : [2, 3]), seed: 5)
      let b = sample(batchB + (transposeB ? [4, 3] : [3, 4]), seed: 6)
      try GradientCheck.second([a, b], "matmul \(batchA) \(batchB)") {
        matmul($0[0], $0[1], transposeA: transposeA, transposeB: transposeB)
      }
    }
  }

  @Test("Linear layers with bias and GELU, first and second order", arguments: [[4, 3], [2, 2, 3], [0, 3]])
  func linearLayers(shape: [Int]) throws {
    let inputs = [sample(shape), sample([5, 3], seed: 2), sample([5], seed: 3)]
    try GradientCheck.second([inputs[0], inputs[1]], "no bias") { linear($0[0], weight: $0[1]) }
    try GradientCheck.second(inputs, "bias") { linear($0[0], weight: $0[1], bias: $0[2]) }
    try GradientCheck.second(inputs, "GELU") { linear($0[0], weight: $0[1], bias: $0[2], activation: .gelu) }
  }

  @Test("Indexing with repeated indices, first and second order")
  func indexing() throws {
    let x = sample([4, 3])
    let rows = Tensor(indices: [2, 0, 2, 3, 2], shape: [5])
    try GradientCheck.second([x], "indexSelect") { $0[0].indexSelect(rows).square() }
    let square = rows.slice(axis: 0, from: 0, to: 4).reshaped(to: [2, 2])
    try GradientCheck.second([x], "indexSelect 2-D") { $0[0].indexSelect(square).square() }
    let columns = Tensor(indices: [1, 1], shape: [2])
    try GradientCheck.second([x], "indexSelect axis 1") { $0[0].indexSelect(columns, axis: 1).square() }
    try GradientCheck.second([sample([5, 3])], "indexAdded") { $0[0].indexAdded(rows, extent: 4).square() }
    let picks = Tensor(indices: [0, 1, 2, 2, 2, 0, 1, 1], shape: [4, 2])
    try GradientCheck.second([x], "gather") { $0[0].gather(picks, axis: 1).square() }
    try GradientCheck.second([sample([4, 2])], "scatterAdded") { $0[0].scatterAdded(picks, extent: 3, axis: 1).square() }
  }

  @Test("Layer normalisation with and without residual, first and second order", arguments: [[2, 5], [3, 1, 17], [1, 2]])
  func layerNormalisation(shape: [Int]) throws {
    let width = shape[shape.count - 1]
    let inputs = [sample(shape), sample([width], seed: 2), sample([width], seed: 3), sample(shape, seed: 4)]
    try GradientCheck.second(inputs, tolerance: 1e-5, "residual") {
      layerNorm($0[0], residual: $0[3], gain: $0[1], bias: $0[2], epsilon: 1e-3)
    }
    try GradientCheck.second(inputs, tolerance: 1e-5, "residual and dropout") {
      layerNorm(
        $0[0], residual: $0[3], gain: $0[1], bias: $0[2], epsilon: 1e-3, dropout: FusedDropout(rate: 0.4, seed: 5))
    }
    try GradientCheck.second(Array(inputs[..<3]), tolerance: 1e-5, "plain") {
      layerNorm($0[0], gain: $0[1], bias: $0[2], epsilon: 1e-3)
    }
  }

  @Test("Layer normalisation drops in its own pass as dropout before it does, bit by bit", arguments: [1, 130, 700])
  func fusedDropout(rows: Int) throws {
    let shape = [rows, 96]
    let inputs = [sample(shape), sample([96], seed: 2), sample([96], seed: 3), sample(shape, seed: 4)]
      .map { $0.cast(to: .float32).tracked() }
    let fused = layerNorm(
      inputs[0], residual: inputs[3], gain: inputs[1], bias: inputs[2], dropout: FusedDropout(rate: 0.1, seed: 9))
    let apart = layerNorm(
      inputs[0].dropout(rate: 0.1, seed: 9), residual: inputs[3], gain: inputs[1], bias: inputs[2])
    #expect(fused.hasSameBits(as: apart))
    let upstream = sample(shape, seed: 6).cast(to: .float32)
    let found = try gradients(of: fused, withRespectTo: inputs, upstream: upstream)
    let expected = try gradients(of: apart, withRespectTo: inputs, upstream: upstream)
    for (found, expected) in zip(found, expected) { #expect(found.hasSameBits(as: expected)) }
  }

  @Test("Attention over a packed batch with an empty sequence and dropout, first and second order", arguments: [0, 0.3])
  func attention(rate: Double) throws {
    let batch = RaggedBatch(lengths: [3, 0, 1, 2])
    try GradientCheck.second([sample([6, 12])], "attention") {
      packedAttention(qkv: $0[0], batch: batch, heads: 2, dropout: rate, seed: 5)
    }
  }
}
