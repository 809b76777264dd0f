import CGradusKernels
import CGradusOneDNN
import GradusCore
import Testing

@testable import GradusTensor

@Suite("Fused single-precision operations against their composed forms")
struct FusedKernelTests {
  private func single(_ shape: [Int], seed: UInt64, scale: Double = 1) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return .normal(shape, standardDeviation: scale, using: &generator)
  }

  @Test("Attention and its gradient", arguments: [[5, 0, 1, 17, 64], [130]], [1, 3])
  func attention(lengths: [Int], heads: Int) throws {
    let batch = RaggedBatch(lengths: lengths)
    let qkv = single([batch.total, 3 * heads * 16], seed: 1).tracked()
    let reference = qkv.detached().cast(to: .float64).tracked()
    let fused = packedAttention(qkv: qkv, batch: batch, heads: heads)
    let composed = packedAttention(qkv: reference, batch: batch, heads: heads)
    expectClose(fused, composed.doubles(), 1e-5)
    let upstream = single(fused.shape, seed: 2)
    let expected = try gradients(of: composed, withRespectTo: [reference], upstream: upstream.cast(to: .float64))[0].doubles()
    expectClose(try gradients(of: fused, withRespectTo: [qkv], upstream: upstream, keepingGraph: true)[0], expected, 1e-5)
    expectClose(try gradients(of: fused, withRespectTo: [qkv], upstream: upstream)[0], expected, 1e-5)
  }

  @Test("A sequence's attention does not depend on its batch mates")
  func attentionAlone() {
    let batch = RaggedBatch(lengths: [9, 33, 7])
    let qkv = single([49, 96], seed: 3)
    let whole = packedAttention(qkv: qkv, batch: batch, heads: 2)
    let alone = packedAttention(
      qkv: qkv.slice(axis: 0, from: 9, to: 42), batch: RaggedBatch(lengths: [33]), heads: 2)
    #expect(whole.slice(axis: 0, from: 9, to: 42).hasSameBits(as: alone))
  }

  @Test("A row of a linear layer has the same bits alone and in any batch", arguments: [1, 7, 200, 513])
  func linearAlone(rows: Int) {
    let weight = single([640, 96], seed: 4), bias = single([640], seed: 5), x = single([600, 96], seed: 6)
    let whole = linear(x, weight: weight, bias: bias, activation: .gelu).slice(axis: 0, from: 0, to: rows)
    #expect(whole.hasSameBits(as: linear(x.slice(axis: 0, from: 0, to: rows), weight: weight, bias: bias, activation: .gelu)))
  }

  @Test("Linear layers with GELU and their gradients", arguments: [3, 65, 300])
  func linearLayer(rows: Int) throws {
    let inputs = [single([rows, 24], seed: 1), single([40, 24], seed: 2, scale: 0.3), single([40], seed: 3)].map { $0.tracked() }
    let references = inputs.map { $0.detached().cast(to: .float64).tracked() }
    let y = linear(inputs[0], weight: inputs[1], bias: inputs[2], activation: .gelu)
    let reference = linear(references[0], weight: references[1], bias: references[2], activation: .gelu)
    expectClose(y, reference.doubles(), 1e-5)
    let upstream = single(y.shape, seed: 4)
    let found = try gradients(of: y, withRespectTo: inputs, upstream: upstream)
    let expected = try gradients(of: reference, withRespectTo: references, upstream: upstream.cast(to: .float64))
    for (gradient, reference) in zip(found, expected) { expectClose(gradient, reference.doubles(), 3e-5) }
  }

  @Test("oneDNN's product agrees with the plain twin, on odd sizes and every transpose",
    arguments: [(1, 1, 1), (5, 33, 7), (130, 65, 129), (3, 700, 40)])
  func product(m: Int, n: Int, k: Int) {
    for (transposeA, transposeB) in [(false, false), (true, false), (false, true), (true, true)] {
      let a = single(transposeA ? [k, m] : [m, k], seed: 1), b = single(transposeB ? [n, k] : [k, n], seed: 2)
      let product = matmul(a, b, transposeA: transposeA, transposeB: transposeB)
      let twin = Tensor.zeros([m, n])
      var scratch = [Float](repeating: 0, count: k * 32)
      grd_tensor_gemm_f32(
        transposeA ? 1 : 0, transposeB ? 1 : 0, m, n, k, 1, a.f32, a.shape[1], b.f32, b.shape[1], 0, twin.f32, n, &scratch)
      keepAlive(a, b, twin)
      expectClose(product, twin.doubles(), 1e-4)
    }
  }

  @Test("Every operation has the same bits for one thread and for all")
  func threads() throws {
    func everything() throws -> [Tensor] {
      let x = single([700, 96], seed: 1).tracked(), weight = single([288, 96], seed: 2, scale: 0.1).tracked()
      let bias = single([288], seed: 3).tracked(), gain = single([96], seed: 4).tracked()
      let batch = RaggedBatch(lengths: [300, 0, 100, 200, 100])
      let attended = packedAttention(qkv: linear(x, weight: weight, bias: bias), batch: batch, heads: 3, dropout: 0.1, seed: 7)
      let normed = layerNorm(attended, residual: x, gain: gain, bias: gain)
      let wide = linear(normed.dropout(rate: 0.2, seed: 8), weight: weight, bias: bias, activation: .gelu)
      let loss = (wide.softmax() * wide).sum() + wide.variance() + wide.segmentMax(batch).clamp(-9, 9).mean()
        + x.topK(5).values.sum()
      return [attended, normed, wide, loss] + (try gradients(of: loss, withRespectTo: [x, weight, bias, gain]))
    }
    let limit = WorkerPool.shared.threadLimit
    defer { WorkerPool.shared.threadLimit = limit }
    WorkerPool.shared.threadLimit = 1
    let one = try everything()
    WorkerPool.shared.threadLimit = WorkerPool.shared.threads
    let all = try everything()
    for (first, second) in zip(one, all) { #expect(first.hasSameBits(as: second)) }
  }

  @Test("Dropout keeps the expected share, keeps the mean, and follows its seed alone")
  func dropout() {
    let x = Tensor.ones([200_000])
    let first = x.dropout(rate: 0.3, seed: 1)
    let kept = first.floats().filter { $0 != 0 }
    // Standard deviation of the share: sqrt(0.3 * 0.7 / 200000) = 0.001.
    #expect(abs(Double(kept.count) / 200_000 - 0.7) < 0.005)
    #expect(kept.allSatisfy { abs($0 - 1 / 0.7) < 1e-6 })
    #expect(first.hasSameBits(as: x.dropout(rate: 0.3, seed: 1)))
    #expect(!first.hasSameBits(as: x.dropout(rate: 0.3, seed: 2)))
    #expect(x.dropout(rate: 0, seed: 1).hasSameBits(as: x))
    // The prefix of a longer tensor has the same mask.
    #expect(first.slice(axis: 0, from: 0, to: 1000).hasSameBits(as: Tensor.ones([1000]).dropout(rate: 0.3, seed: 1)))
    let layer = Dropout(rate: 0.3)
    #expect(layer(x, .inference).hasSameBits(as: x))
    let context = ForwardContext(training: SeededGenerator(seed: 5))
    let (a, b) = (layer(x, context), layer(x, context))
    #expect(!a.hasSameBits(as: b))
    #expect(a.hasSameBits(as: layer(x, ForwardContext(training: SeededGenerator(seed: 5)))))
  }
}
