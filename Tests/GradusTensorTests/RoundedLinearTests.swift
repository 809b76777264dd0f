import GradusCore
import Testing

@testable import GradusTensor

@Suite("Linear layers with products of rounded operands")
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

  @Test(
    "With GELU, values and gradients are those of single precision but for rounding",
    arguments: [(ProductPrecision.bf16, 0.005), (.fp16, 0.002)])
  func nearSinglePrecision(precision: ProductPrecision, tolerance: Double) throws {
    let inputs = [single([130, 96], seed: 1), single([200, 96], seed: 2, scale: 0.1), single([200], seed: 3)].map { $0.tracked() }
    let exact = linear(inputs[0], weight: inputs[1], bias: inputs[2], activation: .gelu)
    let near = linear(inputs[0], weight: inputs[1], bias: inputs[2], activation: .gelu, precision: precision)
    #expect(!near.hasSameBits(as: exact))
    let upstream = single(exact.shape, seed: 4)
    let pairs = zip(
      try gradients(of: near, withRespectTo: inputs, upstream: upstream) + [near],
      try gradients(of: exact, withRespectTo: inputs, upstream: upstream) + [exact])
    for (found, expected) in pairs {
      let error = (found.detached() - expected.detached()).square().sum().doubles()[0]
      let size = expected.detached().square().sum().doubles()[0]
      #expect((error / size).squareRoot() < tolerance)
    }
  }

  @Test("A row has the same bits alone and in any batch", arguments: [1, 7, 513], [ProductPrecision.bf16, .fp16])
  func rowsAreAlone(rows: Int, precision: ProductPrecision) {
    // Emulated half precision is slow.
    let outputs = precision == .fp16 ? 72 : 640, inputs = precision == .fp16 ? 33 : 96
    let weight = single([outputs, inputs], seed: 4), bias = single([outputs], seed: 5), x = single([600, inputs], seed: 6)
    let whole = linear(x, weight: weight, bias: bias, activation: .gelu, precision: precision)
    let part = linear(
      x.slice(axis: 0, from: 0, to: rows), weight: weight, bias: bias, activation: .gelu, precision: precision)
    #expect(whole.slice(axis: 0, from: 0, to: rows).hasSameBits(as: part))
  }

  @Test("In half precision, rows and columns of any magnitude keep their relative accuracy")
  func anyMagnitude() throws {
    let x = single([40, 33], seed: 1), weight = single([70, 33], seed: 2)
    // Rows from 1e-30 to 1e30, and one of zeros.
    let sizes = (0..<40).map { $0 == 7 ? 0 : Float(sign: .plus, exponent: 5 * $0 - 100, significand: 1) }
    let scaled = x * Tensor(sizes, shape: [40, 1])
    let found = linear(scaled, weight: weight, precision: .fp16).doubles()
    let expected = linear(scaled.cast(to: .float64), weight: weight.cast(to: .float64)).doubles()
    for row in 0..<40 {
      let range = row * 70..<(row + 1) * 70
      let error = range.reduce(0) { $0 + (found[$1] - expected[$1]) * (found[$1] - expected[$1]) }
      let size = range.reduce(0) { $0 + expected[$1] * expected[$1] }
      #expect(error <= 4e-6 * size)
    }
  }

  @Test("Infinity and NaN come through products in half precision")
  func notFinite() {
    var values = [Float](repeating: 1, count: 4 * 8)
    values[3] = .nan
    values[9] = .infinity
    let y = linear(Tensor(values, shape: [4, 8]), weight: .ones([3, 8]), precision: .fp16).floats()
    #expect(y[0..<3].allSatisfy(\.isNaN) && y[3..<6].allSatisfy { $0 == .infinity } && y[6..<12].allSatisfy { $0 == 8 })
  }

  @Test("Double-precision layers and empty batches keep their own arithmetic")
  func otherTypes() {
    let x = single([4, 8], seed: 1).cast(to: .float64), weight = single([3, 8], seed: 2).cast(to: .float64)
    #expect(linear(x, weight: weight, precision: .bf16).hasSameBits(as: linear(x, weight: weight)))
    #expect(linear(single([0, 8], seed: 1), weight: single([3, 8], seed: 2), precision: .bf16).shape == [0, 3])
  }
}
