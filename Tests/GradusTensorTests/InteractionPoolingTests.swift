import GradusCore
import Testing

@testable import GradusTensor

@Suite("Kernel pooling of query-document similarities")
struct InteractionPoolingTests {
  /// Query rows times the unit matrix: the similarities are `S` itself.
  private static let similarities = [1, 0.35, -0.2, 0.6, 0.6, 0.05]
  private static let mu = [1] + stride(from: 9, through: -9, by: -2).map { Double($0) / 10 }
  private static let sigma = [0.001] + [Double](repeating: 0.1, count: 10)
  /// By hand: sums of `exp(-(S - mu)^2 / (2 sigma^2))` over the three document terms, to six decimals.
  private static let sums = [
    1, 0.606531, 0.013296, 0.324656, 0.882501, 0.055046, 0.606571, 0.606531, 0.011109, 0.000004, 0,
    0, 0.022218, 1.213061, 1.213101, 0.066155, 0.882504, 0.324652, 0.002187, 0, 0, 0,
  ]

  @Test("K-NRM's sums of a worked example", arguments: [ScalarType.float32, .float64])
  func worked(type: ScalarType) {
    func tensor(_ values: [Double], _ shape: [Int]) -> Tensor { Tensor(values, shape: shape).cast(to: type) }
    let result = interactionPooling(
      query: tensor(Self.similarities, [2, 3]), document: tensor([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]),
      queryRows: RaggedBatch(lengths: [2]), documentRows: RaggedBatch(lengths: [3]), blocks: 1, mu: tensor(Self.mu, [11]),
      sigma: tensor(Self.sigma, [11]))
    #expect(result.shape == [2, 11])
    expectClose(result, Self.sums, 2e-6)
  }

  @Test("The composed form's gradients, first and second, against finite differences", arguments: [1, 2])
  func finiteDifferences(blocks: Int) throws {
    let queryRows = RaggedBatch(lengths: [2, 1, 0, 1]), documentRows = RaggedBatch(lengths: [4, 0, 2, 2])
    let inputs = [
      sample([4, 3], seed: 1, scale: 0.4), sample([8, 3], seed: 2, scale: 0.4), sample([2], seed: 3, scale: 0.5),
      positiveSample([2], seed: 4),
    ]
    try GradientCheck.second(inputs, tolerance: 1e-6) {
      interactionPooling(
        query: $0[0], document: $0[1], queryRows: queryRows, documentRows: documentRows, blocks: blocks, mu: $0[2], sigma: $0[3])
    }
  }

  private static let queryRows = RaggedBatch(lengths: [5, 0, 1, 9, 3]), documentRows = RaggedBatch(lengths: [33, 6, 0, 120, 3])

  private func single(_ shape: [Int], seed: UInt64) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return .normal(shape, using: &generator).normalized()
  }

  private func inputs() -> [Tensor] {
    [
      single([Self.queryRows.total, 24], seed: 1), single([Self.documentRows.total, 24], seed: 2),
      Tensor([-0.9, -0.5, -0.2, 0.2, 0.5, 1] as [Float], shape: [6]),
      Tensor([0.1, 0.2, 0.1, 0.3, 0.07, 0.15] as [Float], shape: [6]),
    ]
  }

  private func pooled(_ x: [Tensor]) -> Tensor {
    interactionPooling(
      query: x[0], document: x[1], queryRows: Self.queryRows, documentRows: Self.documentRows, blocks: 3, mu: x[2], sigma: x[3])
  }

  @Test("Fused single precision against composed double precision, with all four gradients")
  func fused() throws {
    let inputs = inputs().map { $0.tracked() }
    let references = inputs.map { $0.detached().cast(to: .float64).tracked() }
    let result = pooled(inputs), reference = pooled(references)
    #expect(result.shape == [18, 18])
    expectClose(result, reference.doubles(), 1e-5)
    var generator = SeededGenerator(seed: 5)
    let upstream = Tensor.normal(result.shape, using: &generator)
    let found = try gradients(of: result, withRespectTo: inputs, upstream: upstream)
    let expected = try gradients(of: reference, withRespectTo: references, upstream: upstream.cast(to: .float64))
    for (gradient, reference) in zip(found, expected) { expectClose(gradient, reference.doubles(), 1e-4) }
    // Rows of pairs without a document have sums and gradients of exactly zero.
    #expect(result.slice(axis: 0, from: 5, to: 6).floats().allSatisfy { $0 == 0 })
    #expect(found[0].slice(axis: 0, from: 5, to: 6).floats().allSatisfy { $0 == 0 })
    #expect(found[1].slice(axis: 0, from: 33, to: 39).floats().allSatisfy { $0 == 0 })
    #expect(throws: AutogradError.notTwiceDifferentiable("interactionPooling")) {
      try gradients(of: pooled(inputs), withRespectTo: inputs, upstream: upstream, keepingGraph: true)
    }
  }

  @Test("Gradients of some inputs alone are those of all together", arguments: [[0], [1], [2], [3], [0, 3]])
  func someInputs(chosen: [Int]) throws {
    let all = inputs().map { $0.tracked() }
    let some = inputs().enumerated().map { chosen.contains($0) ? $1.tracked() : $1 }
    let expected = try gradients(of: pooled(all).sum(), withRespectTo: all)
    let found = try gradients(of: pooled(some).sum(), withRespectTo: chosen.map { some[$0] })
    for (gradient, input) in zip(found, chosen) { #expect(gradient.hasSameBits(as: expected[input])) }
  }

  @Test("A pair has the same bits alone, in a batch, and on any number of threads")
  func invariance() throws {
    func everything() throws -> [Tensor] {
      let inputs = inputs().map { $0.tracked() }
      let result = pooled(inputs)
      return [result] + (try gradients(of: result.square().sum(), withRespectTo: inputs))
    }
    let limit = WorkerPool.shared.threadLimit
    defer { WorkerPool.shared.threadLimit = limit }
    let all = try everything()
    WorkerPool.shared.threadLimit = 1
    for (first, second) in zip(all, try everything()) { #expect(first.hasSameBits(as: second)) }
    let x = inputs()
    let alone = interactionPooling(
      query: x[0].slice(axis: 0, from: 6, to: 15), document: x[1].slice(axis: 0, from: 39, to: 159),
      queryRows: RaggedBatch(lengths: [9]), documentRows: RaggedBatch(lengths: [120]), blocks: 3, mu: x[2], sigma: x[3])
    #expect(all[0].slice(axis: 0, from: 6, to: 15).hasSameBits(as: alone))
  }

  @Test("No pairs at all")
  func empty() {
    let none = RaggedBatch(lengths: [])
    let result = interactionPooling(
      query: .zeros([0, 24]), document: .zeros([0, 24]), queryRows: none, documentRows: none, blocks: 3, mu: .zeros([4]),
      sigma: .ones([4]))
    #expect(result.shape == [0, 12])
  }
}
