import CGradusKernels
import Testing

extension KernelTests {
  @Suite("Products in half precision")
  struct HalfProductTests {
    private static var levels: [grd_fp16_level] {
      grd_fp16_strongest_level() == GRD_FP16_PORTABLE ? [GRD_FP16_PORTABLE] : [GRD_FP16_PORTABLE, GRD_FP16_AVX512]
    }

    /// a: [m][k], or [k][m] where transposed; b: [k][n], or [n][k].
    private func product(
      _ level: grd_fp16_level, _ a: [Float], _ transposeA: Bool, _ b: [Float], _ transposeB: Bool, m: Int, n: Int, k: Int,
      cut: Int? = nil
    ) -> [Float] {
      let depth = grd_fp16_depth(k)
      let panelsA = (m + Int(GRD_FP16_ROWS) - 1) / Int(GRD_FP16_ROWS)
      let panelsB = (n + Int(GRD_FP16_PANEL) - 1) / Int(GRD_FP16_PANEL)
      // What packing leaves alone must not matter.
      var left = [UInt32](repeating: .max, count: panelsA * Int(GRD_FP16_ROWS) * depth)
      var right = [UInt16](repeating: .max, count: panelsB * Int(GRD_FP16_PANEL) * depth)
      var inverseA = [Float](repeating: .nan, count: panelsA * Int(GRD_FP16_ROWS))
      var inverseB = [Float](repeating: .nan, count: panelsB)
      if transposeA {
        #expect(grd_fp16_pack_row_panels(level, a, m, k, m, 0, panelsA, &left, &inverseA) == GRD_OK)
      } else {
        #expect(grd_fp16_pack_rows(level, a, k, m, k, &left, &inverseA) == GRD_OK)
      }
      for number in 0..<panelsB {
        #expect(
          grd_fp16_pack_panels(level, b, transposeB ? k : n, transposeB, k, n, number, 1, &right, &inverseB) == GRD_OK)
      }
      var result = [Float](repeating: .nan, count: m * n)
      left.withUnsafeBufferPointer { left in
        right.withUnsafeBufferPointer { right in
          inverseA.withUnsafeBufferPointer { inverseA in
            inverseB.withUnsafeBufferPointer { inverseB in
              result.withUnsafeMutableBufferPointer { c in
                var description = grd_fp16_product(
                  a: left.baseAddress, a_is_panels: transposeA, a_inverse: inverseA.baseAddress, b: right.baseAddress,
                  b_inverse: inverseB.baseAddress, depth: k, columns: n, c: c.baseAddress, stride: n)
                for first in stride(from: 0, to: m, by: cut ?? m) {
                  let rows = min(cut ?? m, m - first)
                  #expect(grd_fp16_multiply(level, &description, first, rows, 0, panelsB) == GRD_OK)
                }
              }
            }
          }
        }
      }
      return result
    }

    @Test(
      "The processor has the twin's bits, for each way to store the operands and on odd sizes",
      arguments: [(1, 1, 1), (5, 33, 7), (37, 70, 500), (13, 64, 32), (50, 65, 225)], [false, true])
    func allLevels(sizes: (Int, Int, Int), transposeA: Bool) {
      let (m, n, k) = sizes
      let a = uniform(m * k, seed: 1), b = uniform(n * k, seed: 2)
      for transposeB in [false, true] {
        let results = Self.levels.map { product($0, a, transposeA, b, transposeB, m: m, n: n, k: k) }
        for other in results.dropFirst() { #expect(sameBits(results[0], other), "a level differs from the portable twin") }
        var error = 0.0, size = 0.0
        for at in 0..<m * n {
          let (i, j) = (at / n, at % n)
          let expected = (0..<k).reduce(0.0) {
            $0 + Double(transposeA ? a[$1 * m + i] : a[i * k + $1]) * Double(transposeB ? b[j * k + $1] : b[$1 * n + j])
          }
          error += (Double(results[0][at]) - expected) * (Double(results[0][at]) - expected)
          size += expected * expected
        }
        #expect(error <= 4e-6 * size, "relative error \((error / size).squareRoot())")
        for cut in [24, 48] {
          let pieces = product(
            grd_fp16_strongest_level(), a, transposeA, b, transposeB, m: m, n: n, k: k, cut: cut)
          #expect(sameBits(pieces, results[0]), "the cut of the rows shows")
        }
      }
    }

    /// 2048 + 1 is a tie in half precision and goes to the even 2048; summed in fp32 it would be 2049. Scales (to 16 and 1
    /// times 16) are powers of two and change nothing.
    @Test("Chains are summed in half precision, whole chains in single precision", arguments: [1, 32])
    func chains(gap: Int) {
      for level in Self.levels {
        var a = [Float](repeating: 0, count: 64), b = a
        (a[0], b[0]) = (64, 32)
        (a[gap], b[gap]) = (1, 1)
        #expect(product(level, a, false, b, true, m: 1, n: 1, k: 64) == [gap < 32 ? 2048 : 2049])
      }
    }

    @Test("The largest possible chain does not overflow")
    func largestChain() {
      let most = Float(31.99), values = [Float](repeating: most, count: 32)
      for level in Self.levels {
        let found = product(level, values, false, values, true, m: 1, n: 1, k: 32)[0]
        #expect(abs(found - 32 * most * most) < 0.01 * 32 * most * most)
      }
    }

    @Test("Numbers that are subnormal in half precision keep the bits that they can have")
    func subnormal() {
      // The first product's factor makes the scale 2^4 / 2^0; the second is 2^-24 after scaling: the smallest subnormal.
      let tiny = Float(sign: .plus, exponent: -28, significand: 1)
      for level in Self.levels {
        #expect(product(level, [1, tiny], false, [0, 1], true, m: 1, n: 1, k: 2) == [tiny])
        #expect(product(level, [1, tiny / 4], false, [0, 1], true, m: 1, n: 1, k: 2) == [0])
      }
    }

    @Test("Operands that cannot be are refused")
    func refusals() {
      let values = [Float](repeating: 0, count: 4096)
      var words = [UInt32](repeating: 0, count: 4096), halves = [UInt16](repeating: 0, count: 4096)
      var inverse = [Float](repeating: 0, count: 64)
      #expect(grd_fp16_pack_rows(GRD_FP16_PORTABLE, values, 3, 1, 4, &words, &inverse) == GRD_INVALID_ARGUMENT)
      #expect(grd_fp16_pack_row_panels(GRD_FP16_PORTABLE, values, 8, 1, 9, 0, 1, &words, &inverse) == GRD_INVALID_ARGUMENT)
      #expect(grd_fp16_pack_panels(GRD_FP16_PORTABLE, values, 8, false, 1, 8, 1, 1, &halves, &inverse) == GRD_INVALID_ARGUMENT)
      #expect(grd_fp16_pack_rows(grd_fp16_level(rawValue: 9), values, 4, 1, 4, &words, &inverse) == GRD_UNSUPPORTED)
      words.withUnsafeBufferPointer { words in
        var description = grd_fp16_product(
          a: words.baseAddress, a_is_panels: true, a_inverse: nil, b: nil, b_inverse: nil, depth: 1, columns: 1, c: nil,
          stride: 1)
        #expect(grd_fp16_multiply(GRD_FP16_PORTABLE, &description, 5, 1, 0, 1) == GRD_INVALID_ARGUMENT)
        description.stride = 0
        #expect(grd_fp16_multiply(GRD_FP16_PORTABLE, &description, 0, 1, 0, 1) == GRD_INVALID_ARGUMENT)
      }
    }
  }
}
