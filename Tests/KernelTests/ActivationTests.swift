import CGradusKernels
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension KernelTests {
  @Suite("Activations")
  struct ActivationTests {
    typealias Kernel = @Sendable (UnsafePointer<Float>?, Int, UnsafeMutablePointer<Float>?) -> Void

    struct Function: Sendable, CustomTestStringConvertible {
      let testDescription: String
      let kernel: Kernel
      let reference: @Sendable (Double) -> Double
      /// As the header states it, over the results that are normal numbers.
      let ulps: Double
      let lowest: Double

      func callAsFunction(_ x: [Float]) -> [Float] {
        var y = [Float](repeating: .nan, count: x.count)
        kernel(x, x.count, &y)
        return y
      }
    }

    static let functions = [
      Function(testDescription: "exp", kernel: grd_exp, reference: { exp($0) }, ulps: 1, lowest: -86.9),
      Function(testDescription: "tanh", kernel: grd_tanh, reference: { tanh($0) }, ulps: 1.2, lowest: -.infinity),
      Function(testDescription: "erf", kernel: grd_erf, reference: { erf($0) }, ulps: 1.5, lowest: -.infinity),
      Function(testDescription: "sigmoid", kernel: grd_sigmoid, reference: { 1 / (1 + exp(-$0)) }, ulps: 2.2, lowest: -86.9),
      Function(testDescription: "gelu", kernel: grd_gelu_forward, reference: gelu, ulps: 6, lowest: -12),
    ]

    static func gelu(_ x: Double) -> Double { 0.5 * x * erfc(-x * 0.5.squareRoot()) }
    static func geluSlope(_ x: Double) -> Double {
      0.5 * erfc(-x * 0.5.squareRoot()) + x * exp(-0.5 * x * x) / (2 * Double.pi).squareRoot()
    }

    @Test("The stated error bound holds over a dense sample of all floats", arguments: functions)
    func errorBound(function: Function) {
      let x = stride(from: UInt32(0), to: .max - 4093, by: 4093).map { Float(bitPattern: $0) }
        .filter { $0.isFinite && Double($0) > function.lowest }
      let y = function(x)
      var worst = 0.0
      for (x, y) in zip(x, y) {
        let exact = function.reference(Double(x))
        guard abs(exact) > 1.7e-38, abs(exact) < 3.4e38 else { continue }
        let error = abs(Double(y) - exact) / Double(Float(exact).ulp)
        worst = error.isNaN ? .infinity : max(worst, error)
      }
      #expect(worst <= function.ulps)
    }

    @Test("Every instruction set gives the portable twin's bits", arguments: functions, KernelTests.sizes)
    func twin(function: Function, count: Int) {
      let x = uniform(count, seed: 1, scale: 9)
      let y = KernelTests.onEveryInstructionSet { function(x) }
      #expect(largestError(y, x.map { function.reference(Double($0)) }) < 1e-6)
    }

    @Test("Infinities and NaN")
    func specialValues() {
      let special: [Float] = [.infinity, -.infinity, .nan, 0, 1000, -1000]
      let results = Self.functions.map { $0(special) }
      #expect(results[0].map(\.description) == ["inf", "0.0", "nan", "1.0", "inf", "0.0"])
      #expect(results[1].map(\.description) == ["1.0", "-1.0", "nan", "0.0", "1.0", "-1.0"])
      #expect(results[2].map(\.description) == ["1.0", "-1.0", "nan", "0.0", "1.0", "-1.0"])
      #expect(results[3].map(\.description) == ["1.0", "0.0", "nan", "0.5", "1.0", "0.0"])
      #expect(results[4][0] == .infinity && results[4][2].isNaN && results[4][3] == 0 && results[4][4] == 1000)
    }

    @Test("The gradient of bias + GELU, by blocks of rows", arguments: [(1, 1), (3, 17), (64, 33), (65, 100), (200, 384)])
    func biasGelu(rows: Int, width: Int) {
      let sums = uniform(rows * width, seed: 4, scale: 5), dy = uniform(rows * width, seed: 6)
      let blocks = (rows + Int(GRD_ROW_BLOCK) - 1) / Int(GRD_ROW_BLOCK)
      let backward = KernelTests.onEveryInstructionSet {
        var dx = [Float](repeating: .nan, count: sums.count), partials = [Float](repeating: .nan, count: blocks * width)
        grd_bias_gelu_backward(sums, dy, rows, width, &dx, &partials)
        return dx + partials
      }
      let exact = sums.indices.map { Double(dy[$0]) * Self.geluSlope(Double(sums[$0])) }
      #expect(largestError(Array(backward[..<sums.count]), exact) < 2e-6)
      if sums.count < 100 {
        let numerical = numericalGradient(at: doubles(sums)) { point in dot(doubles(dy), point.map(Self.gelu)) }
        #expect(largestError(Array(backward[..<sums.count]), numerical) < 1e-5)
      }
      let dbias = (0..<width).map { column in
        (0..<blocks).reduce(Float(0)) { $0 + backward[sums.count + $1 * width + column] }
      }
      let exactBias = (0..<width).map { column in (0..<rows).reduce(0.0) { $0 + exact[$1 * width + column] } }
      #expect(largestError(dbias, exactBias) < 1e-5)

      // Pieces that begin at blocks give the same bits.
      var dx = [Float](repeating: .nan, count: sums.count), partials = [Float](repeating: .nan, count: blocks * width)
      inUnevenPieces(rows, block: Int(GRD_ROW_BLOCK)) { first, count in
        dx.withUnsafeMutableBufferPointer { dx in
          partials.withUnsafeMutableBufferPointer { partials in
            sums.withUnsafeBufferPointer { sums in
              dy.withUnsafeBufferPointer { dy in
                grd_bias_gelu_backward(
                  sums.baseAddress! + first * width, dy.baseAddress! + first * width, count, width,
                  dx.baseAddress! + first * width, partials.baseAddress! + first / Int(GRD_ROW_BLOCK) * width)
              }
            }
          }
        }
      }
      #expect(sameBits(dx + partials, backward))
    }
  }
}
