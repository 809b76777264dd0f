import CGradusKernels
import CGradusOneDNN

extension KernelCase {
  /// The three products of a layer from 384 to 1536 over 512 tokens: forward, to its inputs and to its weights; and the layer
  /// norm of a residual sum.
  static var training: [KernelCase] {
    let tokens = 512, inputs = 384, outputs = 1536
    let products: [(name: String, m: Int, n: Int, k: Int, transposesA: Bool, transposesB: Bool)] = [
      ("forward", tokens, outputs, inputs, false, true), ("to inputs", tokens, inputs, outputs, false, false),
      ("to weights", outputs, inputs, tokens, true, false),
    ]
    return products.map { fp32($0.name, m: $0.m, n: $0.n, k: $0.k, $0.transposesA, $0.transposesB) }
      + products.map { bf16($0.name, m: $0.m, n: $0.n, k: $0.k) } + [layerNormForward, layerNormBackward]
  }

  /// Rows that one thread takes at a time.
  private static let rows = 128
  private static let width = 384

  /// Reads two summands, writes their sum and its norm.
  private static var layerNormForward: KernelCase {
    KernelCase(
      name: "training layer norm: forward", shape: "\(rows) x \(width)", arithmetic: nil, operations: 0,
      bytes: 16 * rows * width
    ) {
      let memory = KernelMemory()
      let x = memory.floats(rows * width), residual = memory.floats(rows * width)
      let gain = memory.floats(width), bias = memory.floats(width)
      let sum = memory.array(Float.self, rows * width), y = memory.array(Float.self, rows * width)
      let mean = memory.array(Float.self, rows), scale = memory.array(Float.self, rows)
      return KernelCall(memory) { _ in
        grd_tensor_layer_norm_f32(x, residual, gain, bias, sum, y, mean, scale, rows, width, 1e-5, nil)
      }
    }
  }

  /// Reads the sum and the gradient of its norm, writes that of the sum.
  private static var layerNormBackward: KernelCase {
    KernelCase(
      name: "training layer norm: backward", shape: "\(rows) x \(width)", arithmetic: nil, operations: 0,
      bytes: 12 * rows * width
    ) {
      let memory = KernelMemory()
      let x = memory.floats(rows * width), upstream = memory.floats(rows * width), gain = memory.floats(width)
      let mean = memory.array(Float.self, rows), scale = memory.array(Float.self, rows)
      for row in 0..<rows { scale[row] = 1 }
      let dx = memory.array(Float.self, rows * width)
      let dgain = memory.array(Float.self, width), dbias = memory.array(Float.self, width)
      return KernelCall(memory) { _ in
        grd_tensor_layer_norm_gradient_f32(x, mean, scale, gain, upstream, dx, dgain, dbias, rows, width, nil, nil)
      }
    }
  }

  private static func fp32(_ name: String, m: Int, n: Int, k: Int, _ transposesA: Bool, _ transposesB: Bool) -> KernelCase {
    KernelCase(
      name: "training fp32 product: \(name)", shape: "\(m) x \(k) x \(n)", arithmetic: "fp32", operations: 2 * m * n * k,
      bytes: 4 * (m * k + k * n + m * n)
    ) {
      let memory = KernelMemory()
      let a = memory.floats(m * k), b = memory.floats(k * n), c = memory.array(Float.self, m * n)
      return KernelCall(memory) { _ in
        _ = grd_sgemm(transposesA, transposesB, m, n, k, 1, a, transposesA ? m : k, b, transposesB ? k : n, 0, c, n)
      }
    }
  }

  /// With the rounding of both operands, which training does for each product.
  private static func bf16(_ name: String, m: Int, n: Int, k: Int) -> KernelCase {
    KernelCase(
      name: "training bf16 product: \(name)", shape: "\(m) x \(k) x \(n)", arithmetic: "bf16", operations: 2 * m * n * k,
      bytes: 4 * (m * k + k * n + m * n)
    ) {
      let memory = KernelMemory()
      let level = grd_encoder_fastest_level(), depth = grd_bf16_depth(k), panels = (n + 31) / 32
      let a = memory.floats(m * k), b = memory.floats(k * n), c = memory.array(Float.self, m * n)
      let left = memory.array(UInt16.self, m * depth), right = memory.array(UInt16.self, panels * 32 * depth)
      let product = memory.array(grd_bf16_product.self, 1)
      product[0] = grd_bf16_product(
        a: UnsafePointer(left), a_wide: nil, a_is_panels: false, b: UnsafePointer(right), depth: k, columns: n, c: c,
        stride: n)
      return KernelCall(memory) { _ in
        _ = grd_bf16_pack_rows(level, a, k, m, k, left)
        _ = grd_bf16_pack_panels(level, b, n, false, k, n, 0, panels, right)
        _ = grd_bf16_multiply(level, product, 0, m, 0, panels)
      }
    }
  }
}
