import CGradusKernels
import Testing

extension KernelTests {
  @Suite("Decoder kernels")
  struct DecoderKernelTests {
    /// A packed weight and what it holds.
    private struct Packed {
      let format: grd_weight_format
      let outputs: Int, inputs: Int
      var data: [UInt8]
      var values: [Double] = []

      init(_ format: grd_weight_format, outputs: Int, inputs: Int) {
        self.format = format
        self.outputs = outputs
        self.inputs = inputs
        let panel = grd_weight_panel_bytes(format, inputs)
        data = [UInt8](repeating: 0, count: panel * outputs / 32)
        let source = uniform(outputs * inputs, seed: 5)
        for output in 0..<outputs {
          let row = Array(source[output * inputs..<(output + 1) * inputs])
          var unpacked = [Float](repeating: 0, count: inputs)
          data.withUnsafeMutableBytes { bytes in
            let start = bytes.baseAddress! + output / 32 * panel
            switch format {
            case GRD_WEIGHT_BF16: grd_pack_row_bf16(start, output % 32, row, inputs, inputs)
            case GRD_WEIGHT_Q8: grd_pack_row_q8(start, output % 32, row, inputs, inputs)
            default:
              grd_pack_row_blocks(format, start, output % 32, Self.blocks(row, hasMinimum: format == GRD_WEIGHT_Q4M), inputs)
            }
            grd_unpack_row(format, start, output % 32, inputs, &unpacked)
          }
          values += unpacked.map(Double.init)
        }
      }

      /// Blocks of 4-bit weights with a scale of 1/8 and a minimum of -1.
      static func blocks(_ row: [Float], hasMinimum: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: row.count, by: 32) {
          bytes += [0x00, 0x30]
          if hasMinimum { bytes += [0x00, 0xBC] }
          let levels = row[start..<start + 32].map { UInt8(min(15, max(0, ($0 + 1) * 8))) }
          for i in 0..<16 { bytes.append(levels[i] | levels[i + 16] << 4) }
        }
        return bytes
      }

      func withWeight<Result>(_ body: (UnsafePointer<grd_weight>) -> Result) -> Result {
        data.withUnsafeBytes { bytes in
          var weight = grd_weight(format: format, outputs: outputs, inputs: inputs, data: bytes.baseAddress, bias: nil)
          return body(&weight)
        }
      }

      /// Sums of the terms' magnitudes: what relative errors of the terms add up to at most.
      func magnitudes(_ x: [Double], rows: Int) -> [Double] {
        (0..<rows * outputs).map { index in
          let row = index / outputs, output = index % outputs
          return (0..<inputs).reduce(0.0) { $0 + abs(x[row * inputs + $1] * values[output * inputs + $1]) }
        }
      }

      func product(_ x: [Double], rows: Int) -> [Double] {
        (0..<rows * outputs).map { index in
          let row = index / outputs, output = index % outputs
          return (0..<inputs).reduce(0.0) { $0 + x[row * inputs + $1] * values[output * inputs + $1] }
        }
      }
    }

    private static let formats = [GRD_WEIGHT_BF16, GRD_WEIGHT_Q8, GRD_WEIGHT_Q4, GRD_WEIGHT_Q4M]

    private func widened(_ x: [UInt16]) -> [Double] { x.map { Double(Float(bitPattern: UInt32($0) << 16)) } }

    @Test("bfloat16 products agree with Double for every number of rows", arguments: [0, 1, 2, 3], [1, 2, 5, 11, 12, 13, 25])
    func bfloat16Products(format: Int, rows: Int) {
      let packed = Packed(Self.formats[format], outputs: 96, inputs: 64)
      var a = [UInt16](repeating: 0, count: rows * 64)
      grd_round_bf16(uniform(rows * 64, seed: 2), rows * 64, &a)
      let out = KernelTests.onEveryInstructionSet {
        var out = [Float](repeating: .nan, count: rows * 96)
        var scratch = [UInt16](repeating: 0, count: 32 * 64)
        packed.withWeight { grd_product_bf16($0, 0, 3, a, 64, rows, GRD_OUTPUT_STORE, &out, 96, &scratch) }
        return out
      }
      // A weight that is rounded to bfloat16 on the way is off by at most 2^-8 of itself.
      let magnitudes = packed.magnitudes(widened(a), rows: rows)
      for (index, expected) in packed.product(widened(a), rows: rows).enumerated() {
        #expect(abs(Double(out[index]) - expected) <= magnitudes[index] / 256 + 1e-5)
      }
    }

    @Test("int8 products agree with Double for every number of rows", arguments: [1, 2, 3], [1, 3, 4, 5, 9])
    func int8Products(format: Int, rows: Int) {
      let packed = Packed(Self.formats[format], outputs: 64, inputs: 96)
      let x = uniform(rows * 96, seed: 3)
      var quantized: [Double] = []
      let out = KernelTests.onEveryInstructionSet {
        var q = [Int8](repeating: 0, count: rows * 96), sums = [Int32](repeating: 0, count: rows * 3)
        var scales = [Float](repeating: 0, count: rows * 3), out = [Float](repeating: .nan, count: rows * 64)
        grd_quantize_rows(x, 96, rows, 96, &q, &scales, &sums)
        quantized = q.indices.map { Double(q[$0]) * Double(scales[$0 / 32]) }
        packed.withWeight { #expect(grd_product_int8($0, 0, 2, q, scales, sums, rows, GRD_OUTPUT_STORE, &out, 64) == GRD_OK) }
        return out
      }
      #expect(zip(quantized, x).allSatisfy { abs($0 - Double($1)) < 0.5 / 127 + 1e-6 })
      #expect(largestError(out, packed.product(quantized, rows: rows)) < 1e-4)
    }

    @Test("Gated outputs are silu(gate) x up; added outputs add")
    func outputs() {
      let packed = Packed(GRD_WEIGHT_BF16, outputs: 32, inputs: 32)
      var a = [UInt16](repeating: 0, count: 3 * 32)
      grd_round_bf16(uniform(96, seed: 2), 96, &a)
      let sums = packed.product(widened(a), rows: 3)
      let gated = KernelTests.onEveryInstructionSet {
        var out = [Float](repeating: .nan, count: 48)
        packed.withWeight { grd_product_bf16($0, 0, 1, a, 32, 3, GRD_OUTPUT_SWIGLU_F32, &out, 16, nil) }
        return out
      }
      let expected = (0..<48).map { i in
        let g = sums[i / 16 * 32 + i % 16], u = sums[i / 16 * 32 + 16 + i % 16]
        return g / (1 + exponential(-g)) * u
      }
      #expect(largestError(gated, expected) < 1e-5)
      var added = [Float](repeating: 1, count: 96)
      packed.withWeight { grd_product_bf16($0, 0, 1, a, 32, 3, GRD_OUTPUT_ADD, &added, 32, nil) }
      #expect(largestError(added, sums.map { $0 + 1 }) < 1e-5)
    }

    @Test("Normalisation and log-sum-exp agree with Double", arguments: KernelTests.sizes.filter { $0 > 0 })
    func rows(width: Int) {
      let x = uniform(2 * width, seed: 4, scale: 3), weight = uniform(width, seed: 5)
      let out = KernelTests.onEveryInstructionSet {
        var out = [Float](repeating: .nan, count: 2 * width)
        grd_rms_norm(x, width, 2, width, weight, 1e-5, &out, width, nil, 0)
        return out + [Float(grd_log_sum_exp(x, width))]
      }
      var expected: [Double] = []
      for row in 0..<2 {
        let values = x[row * width..<(row + 1) * width].map(Double.init)
        let mean = values.reduce(0) { $0 + $1 * $1 } / Double(width)
        expected += zip(values, weight).map { $0 / (mean + 1e-5).squareRoot() * Double($1) }
      }
      expected.append(logarithm(x[..<width].reduce(0.0) { $0 + exponential(Double($1)) }))
      #expect(largestError(out, expected) < 1e-5)
    }
  }
}

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

private func exponential(_ x: Double) -> Double { exp(x) }
private func logarithm(_ x: Double) -> Double { log(x) }
