import CGradusKernels
import Foundation
import Testing

extension KernelTests {
  @Suite("Encoder kernels")
  struct EncoderKernelTests {
    static let levels = [
      GRD_ENCODER_PORTABLE, GRD_ENCODER_AVX2, GRD_ENCODER_AVX512, GRD_ENCODER_AVX512_VNNI, GRD_ENCODER_AVX512_BF16,
    ].filter { $0.rawValue <= grd_encoder_strongest_level().rawValue }
    static let precisions = [GRD_ENCODER_FP32, GRD_ENCODER_BF16, GRD_ENCODER_INT8]

    /// On every level; expects one set of bits.
    private func onEveryLevel(_ count: Int, _ body: (grd_encoder_level, inout [Float]) -> grd_status) -> [Float] {
      let results = Self.levels.map { level in
        var output = [Float](repeating: .nan, count: count)
        #expect(body(level, &output) == GRD_OK)
        return output
      }
      for other in results.dropFirst() { #expect(sameBits(results[0], other), "a level differs from the portable twin") }
      return results[0]
    }

    private func linear(
      _ level: grd_encoder_level, _ precision: grd_encoder_precision, _ x: [Float], _ rows: Int, _ inputs: Int, _ w: [Float],
      _ bias: [Float], _ gelu: Bool, _ out: inout [Float]
    ) -> grd_status {
      let bytes = grd_encoder_linear_bytes(precision, rows, inputs, bias.count)
      let scratch = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
      defer { scratch.deallocate() }
      return grd_encoder_linear(level, precision, x, rows, inputs, w, bias, bias.count, gelu ? 1 : 0, &out, scratch)
    }

    @Test(
      "Projections: every level has the twin's bits, on odd sizes, within the precision's error",
      arguments: [(1, 1, 1), (2, 3, 5), (7, 17, 33), (13, 31, 31), (25, 100, 65), (96, 384, 96), (11, 64, 32)], [false, true])
    func projections(sizes: (Int, Int, Int), gelu: Bool) {
      let (rows, inputs, outputs) = sizes
      let x = uniform(rows * inputs, seed: 1, scale: 2), w = uniform(outputs * inputs, seed: 2), bias = uniform(outputs, seed: 3)
      let expected: [Double] = (0..<rows * outputs).map { at in
        let (row, output) = (at / outputs, at % outputs)
        let sum = (0..<inputs).reduce(Double(bias[output])) {
          $0 + Double(x[row * inputs + $1]) * Double(w[output * inputs + $1])
        }
        return gelu ? 0.5 * sum * erfc(-sum / 2.0.squareRoot()) : sum
      }
      let size = Double(inputs).squareRoot()
      for (precision, tolerance) in zip(Self.precisions, [2e-6 * size, 1.2e-2 * size, 2e-2 * size]) {
        let found = onEveryLevel(rows * outputs) { linear($0, precision, x, rows, inputs, w, bias, gelu, &$1) }
        #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) <= tolerance }, "precision \(precision.rawValue)")
      }
    }

    @Test("A row's bits do not depend on the rows beside it", arguments: precisions)
    func rowsAreAlone(precision: grd_encoder_precision) {
      let rows = 29, inputs = 51, outputs = 40
      let x = uniform(rows * inputs, seed: 4), w = uniform(outputs * inputs, seed: 5), bias = uniform(outputs, seed: 6)
      for level in Self.levels {
        var together = [Float](repeating: 0, count: rows * outputs)
        #expect(linear(level, precision, x, rows, inputs, w, bias, true, &together) == GRD_OK)
        for row in 0..<rows {
          var alone = [Float](repeating: 0, count: outputs)
          let own = Array(x[row * inputs..<(row + 1) * inputs])
          #expect(linear(level, precision, own, 1, inputs, w, bias, true, &alone) == GRD_OK)
          #expect(sameBits(alone, Array(together[row * outputs..<(row + 1) * outputs])))
        }
      }
    }

    @Test("An outlier in one row coarsens that row alone; extreme weights are exact in int8")
    func outliers() {
      let inputs = 128, outputs = 32
      var x = uniform(2 * inputs, seed: 7)
      x[3] = 1000
      let w = [Float](repeating: 1, count: inputs * outputs), bias = [Float](repeating: 0, count: outputs)
      let found = onEveryLevel(2 * outputs) { linear($0, GRD_ENCODER_INT8, x, 2, inputs, w, bias, false, &$1) }
      let second = x[inputs...].reduce(0, +)
      #expect(abs(found[outputs] - second) < 0.05)
      // 127 * 127 * 128 in pairs would overflow sixteen bits.
      let ones = [Float](repeating: -1, count: inputs)
      let extreme = onEveryLevel(outputs) { linear($0, GRD_ENCODER_INT8, ones, 1, inputs, w, bias, false, &$1) }
      #expect(extreme.allSatisfy { abs($0 + Float(inputs)) < 1e-3 })
    }

    /// A dense sample of all floats that `isWanted`.
    private func allFloats(where isWanted: (Float) -> Bool) -> [Float] {
      stride(from: UInt32(0), to: .max - 4093, by: 4093).map { Float(bitPattern: $0) }.filter { $0.isFinite && isWanted($0) }
    }

    @Test("The short GELU keeps its bound over all floats")
    func gelu() {
      let end = Float(4.5)
      let dense = Array(stride(from: Float(-6), through: 6, by: 0.0037))
      let x = allFloats { _ in true } + dense + [end, -end, end.nextUp, -end.nextUp]
      let found = onEveryLevel(x.count) { grd_encoder_gelu($0, x, x.count, &$1) }
      for (value, y) in zip(x, found) {
        let exact = 0.5 * Double(value) * erfc(-Double(value) / 2.0.squareRoot())
        #expect(abs(Double(y) - exact) <= 5e-5 + 3e-7 * abs(Double(value)), "x \(value)")
      }
    }

    @Test("Powers of two keep their bounds", arguments: [(GRD_ENCODER_FP32, 2e-7), (GRD_ENCODER_BF16, 3e-6)])
    func powers(precision: grd_encoder_precision, bound: Double) {
      let dense = Array(stride(from: Float(-125.9), through: 0, by: 0.0031))
      let x = allFloats { $0 <= 0 && $0 >= -126 } + dense + [-0.5, -1.5, -126]
      let found = onEveryLevel(x.count) { grd_encoder_exp2($0, precision, x, x.count, &$1) }
      for (value, y) in zip(x, found) { #expect(abs(Double(y) / exp2(Double(value)) - 1) <= bound, "x \(value)") }
      let far = onEveryLevel(3) { grd_encoder_exp2($0, precision, [-3e38, -.infinity, -126.5], 3, &$1) }
      #expect(far.allSatisfy { abs($0 / 0x1p-126 - 1) <= Float(bound) })
      let results = Self.levels.map { level in
        var out: [Float] = [0]
        _ = grd_encoder_exp2(level, precision, [.infinity - .infinity], 1, &out)
        return out[0]
      }
      #expect(results.allSatisfy { $0.isNaN })
    }

    @Test("254ths of powers of two keep their bound; what lies far below rounds to none")
    func shares() {
      let dense = Array(stride(from: Float(-30), through: 0, by: 0.0007))
      let x = allFloats { $0 <= 0 && $0 >= -30 } + dense + [0, -0.5, -1.5, -30]
      let found = onEveryLevel(x.count) { grd_encoder_exp2($0, GRD_ENCODER_INT8, x, x.count, &$1) }
      for (value, y) in zip(x, found) { #expect(abs(Double(y) / exp2(Double(value)) / 254 - 1) <= 7.6e-5, "x \(value)") }
      let far = onEveryLevel(3) { grd_encoder_exp2($0, GRD_ENCODER_INT8, [-3e38, -.infinity, -30.5], 3, &$1) }
      #expect(far.allSatisfy { $0 > 0 && $0 < 1e-6 })
    }

    @Test(
      "A short batch is cut into equal blocks, as many for each lane; a long one into blocks of 96 tokens",
      arguments: [
        (0, 2, 0), (1, 2, 1), (24, 2, 2), (25, 2, 2), (128, 2, 2), (128, 1, 2), (128, 8, 8), (192, 2, 2), (200, 2, 4),
        (384, 2, 4), (385, 2, 5), (960, 3, 10),
      ])
    func blocks(tokens: Int, lanes: Int, expected: Int) {
      var model = grd_encoder_model()
      model.shape = grd_encoder_shape(
        hidden: 32, intermediate: 32, heads: 1, layers: 0, epsilon: 1e-6, precision: GRD_ENCODER_INT8,
        form: GRD_ENCODER_POST_NORM)
      let offsets = [0, Int32(tokens)]
      let embedded = [Float](repeating: 1, count: tokens * 32 + 1)
      offsets.withUnsafeBufferPointer { offsets in
        embedded.withUnsafeBufferPointer { embedded in
          var batch = grd_encoder_batch()
          batch.offsets = offsets.baseAddress
          batch.sequences = 1
          batch.embedded = embedded.baseAddress
          let bytes = grd_encoder_workspace_bytes(&model, &batch, lanes)
          let workspace = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
          defer { workspace.deallocate() }
          var tasks = -1
          #expect(grd_encoder_prepare(&model, &batch, lanes, workspace, bytes, &tasks) == GRD_OK)
          // Without layers, a task is a block.
          #expect(tasks == expected)
          for task in 0..<tasks { grd_encoder_task(workspace, task) }
          var stride = 0
          let states = grd_encoder_hidden(workspace, &stride)
          #expect((0..<tokens).allSatisfy { states?[$0 * stride] == 1 && states?[$0 * stride + 31] == 1 })
        }
      }
    }

    @Test("A level that the processor lacks, and a matrix of nothing, are refused")
    func refusals() {
      var out: [Float] = [0]
      #expect(grd_encoder_gelu(grd_encoder_level(rawValue: 9), [0], 1, &out) == GRD_UNSUPPORTED)
      #expect(linear(GRD_ENCODER_PORTABLE, GRD_ENCODER_FP32, [], 0, 0, [], [0], false, &out) == GRD_INVALID_ARGUMENT)
    }
  }
}
