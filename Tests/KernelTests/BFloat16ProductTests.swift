import CGradusKernels
import Testing

extension KernelTests {
  @Suite("Products in bf16")
  struct BFloat16ProductTests {
    /// To nearest, ties to even, as a number again.
    private func rounded(_ value: Float) -> Float {
      let bits = value.bitPattern
      return Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000)
    }

    /// a: [m][k], or [k][m] where transposed; b: [k][n], or [n][k].
    private func product(
      _ level: grd_encoder_level, _ a: [Float], _ transposeA: Bool, _ b: [Float], _ transposeB: Bool, m: Int, n: Int, k: Int,
      cut: Int? = nil, isWide: Bool = false
    ) -> [Float] {
      let panel = Int(GRD_BF16_PANEL), depth = grd_bf16_depth(k)
      let panelsA = (m + panel - 1) / panel, panelsB = (n + panel - 1) / panel
      // What packing leaves alone must not matter.
      var left = [UInt16](repeating: 0xffff, count: panelsA * panel * depth)
      var right = [UInt16](repeating: 0xffff, count: panelsB * panel * depth)
      if transposeA {
        #expect(grd_bf16_pack_panels(level, a, m, false, k, m, 0, panelsA, &left) == GRD_OK)
      } else {
        #expect(grd_bf16_pack_rows(level, a, k, m, k, &left) == GRD_OK)
      }
      for number in 0..<panelsB {
        #expect(grd_bf16_pack_panels(level, b, transposeB ? k : n, transposeB, k, n, number, 1, &right) == GRD_OK)
      }
      var wide = [Float](repeating: .nan, count: left.count)
      #expect(grd_bf16_widen(level, left, left.count / 2, &wide) == GRD_OK)
      var result = [Float](repeating: .nan, count: m * n)
      left.withUnsafeBufferPointer { left in
        right.withUnsafeBufferPointer { right in
          wide.withUnsafeBufferPointer { wide in
            result.withUnsafeMutableBufferPointer { c in
              var description = grd_bf16_product(
                a: left.baseAddress, a_wide: isWide ? wide.baseAddress : nil, a_is_panels: transposeA, b: right.baseAddress,
                depth: k, columns: n, c: c.baseAddress, stride: n)
              for first in stride(from: 0, to: m, by: cut ?? m) {
                let rows = min(cut ?? m, m - first)
                #expect(grd_bf16_multiply(level, &description, first, rows, 0, panelsB) == GRD_OK)
              }
            }
          }
        }
      }
      return result
    }

    @Test(
      "Every level has the twin's bits, for each way to store the operands and on odd sizes",
      arguments: [(1, 1, 1), (5, 33, 7), (37, 70, 1000), (13, 32, 16), (100, 65, 385)], [false, true])
    func allLevels(sizes: (Int, Int, Int), transposeA: Bool) {
      let (m, n, k) = sizes
      let a = uniform(m * k, seed: 1), b = uniform(n * k, seed: 2)
      for transposeB in [false, true] {
        let expected: [Double] = (0..<m * n).map { at in
          let (i, j) = (at / n, at % n)
          return (0..<k).reduce(0) {
            $0 + Double(rounded(transposeA ? a[$1 * m + i] : a[i * k + $1]))
              * Double(rounded(transposeB ? b[j * k + $1] : b[$1 * n + j]))
          }
        }
        let results = EncoderKernelTests.levels.flatMap { level in
          [false, true].map { product(level, a, transposeA, b, transposeB, m: m, n: n, k: k, isWide: $0) }
        }
        for other in results.dropFirst() { #expect(sameBits(results[0], other), "a level differs from the portable twin") }
        #expect(zip(results[0], expected).allSatisfy { abs(Double($0) - $1) <= 1e-6 * Double(k).squareRoot() + 1e-7 })
        for cut in [32, 64] {
          let pieces = product(
            grd_encoder_strongest_level(), a, transposeA, b, transposeB, m: m, n: n, k: k, cut: cut)
          #expect(sameBits(pieces, results[0]), "the cut of the rows shows")
        }
      }
    }

    @Test("Operands that cannot be are refused")
    func refusals() {
      let values = [Float](repeating: 0, count: 64)
      var out = [UInt16](repeating: 0, count: 4096)
      #expect(grd_bf16_pack_rows(GRD_ENCODER_PORTABLE, values, 3, 1, 4, &out) == GRD_INVALID_ARGUMENT)
      #expect(grd_bf16_pack_panels(GRD_ENCODER_PORTABLE, values, 8, false, 1, 9, 0, 1, &out) == GRD_INVALID_ARGUMENT)
      #expect(grd_bf16_pack_panels(GRD_ENCODER_PORTABLE, values, 8, false, 1, 8, 1, 1, &out) == GRD_INVALID_ARGUMENT)
      out.withUnsafeBufferPointer { out in
        var description = grd_bf16_product(
          a: out.baseAddress, a_wide: nil, a_is_panels: true, b: out.baseAddress, depth: 1, columns: 1, c: nil, stride: 1)
        #expect(grd_bf16_multiply(GRD_ENCODER_PORTABLE, &description, 5, 1, 0, 1) == GRD_INVALID_ARGUMENT)
        description.stride = 0
        #expect(grd_bf16_multiply(GRD_ENCODER_PORTABLE, &description, 0, 1, 0, 1) == GRD_INVALID_ARGUMENT)
      }
    }
  }
}
