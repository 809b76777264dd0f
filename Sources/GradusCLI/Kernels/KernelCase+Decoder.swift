import CGradusKernels

extension KernelCase {
  /// One token against matrices that no cache next to the processor holds, and the prompt's products at SmolLM2's sizes.
  static var decoder: [KernelCase] {
    let formats = [(GRD_WEIGHT_BF16, "bf16"), (GRD_WEIGHT_Q8, "Q8_0"), (GRD_WEIGHT_Q4M, "Q4_1")]
    return formats.map { token($0, $1) } + formats.map { prompt($0, $1) }
  }

  private static func weight(
    _ format: grd_weight_format, _ memory: KernelMemory, inputs: Int, outputs: Int
  ) -> UnsafeMutablePointer<grd_weight> {
    let panel = grd_weight_panel_bytes(format, inputs)
    let data = memory.bytes(panel * outputs / 32)
    // Four-bit weights take any bits; zeros run as fast as others.
    if format == GRD_WEIGHT_BF16 || format == GRD_WEIGHT_Q8 {
      let row = memory.floats(inputs)
      for output in 0..<outputs {
        let start = data + output / 32 * panel
        if format == GRD_WEIGHT_BF16 {
          grd_pack_row_bf16(start, output % 32, row, inputs, inputs)
        } else {
          grd_pack_row_q8(start, output % 32, row, inputs, inputs)
        }
      }
    }
    let weight = memory.array(grd_weight.self, 1)
    weight[0] = grd_weight(format: format, outputs: outputs, inputs: inputs, data: UnsafeRawPointer(data), bias: nil)
    return weight
  }

  private static func token(_ format: grd_weight_format, _ name: String) -> KernelCase {
    let inputs = 2048, outputs = 8192
    let bytes = grd_weight_panel_bytes(format, inputs) * outputs / 32
    return KernelCase(
      name: "decoder \(name) product of a token", shape: "1 x \(inputs) x \(outputs)",
      arithmetic: format == GRD_WEIGHT_BF16 ? "bf16" : "int8", operations: 2 * inputs * outputs, bytes: bytes
    ) {
      let memory = KernelMemory()
      let weight = weight(format, memory, inputs: inputs, outputs: outputs)
      let x = memory.floats(inputs), out = memory.array(Float.self, outputs)
      let rounded = memory.array(UInt16.self, inputs), scratch = memory.array(UInt16.self, 32 * inputs)
      let q = memory.array(Int8.self, inputs), scales = memory.array(Float.self, inputs / 32)
      let sums = memory.array(Int32.self, inputs / 32)
      grd_round_bf16(x, inputs, rounded)
      grd_quantize_rows(x, inputs, 1, inputs, q, scales, sums)
      return KernelCall(memory) { _ in
        if format == GRD_WEIGHT_BF16 {
          grd_product_bf16(weight, 0, outputs / 32, rounded, inputs, 1, GRD_OUTPUT_STORE, out, outputs, scratch)
        } else {
          _ = grd_product_int8(weight, 0, outputs / 32, q, scales, sums, 1, GRD_OUTPUT_STORE, out, outputs)
        }
      }
    }
  }

  private static func prompt(_ format: grd_weight_format, _ name: String) -> KernelCase {
    let rows = 96, inputs = 576, outputs = 1536
    return KernelCase(
      name: "decoder \(name) product of a prompt", shape: "\(rows) x \(inputs) x \(outputs)", arithmetic: "bf16",
      operations: 2 * rows * inputs * outputs,
      bytes: grd_weight_panel_bytes(format, inputs) * outputs / 32 + rows * (2 * inputs + 4 * outputs)
    ) {
      let memory = KernelMemory()
      let weight = weight(format, memory, inputs: inputs, outputs: outputs)
      let x = memory.floats(rows * inputs), out = memory.array(Float.self, rows * outputs)
      let rounded = memory.array(UInt16.self, rows * inputs), scratch = memory.array(UInt16.self, 32 * inputs)
      grd_round_bf16(x, rows * inputs, rounded)
      return KernelCall(memory) { _ in
        grd_product_bf16(weight, 0, outputs / 32, rounded, inputs, rows, GRD_OUTPUT_STORE, out, outputs, scratch)
      }
    }
  }
}
