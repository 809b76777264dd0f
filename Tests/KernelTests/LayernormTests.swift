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

    @Test("Backward agrees with finite differences in Double", arguments: [(2, 3), (3, 17), (2, 33), (5, 40)])
    func backward(rows: Int, width: Int) {
      let x = uniform(rows * width, seed: 9, scale: 2), gamma = uniform(width, seed: 10), beta = uniform(width, seed: 11)
      let dy = uniform(rows * width, seed: 12)
      var y = [Float](repeating: 0, count: x.count), normalized = y, scale = [Float](repeating: 0, count: rows)
      grd_layernorm_forward(x, nil, nil, gamma, beta, Self.epsilon, rows, width, &normalized, &scale, &y)
      let result = KernelTests.onEveryInstructionSet {
        var dx = [Float](repeating: .nan, count: x.count)
        var dgamma = [Float](repeating: .nan, count: width), dbeta = dgamma
        grd_layernorm_backward(dy, normalized, scale, gamma, rows, width, &dx, &dgamma, &dbeta)
        return dx + dgamma + dbeta
      }
      let numerical = numericalGradient(at: doubles(x + gamma + beta)) { point in
        let s = Array(point[..<x.count]), g = Array(point[x.count..<x.count + width]), b = Array(point[(x.count + width)...])
        return dot(doubles(dy), Self.reference(s, g, b, width: width))
      }
      #expect(largestError(result, numerical) < 2e-5)
    }

    @Test("Partial sums per block of rows do not depend on the split", arguments: [1, 63, 64, 65, 300])
    func partials(rows: Int) {
      let width = 33, block = Int(GRD_ROW_BLOCK), blocks = (rows + block - 1) / block
      let dy = uniform(rows * width, seed: 13), normalized = uniform(rows * width, seed: 14)
      let scale = uniform(rows, seed: 15), gamma = uniform(width, seed: 16)
      var dx = [Float](repeating: .nan, count: rows * width), splitDx = dx
      var partials = [Float](repeating: .nan, count: 2 * blocks * width), splitPartials = partials
      partials.withUnsafeMutableBufferPointer {
        grd_layernorm_backward(dy, normalized, scale, gamma, rows, width, &dx, $0.baseAddress, $0.baseAddress! + blocks * width)
      }
      dy.withUnsafeBufferPointer { dy in
        normalized.withUnsafeBufferPointer { normalized in
          scale.withUnsafeBufferPointer { scale in
            splitDx.withUnsafeMutableBufferPointer { dx in
              splitPartials.withUnsafeMutableBufferPointer { partials in
                inUnevenPieces(rows, block: block) { first, count in
                  let at = first * width, partial = partials.baseAddress! + first / block * width
                  grd_layernorm_backward(
                    dy.baseAddress! + at, normalized.baseAddress! + at, scale.baseAddress! + first, gamma, count, width,
                    dx.baseAddress! + at, partial, partial + blocks * width)
                }
              }
            }
          }
        }
      }
      #expect(sameBits(dx, splitDx))
      #expect(sameBits(partials, splitPartials))
      var dbeta = [Float](repeating: .nan, count: width)
      grd_combine_partials(Array(partials[(blocks * width)...]), blocks, width, &dbeta)
      #expect(largestError(dbeta, (0..<width).map { j in (0..<rows).reduce(0) { $0 + Double(dy[$1 * width + j]) } }) < 1e-5)
    }
  }
}
