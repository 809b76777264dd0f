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
  @Suite("Rows")
  struct RowTests {
    @Test("Element-wise arithmetic is exact to the bit", arguments: KernelTests.sizes)
    func elementwise(count: Int) {
      let a = uniform(count, seed: 1, scale: 5), b = uniform(count, seed: 2, scale: 5)
      let results = KernelTests.onEveryInstructionSet {
        var sum = [Float](repeating: .nan, count: count), product = sum, scaled = sum, moved = b
        grd_add(a, b, count, &sum)
        grd_multiply(a, b, count, &product)
        grd_scale(a, 0.3, count, &scaled)
        grd_axpy(a, 0.3, count, &moved)
        return sum + product + scaled + moved
      }
      let expected =
        zip(a, b).map { $0 + $1 } + zip(a, b).map { $0 * $1 } + a.map { $0 * 0.3 } + zip(a, b).map { $1.addingProduct(0.3, $0) }
      #expect(sameBits(results, expected))
    }

    @Test("Bias, column sums and dot products", arguments: [(1, 1), (3, 15), (64, 17), (65, 33), (200, 100), (2, 1000), (0, 8)])
    func rows(rows: Int, width: Int) {
      let x = uniform(rows * width, seed: 3), y = uniform(rows * width, seed: 4), bias = uniform(width, seed: 5)
      let block = Int(GRD_ROW_BLOCK), blocks = (rows + block - 1) / block
      let biased = KernelTests.onEveryInstructionSet {
        var out = [Float](repeating: .nan, count: x.count)
        grd_add_bias(x, bias, rows, width, &out)
        return out
      }
      #expect(sameBits(biased, x.indices.map { x[$0] + bias[$0 % width] }))

      let partials = KernelTests.onEveryInstructionSet {
        var partials = [Float](repeating: .nan, count: blocks * width)
        grd_column_sums(x, rows, width, &partials)
        return partials
      }
      var sums = [Float](repeating: .nan, count: width), split = [Float](repeating: .nan, count: blocks * width)
      grd_combine_partials(partials, blocks, width, &sums)
      #expect(largestError(sums, (0..<width).map { j in (0..<rows).reduce(0) { $0 + Double(x[$1 * width + j]) } }) < 1e-5)
      x.withUnsafeBufferPointer { x in
        split.withUnsafeMutableBufferPointer { split in
          inUnevenPieces(rows, block: block) { first, count in
            grd_column_sums(x.baseAddress! + first * width, count, width, split.baseAddress! + first / block * width)
          }
        }
      }
      #expect(sameBits(split, partials))

      let dots = KernelTests.onEveryInstructionSet {
        var dots = [Float](repeating: .nan, count: rows)
        grd_dot_rows(x, y, rows, width, &dots)
        return dots
      }
      let exact = (0..<rows).map { row in
        (0..<width).reduce(0) { $0 + Double(x[row * width + $1]) * Double(y[row * width + $1]) }
      }
      #expect(largestError(dots, exact) < 1e-5)
    }

    static let offsets: [Int64] = [0, 3, 3, 4, 21]

    static func meanPool(_ x: [Double], width: Int) -> [Double] {
      (0..<offsets.count - 1).flatMap { s in
        let tokens = Int(offsets[s])..<Int(offsets[s + 1])
        return (0..<width).map { j in tokens.isEmpty ? 0 : tokens.reduce(0) { $0 + x[$1 * width + j] } / Double(tokens.count) }
      }
    }

    @Test("Mean pooling of packed sequences, an empty one among them", arguments: [1, 17, 33])
    func meanPool(width: Int) {
      let x = uniform(21 * width, seed: 6), dy = uniform(4 * width, seed: 7)
      let y = KernelTests.onEveryInstructionSet {
        var y = [Float](repeating: .nan, count: 4 * width)
        grd_mean_pool_forward(x, Self.offsets, 4, width, &y)
        return y
      }
      #expect(largestError(y, Self.meanPool(doubles(x), width: width)) < 1e-6)
      let dx = KernelTests.onEveryInstructionSet {
        var dx = [Float](repeating: .nan, count: x.count)
        grd_mean_pool_backward(dy, Self.offsets, 4, width, &dx)
        return dx
      }
      #expect(largestError(dx, numericalGradient(at: doubles(x)) { dot(doubles(dy), Self.meanPool($0, width: width)) }) < 1e-6)
    }

    static func normalize(_ x: [Double], width: Int, epsilon: Double) -> [Double] {
      x.indices.map { at in
        let row = x[at / width * width..<(at / width + 1) * width]
        return x[at] / max(row.reduce(0) { $0 + $1 * $1 }.squareRoot(), epsilon)
      }
    }

    @Test("Rows of unit length, forward and backward; short rows are divided by epsilon", arguments: [1, 3, 17, 33])
    func normalizeRows(width: Int) {
      let epsilon: Float = 1e-2
      var x = uniform(4 * width, seed: 8), dy = uniform(4 * width, seed: 9)
      for j in 0..<width {
        x[width + j] *= 1e-4 / Float(width)
        dy[width + j] *= 1e-2
      }
      let y = KernelTests.onEveryInstructionSet {
        var y = [Float](repeating: .nan, count: x.count), norms = [Float](repeating: .nan, count: 4)
        grd_normalize_rows_forward(x, epsilon, 4, width, &norms, &y)
        return y + norms
      }
      #expect(largestError(Array(y[..<x.count]), Self.normalize(doubles(x), width: width, epsilon: Double(epsilon))) < 1e-6)
      #expect(y[x.count + 1] == epsilon)
      let dx = KernelTests.onEveryInstructionSet {
        var dx = [Float](repeating: .nan, count: x.count)
        grd_normalize_rows_backward(Array(y[..<x.count]), Array(y[x.count...]), dy, epsilon, 4, width, &dx)
        return dx
      }
      let numerical = numericalGradient(at: doubles(x)) {
        dot(doubles(dy), Self.normalize($0, width: width, epsilon: Double(epsilon)))
      }
      #expect(largestError(dx, numerical) < 1e-4)
    }

    static func kernelPooling(_ s: [Double], lengths: [Int], width: Int, mu: [Double], sigma: [Double]) -> [Double] {
      lengths.indices.flatMap { row in
        zip(mu, sigma).map { mu, sigma in
          (0..<lengths[row]).reduce(0) { $0 + exp(-pow(s[row * width + $1] - mu, 2) / (2 * sigma * sigma)) }
        }
      }
    }

    @Test("RBF kernel pooling, forward and backward", arguments: [1, 16, 17, 33])
    func kernelPooling(width: Int) {
      let lengths = [width, 0, width / 2], lengths32 = lengths.map(Int32.init), rows = 3
      let mu: [Float] = [1, 0.9, 0.1, -0.5], sigma: [Float] = [0.1, 0.1, 0.1, 0.1]
      let s = uniform(rows * width, seed: 10), dsums = uniform(rows * 4, seed: 11)
      let sums = KernelTests.onEveryInstructionSet {
        var sums = [Float](repeating: .nan, count: rows * 4)
        grd_kernel_pooling_forward(s, lengths32, rows, width, mu, sigma, 4, &sums)
        return sums
      }
      let reference = { (s: [Double]) in
        Self.kernelPooling(s, lengths: lengths, width: width, mu: doubles(mu), sigma: doubles(sigma))
      }
      #expect(largestError(sums, reference(doubles(s))) < 2e-6)
      let ds = KernelTests.onEveryInstructionSet {
        var ds = [Float](repeating: .nan, count: s.count)
        grd_kernel_pooling_backward(s, lengths32, dsums, rows, width, mu, sigma, 4, &ds)
        return ds
      }
      #expect(largestError(ds, numericalGradient(at: doubles(s)) { dot(doubles(dsums), reference($0)) }) < 2e-5)
    }
  }
}
