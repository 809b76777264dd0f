import CGradusKernels
import GradusCore

/// How a linear layer's products are computed in training.
public enum ProductPrecision: String, Sendable, Codable, CaseIterable {
  /// Single precision throughout.
  case fp32
  /// Operands rounded to bf16, sums in fp32; weights, their gradients and the optimizer's state stay fp32. About twice the
  /// rate where the processor multiplies bf16 (AVX-512 BF16), slower where it does not.
  case bf16
}

/// A matrix rounded to bf16 and packed for products.
struct BFloat16Operand {
  let storage: Storage
  let isPanels: Bool

  var base: UnsafeMutablePointer<UInt16> { storage.base.assumingMemoryBound(to: UInt16.self) }

  /// Rows of `matrix`: the left side of a product over its second axis.
  init(rowsOf matrix: Tensor) {
    let (rows, depth) = (matrix.shape[0], matrix.shape[1])
    storage = Storage(byteCount: rows * grd_bf16_depth(depth) * 2)
    isPanels = false
    let target = base
    WorkerPool.shared.forEachRange(count: rows, grain: 64) { range in
      expectOK(
        grd_bf16_pack_rows(
          grd_encoder_fastest_level(), matrix.f32 + range.lowerBound * depth, depth, range.count, depth,
          target + range.lowerBound * grd_bf16_depth(depth)))
    }
    keepAlive(matrix)
  }

  /// Panels over the first axis of `matrix`, or over its second where transposed: either side of a product over that axis.
  init(panelsOf matrix: Tensor, isTransposed: Bool = false) {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    let (depth, width) = isTransposed ? (columns, rows) : (rows, columns)
    let panels = (width + Int(GRD_BF16_PANEL) - 1) / Int(GRD_BF16_PANEL)
    storage = Storage(byteCount: panels * Int(GRD_BF16_PANEL) * grd_bf16_depth(depth) * 2)
    isPanels = true
    let target = base
    WorkerPool.shared.forEach(count: panels) { panel in
      expectOK(
        grd_bf16_pack_panels(
          grd_encoder_fastest_level(), matrix.f32, columns, isTransposed, depth, width, panel, 1, target))
    }
    keepAlive(matrix)
  }
}

/// `[rows, depth] x [depth, columns]` of packed operands; `b` is in panels. `finish` gets each block of the result while it is
/// in the cache. A row's bits depend neither on the other rows nor on the threads.
func bfloat16Product(
  _ a: BFloat16Operand, _ b: BFloat16Operand, rows: Int, columns: Int, depth: Int,
  finish: (_ result: Tensor, _ rows: Range<Int>, _ columns: Range<Int>) -> Void = { _, _, _ in }
) -> Tensor {
  let result = Tensor(uninitialized: [rows, columns], type: .float32)
  let panel = Int(GRD_BF16_PANEL)
  // Blocks of 12 panels and 512 rows: their part of the left side lies in the second-level cache.
  let (blockRows, blockColumns) = (512, 12 * panel)
  let across = (columns + blockColumns - 1) / blockColumns
  let product = grd_bf16_product(
    a: a.base, a_is_panels: a.isPanels, b: b.base, depth: depth, columns: columns, c: result.f32, stride: columns)
  WorkerPool.shared.forEach(count: across * ((rows + blockRows - 1) / blockRows)) { block in
    let (top, left) = (block / across * blockRows, block % across * blockColumns)
    let (rowRange, columnRange) = (top..<min(rows, top + blockRows), left..<min(columns, left + blockColumns))
    withUnsafePointer(to: product) {
      expectOK(
        grd_bf16_multiply(
          grd_encoder_fastest_level(), $0, top, rowRange.count, left / panel, (columnRange.count + panel - 1) / panel))
    }
    finish(result, rowRange, columnRange)
  }
  withExtendedLifetime((a.storage, b.storage)) { keepAlive(result) }
  return result
}

private func expectOK(_ status: grd_status) {
  guard status == GRD_OK else { preconditionFailure("a bf16 kernel refused its operands: status \(status.rawValue)") }
}
