import CGradusKernels
import Gradus

extension KernelCase {
  /// MiniLM's sizes: 384 wide, 12 heads, 1536 inside of a layer, blocks of 96 tokens.
  static var encoder: [KernelCase] {
    let shapes: [(name: String, inputs: Int, outputs: Int, gelu: Bool)] = [
      ("queries, keys, values", 384, 1152, false), ("attention output", 384, 384, false), ("up, GELU", 384, 1536, true),
      ("down", 1536, 384, false),
    ]
    let precisions = [(GRD_ENCODER_FP32, "fp32"), (GRD_ENCODER_BF16, "bf16"), (GRD_ENCODER_INT8, "int8")]
    var cases: [KernelCase] = []
    for (precision, name) in precisions {
      for shape in shapes {
        cases.append(product(precision, name, shape.name, inputs: shape.inputs, outputs: shape.outputs, gelu: shape.gelu))
      }
    }
    for (precision, name) in precisions { cases.append(attention(precision, name, tokens: 128)) }
    for (precision, name) in precisions.dropFirst() { cases.append(rounding(precision, name)) }
    return cases + [gelu(short: true), gelu(short: false)]
  }

  private static let rows = 96

  private static func product(
    _ precision: grd_encoder_precision, _ arithmetic: String, _ name: String, inputs: Int, outputs: Int, gelu: Bool
  ) -> KernelCase {
    let element = 4 >> Int(precision.rawValue)
    return KernelCase(
      name: "encoder \(arithmetic) product: \(name)", shape: "\(rows) x \(inputs) x \(outputs)", arithmetic: arithmetic,
      operations: 2 * rows * inputs * outputs, bytes: rows * (inputs * element + outputs * 4) + inputs * outputs * element
    ) {
      let memory = KernelMemory()
      let w = memory.floats(inputs * outputs), bias = memory.floats(outputs)
      let packed = memory.bytes(grd_encoder_packed_bytes(precision, inputs, outputs))
      _ = grd_encoder_pack_linear(precision, w, bias, inputs, outputs, packed)
      let level = grd_encoder_fastest_level()
      let x = memory.floats(rows * inputs), scales = memory.array(Float.self, rows)
      var rounded = UnsafeMutableRawPointer(x)
      if precision != GRD_ENCODER_FP32 {
        rounded = memory.bytes(rows * inputs * grd_encoder_input_bytes(level, precision))
        _ = grd_encoder_round_inputs(level, precision, x, rows, inputs, rounded, scales)
      }
      let out = memory.array(Float.self, rows * outputs)
      return KernelCall(memory) { _ in
        _ = grd_encoder_multiply(level, precision, rounded, inputs, scales, rows, packed, gelu ? 1 : 0, out)
      }
    }
  }

  private static func rounding(_ precision: grd_encoder_precision, _ arithmetic: String) -> KernelCase {
    let width = 384
    return KernelCase(
      name: "encoder rounding to \(arithmetic)", shape: "\(rows) x \(width)", arithmetic: nil, operations: 0,
      bytes: rows * width * (4 + (4 >> Int(precision.rawValue)))
    ) {
      let memory = KernelMemory()
      let level = grd_encoder_fastest_level(), element = grd_encoder_input_bytes(level, precision)
      let x = memory.floats(rows * width), out = memory.bytes(rows * width * element), scales = memory.array(Float.self, rows)
      return KernelCall(memory) { _ in _ = grd_encoder_round_inputs(level, precision, x, rows, width, out, scales) }
    }
  }

  /// The attention of a layer over eight sequences: of a plan's tasks those between the projections and what follows.
  private static func attention(_ precision: grd_encoder_precision, _ arithmetic: String, tokens: Int) -> KernelCase {
    let sequences = 8, hidden = 384, inner = 1536, heads = 12
    let element = precision == GRD_ENCODER_FP32 ? 4 : 2
    return KernelCase(
      name: "encoder \(arithmetic) attention", shape: "\(sequences) x \(heads) heads x \(tokens) tokens x \(hidden / heads)",
      arithmetic: arithmetic, operations: 4 * sequences * tokens * tokens * hidden,
      bytes: 4 * sequences * tokens * hidden * element
    ) {
      let memory = KernelMemory()
      var shape = grd_encoder_shape(
        hidden: hidden, intermediate: inner, heads: heads, layers: 1, epsilon: 1e-12, precision: precision,
        form: GRD_ENCODER_POST_NORM)
      let norm = memory.floats(hidden)
      var weights = grd_encoder_layer_weights(
        qkv: memory.floats(3 * hidden * hidden, scale: 0.1), qkv_bias: memory.floats(3 * hidden),
        output: memory.floats(hidden * hidden, scale: 0.1), output_bias: norm, attention_gamma: norm, attention_beta: norm,
        up: memory.floats(inner * hidden, scale: 0.1), up_bias: memory.floats(inner),
        down: memory.floats(hidden * inner, scale: 0.1), down_bias: norm, output_gamma: norm, output_beta: norm)
      let layer = memory.bytes(grd_encoder_layer_bytes(&shape))
      _ = grd_encoder_pack_layer(&shape, &weights, layer)
      let layers = memory.array(UnsafeRawPointer?.self, 1)
      layers[0] = UnsafeRawPointer(layer)
      let offsets = memory.array(Int32.self, sequences + 1)
      for sequence in 0...sequences { offsets[sequence] = Int32(sequence * tokens) }
      let model = memory.array(grd_encoder_model.self, 1)
      model[0] = grd_encoder_model()
      model[0].shape = shape
      model[0].level = grd_encoder_fastest_level()
      model[0].layers = UnsafePointer(layers)
      let batch = memory.array(grd_encoder_batch.self, 1)
      batch[0] = grd_encoder_batch()
      batch[0].offsets = UnsafePointer(offsets)
      batch[0].sequences = sequences
      batch[0].embedded = UnsafePointer(memory.floats(sequences * tokens * hidden))
      let bytes = grd_encoder_workspace_bytes(model, batch, 1)
      let workspace = memory.bytes(bytes)
      // Blocks of projections, then attention, then as many blocks of the layer's rest; 1024 tokens are blocks of 96.
      let blocks = (sequences * tokens + rows - 1) / rows
      var tasks = 0
      _ = grd_encoder_prepare(model, batch, 1, workspace, bytes, &tasks)
      for task in 0..<blocks { grd_encoder_task(workspace, task) }
      let attention = blocks..<(tasks - blocks)
      return KernelCall(memory) { _ in for task in attention { grd_encoder_task(workspace, task) } }
    }
  }

  /// Operations: the polynomial's fused steps as two each, a division as one.
  private static func gelu(short: Bool) -> KernelCase {
    let count = rows * 1536
    return KernelCase(
      name: short ? "GELU, short" : "GELU", shape: "\(count)", arithmetic: "fp32", operations: count * (short ? 22 : 50),
      bytes: count * 8
    ) {
      let memory = KernelMemory()
      let x = memory.floats(count, scale: 4), y = memory.array(Float.self, count)
      let level = grd_encoder_fastest_level()
      return KernelCall(memory) { _ in
        if short { _ = grd_encoder_gelu(level, x, count, y) } else { grd_gelu_forward(x, count, y) }
      }
    }
  }
}
