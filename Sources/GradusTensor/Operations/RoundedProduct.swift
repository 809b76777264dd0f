import CGradusKernels
import GradusCore

/// One side of a product of two matrices, as it is stored.
enum ProductSide {
  /// `[rows, depth]` on the left.
  case rows(Tensor)
  /// `[depth, width]` on either side.
  case columns(Tensor)
  /// `[width, depth]` on the right.
  case transposed(Tensor)

  var matrix: Tensor {
    switch self {
    case .rows(let matrix), .columns(let matrix), .transposed(let matrix): matrix
    }
  }
}

/// `[rows, depth] x [depth, columns]` with operands rounded to bf16 or fp16, of float32 matrices.
///
/// `finish` gets each block of the result while it is in the cache. A row's bits depend neither on the other rows nor on the
/// threads.
func roundedProduct(
  _ precision: ProductPrecision, _ left: ProductSide, _ right: ProductSide, rows: Int, columns: Int, depth: Int,
  finish: (_ result: Tensor, _ rows: Range<Int>, _ columns: Range<Int>) -> Void = { _, _, _ in }
) -> Tensor {
  let result = Tensor(uninitialized: [rows, columns], type: .float32)
  defer { keepAlive(result) }
  switch precision {
  case .fp32: preconditionFailure("fp32 products are not rounded")
  case .bf16:
    let a = BFloat16Operand(left).widenedWhereFaster(), b = BFloat16Operand(right)
    let product = grd_bf16_product(
      a: a.pairs, a_wide: a.wide, a_is_panels: a.isPanels, b: b.pairs, depth: depth, columns: columns, c: result.f32,
      stride: columns)
    // Blocks of 512 rows and 12 panels: their part of the left side lies in the second-level cache.
    let blockRows = evenRows(rows, most: 512, multiple: Int(GRD_BF16_PANEL))
    forEachBlock(rows: rows, by: blockRows, columns: columns, panel: Int(GRD_BF16_PANEL), by: 12) { block, panels in
      withUnsafePointer(to: product) {
        expectOK(
          grd_bf16_multiply(
            grd_encoder_strongest_level(), $0, block.rows.lowerBound, block.rows.count, panels.lowerBound, panels.count))
      }
      finish(result, block.rows, block.columns)
    }
    withExtendedLifetime((a, b)) {}
  case .fp16:
    let a = HalfOperand(left: left), b = HalfOperand(right: right)
    let product = grd_fp16_product(
      a: a.words, a_is_panels: a.isPanels, a_inverse: a.inverse, b: b.halves, b_inverse: b.inverse, depth: depth,
      columns: columns, c: result.f32, stride: columns)
    let blockRows = evenRows(rows, most: 264, multiple: Int(GRD_FP16_ROWS))
    forEachBlock(rows: rows, by: blockRows, columns: columns, panel: Int(GRD_FP16_PANEL), by: 6) { block, panels in
      withUnsafePointer(to: product) {
        expectOK(
          grd_fp16_multiply(
            grd_fp16_strongest_level(), $0, block.rows.lowerBound, block.rows.count, panels.lowerBound, panels.count))
      }
      finish(result, block.rows, block.columns)
    }
    withExtendedLifetime((a, b)) {}
  }
  return result
}

/// Cuts a result into blocks of rows and whole panels.
private func forEachBlock(
  rows: Int, by blockRows: Int, columns: Int, panel: Int, by blockPanels: Int,
  _ body: ((rows: Range<Int>, columns: Range<Int>), _ panels: Range<Int>) -> Void
) {
  let blockColumns = blockPanels * panel
  let across = (columns + blockColumns - 1) / blockColumns
  WorkerPool.shared.forEach(count: across * ((rows + blockRows - 1) / blockRows)) { block in
    let (top, left) = (block / across * blockRows, block % across * blockColumns)
    let columnRange = left..<min(columns, left + blockColumns)
    body(
      (top..<min(rows, top + blockRows), columnRange), left / panel..<(left + columnRange.count + panel - 1) / panel)
  }
}

/// A matrix rounded to bf16 and packed for products.
private struct BFloat16Operand {
  private var storage: Storage
  let isPanels: Bool
  private var isWide = false

  private var base: UnsafeMutablePointer<UInt16> { storage.base.assumingMemoryBound(to: UInt16.self) }
  var pairs: UnsafePointer<UInt16>? { isWide ? nil : UnsafePointer(base) }
  /// The numbers as floats, of a left side.
  var wide: UnsafePointer<Float>? { isWide ? UnsafePointer(storage.base.assumingMemoryBound(to: Float.self)) : nil }

  func widenedWhereFaster() -> BFloat16Operand {
    guard grd_bf16_is_fast() == 0 else { return self }
    var result = self
    let numbers = storage.byteCount / 2
    result.storage = Storage(byteCount: 4 * numbers)
    result.isWide = true
    let pairs = base, floats = result.storage.base.assumingMemoryBound(to: Float.self)
    profiled(.packing) {
      WorkerPool.shared.forEachRange(count: numbers / 2, grain: elementGrain) { range in
        expectOK(
          grd_bf16_widen(
            grd_encoder_strongest_level(), pairs + 2 * range.lowerBound, range.count, floats + 2 * range.lowerBound))
      }
    }
    return result
  }

  init(_ side: ProductSide) {
    switch side {
    case .rows(let matrix): self.init(rowsOf: matrix)
    case .columns(let matrix): self.init(panelsOf: matrix, isTransposed: false)
    case .transposed(let matrix): self.init(panelsOf: matrix, isTransposed: true)
    }
  }

  private init(rowsOf matrix: Tensor) {
    let (rows, depth) = (matrix.shape[0], matrix.shape[1])
    storage = Storage(byteCount: rows * grd_bf16_depth(depth) * 2)
    isPanels = false
    let target = base
    profiled(.packing) {
      WorkerPool.shared.forEachRange(count: rows, grain: 64) { range in
        expectOK(
          grd_bf16_pack_rows(
            grd_encoder_strongest_level(), matrix.f32 + range.lowerBound * depth, depth, range.count, depth,
            target + range.lowerBound * grd_bf16_depth(depth)))
      }
    }
    keepAlive(matrix)
  }

  private init(panelsOf matrix: Tensor, isTransposed: Bool) {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    let (depth, width) = isTransposed ? (columns, rows) : (rows, columns)
    let panels = (width + Int(GRD_BF16_PANEL) - 1) / Int(GRD_BF16_PANEL)
    storage = Storage(byteCount: panels * Int(GRD_BF16_PANEL) * grd_bf16_depth(depth) * 2)
    isPanels = true
    let target = base
    profiled(.packing) {
      WorkerPool.shared.forEach(count: panels) { panel in
        expectOK(
          grd_bf16_pack_panels(
            grd_encoder_strongest_level(), matrix.f32, columns, isTransposed, depth, width, panel, 1, target))
      }
    }
    keepAlive(matrix)
  }
}

/// A matrix scaled, rounded to half precision and packed for products; the inverse scales follow the numbers.
private struct HalfOperand {
  private let storage: Storage
  let isPanels: Bool
  private let packedBytes: Int

  var words: UnsafeMutablePointer<UInt32> { storage.base.assumingMemoryBound(to: UInt32.self) }
  var halves: UnsafeMutablePointer<UInt16> { storage.base.assumingMemoryBound(to: UInt16.self) }
  var inverse: UnsafeMutablePointer<Float> { (storage.base + packedBytes).assumingMemoryBound(to: Float.self) }

  init(left side: ProductSide) {
    let matrix = side.matrix
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    if case .rows = side {
      let depth = grd_fp16_depth(columns)
      self.init(packedBytes: rows * depth * 4, scales: rows, isPanels: false)
      let (target, inverse) = (words, inverse)
      profiled(.packing) {
        WorkerPool.shared.forEachRange(count: rows, grain: 64) { range in
          let first = range.lowerBound
          expectOK(
            grd_fp16_pack_rows(
              grd_fp16_strongest_level(), matrix.f32 + first * columns, columns, range.count, columns,
              target + first * depth, inverse + first))
        }
      }
    } else {
      let height = Int(GRD_FP16_ROWS), panels = (columns + height - 1) / height
      self.init(packedBytes: panels * height * grd_fp16_depth(rows) * 4, scales: panels * height, isPanels: true)
      let (target, inverse) = (words, inverse)
      profiled(.packing) {
        WorkerPool.shared.forEachRange(count: panels, grain: Int(GRD_FP16_GROUP)) { range in
          expectOK(
            grd_fp16_pack_row_panels(
              grd_fp16_strongest_level(), matrix.f32, columns, rows, columns, range.lowerBound, range.count, target, inverse))
        }
      }
    }
    keepAlive(matrix)
  }

  init(right side: ProductSide) {
    let matrix = side.matrix
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    var isTransposed = false
    if case .transposed = side { isTransposed = true }
    let (depth, width) = isTransposed ? (columns, rows) : (rows, columns)
    let panel = Int(GRD_FP16_PANEL), panels = (width + panel - 1) / panel
    self.init(packedBytes: panels * panel * grd_fp16_depth(depth) * 2, scales: panels, isPanels: true)
    let (target, inverse) = (halves, inverse)
    profiled(.packing) {
      WorkerPool.shared.forEach(count: panels) { number in
        expectOK(
          grd_fp16_pack_panels(
            grd_fp16_strongest_level(), matrix.f32, columns, isTransposed, depth, width, number, 1, target, inverse))
      }
    }
    keepAlive(matrix)
  }

  private init(packedBytes: Int, scales: Int, isPanels: Bool) {
    self.packedBytes = packedBytes
    self.isPanels = isPanels
    storage = Storage(byteCount: packedBytes + scales * 4)
  }
}

private func expectOK(_ status: grd_status) {
  guard status == GRD_OK else { preconditionFailure("a product's kernel refused its operands: status \(status.rawValue)") }
}
