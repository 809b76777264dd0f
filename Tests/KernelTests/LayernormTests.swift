import CGradusKernels
import Testing

extension KernelTests {
  @Suite("Layer normalisation")
  struct LayernormTests {
    static let epsilon: Float = 1e-5

    static func reference(_ s: [Double], _ gamma: [Double], _ beta: [Double], width: Int) -> [Double] {
      var y = s
      for start in stride(from: 0, to: s.count, by: width) {
        let row = s[start..<start + width]
        let mean = row.reduce(0, +) / Double(width)
        let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
        for j in 0..<width {
          y[start + j] = (s[start + j] - mean) / (variance + Double(epsilon)).squareRoot() * gamma[j] + beta[j]
        }
      }
      return y
    }

    @Test("Forward agrees with a Double reference; absent summands are zero", arguments: KernelTests.sizes.dropFirst())
    func forward(width: Int) {
      let rows = 5
      let x = uniform(rows * width, seed: 1, scale: 3), residual = uniform(rows * width, seed: 2)
      let bias = uniform(width, seed: 3), gamma = uniform(width, seed: 4), beta = uniform(width, seed: 5)
      let result = KernelTests.onEveryInstructionSet {
        var y = [Float](repeating: .nan, count: x.count), normalized = y, scale = [Float](repeating: .nan, count: rows)
        grd_layernorm_forward(x, residual, bias, gamma, beta, Self.epsilon, rows, width, &normalized, &scale, &y)
        return y + normalized + scale
      }
      let sums = x.indices.map { Double(x[$0]) + Double(bias[$0 % width]) + Double(residual[$0]) }
      let y = Array(result[..<x.count])
      // A row of one column is its own mean: what is left of it is rounding over sqrt(epsilon).
      let tolerance = width == 1 ? 1e-3 : 2e-5
      #expect(largestError(y, Self.reference(sums, doubles(gamma), doubles(beta), width: width)) < tolerance)

      let zeros = [Float](repeating: 0, count: x.count)
      var without = zeros, with = zeros, inPlace = x
      grd_layernorm_forward(x, nil, nil, gamma, beta, Self.epsilon, rows, width, nil, nil, &without)
      grd_layernorm_forward(x, zeros, zeros, gamma, beta, Self.epsilon, rows, width, nil, nil, &with)
      #expect(sameBits(without, with))
      inPlace.withUnsafeMutableBufferPointer {
        grd_layernorm_forward($0.baseAddress, nil, nil, gamma, beta, Self.epsilon, rows, width, nil, nil, $0.baseAddress)
      }
      #expect(sameBits(inPlace, without))
    }

    @Test("Rows do not depend on their neighbours")
    func rowSplit() {
      let rows = 23, width = 100
      let x = uniform(rows * width, seed: 6), gamma = uniform(width, seed: 7), beta = uniform(width, seed: 8)
      var whole = [Float](repeating: 0, count: x.count), pieces = whole
      grd_layernorm_forward(x, nil, nil, gamma, beta, Self.epsilon, rows, width, nil, nil, &whole)
      pieces.withUnsafeMutableBufferPointer { y in
        x.withUnsafeBufferPointer { x in
          inUnevenPieces(rows) { first, count in
            grd_layernorm_forward(
              x.baseAddress! + first * width, nil, nil, gamma, beta, Self.epsilon, count, width, nil, nil,
              y.baseAddress! + first * width)
          }
        }
      }
      #expect(sameBits(whole, pieces))
    }
  }
}
