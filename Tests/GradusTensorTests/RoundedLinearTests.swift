import GradusCore
import Testing

@testable import GradusTensor

@Suite("Linear layers with products in bf16")
struct RoundedLinearTests {
  private func single(_ shape: [Int], seed: UInt64, scale: Double = 1) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return .normal(shape, standardDeviation: scale, using: &generator)
  }

  /// Rounded to bf16, as float64.
  private func rounded(_ tensor: Tensor) -> Tensor {
    let values = tensor.doubles().map { value in
      let bits = Float(value).bitPattern
      return Double(Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000))
    }
    return Tensor(values, shape: tensor.shape)
  }

  @Test("The layer and its gradients are exact products of rounded operands", arguments: [1, 3, 65, 700])
  func exactProducts(rows: Int) throws {
    let x = single([rows, 40], seed: 1).tracked(), weight = single([72, 40], seed: 2, scale: 0.3).tracked()
    let bias = single([72], seed: 3).tracked()
    let y = linear(x, weight: weight, bias: bias, precision: .bf16)
    expectClose(y, linear(rounded(x), weight: rounded(weight), bias: bias.detached().cast(to: .float64)).doubles(), 1e-5)
    let upstream = single(y.shape, seed: 4)
    let found = try gradients(of: y, withRespectTo: [x, weight, bias], upstream: upstream)
    expectClose(found[0], matmul(rounded(upstream), rounded(weight)).doubles(), 1e-5)
    expectClose(found[1], matmul(rounded(upstream), rounded(x), transposeA: true).doubles(), 3e-5)
    expectClose(found[2], upstream.cast(to: .float64).sum(axes: [0]).doubles(), 1e-5)
  }

  @Test("With GELU, values and gradients are those of single precision but for rounding")
  func nearSinglePrecision() throws {
    let inputs = [single([130, 96], seed: 1), single([200, 96], seed: 2, scale: 0.1), single([200], seed: 3)].map { $0.tracked() }
    let exact = linear(inputs[0], weight: inputs[1], bias: inputs[2], activation: .gelu)
    let near = linear(inputs[0], weight: inputs[1], bias: inputs[2], activation: .gelu, precision: .bf16)
    #expect(!near.hasSameBits(as: exact))
    let upstream = single(exact.shape, seed: 4)
    let pairs = zip(
      try gradients(of: near, withRespectTo: inputs, upstream: upstream) + [near],
      try gradients(of: exact, withRespectTo: inputs, upstream: upstream) + [exact])
    for (found, expected) in pairs {
      let error = (found.detached() - expected.detached()).square().sum().doubles()[0]
      let size = expected.detached().square().sum().doubles()[0]
      #expect((error / size).squareRoot() < 0.005)
    }
  }

  @Test("A row has the same bits alone and in any batch", arguments: [1, 7, 513])
  func rowsAreAlone(rows: Int) {
    let weight = single([640, 96], seed: 4), bias = single([640], seed: 5), x = single([600, 96], seed: 6)
    let whole = linear(x, weight: weight, bias: bias, activation: .gelu, precision: .bf16)
    let part = linear(
      x.slice(axis: 0, from: 0, to: rows), weight: weight, bias: bias, activation: .gelu, precision: .bf16)
    #expect(whole.slice(axis: 0, from: 0, to: rows).hasSameBits(as: part))
  }

  @Test("Double-precision layers and empty batches keep their own arithmetic")
  func otherTypes() {
    let x = single([4, 8], seed: 1).cast(to: .float64), weight = single([3, 8], seed: 2).cast(to: .float64)
    #expect(linear(x, weight: weight, precision: .bf16).hasSameBits(as: linear(x, weight: weight)))
    #expect(linear(single([0, 8], seed: 1), weight: single([3, 8], seed: 2), precision: .bf16).shape == [0, 3])
  }
}
