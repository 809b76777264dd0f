import CGradusKernels
import CGradusOneDNN
import GradusCore

/// One operand of a matrix product: where it starts, and how long its stored rows are.
struct MatrixOperand {
  var offset = 0
  let leading: Int
  let isTransposed: Bool
}

/// Rows of the pieces that `count` rows are cut into: at most `most` each, all but the last of one size, a multiple of
/// `multiple`, and an even number of them, so that two threads have the same to do.
func evenRows(_ count: Int, most: Int, multiple: Int) -> Int {
  let pieces = (count + most - 1) / most
  let even = pieces > 1 ? pieces + pieces % 2 : 1
  return Swift.max(1, Swift.min(count, ((count + even - 1) / even + multiple - 1) / multiple * multiple))
}

/// How the output of an `m x n x k` product is cut into tiles; a function of sizes alone.
///
/// Tiles of about 256 rows and 400 columns keep what oneDNN packs per call small beside the work. Columns are cut by `n`
/// and `k` only, so a row's bits do not depend on how many other rows there are.
struct ProductPieces {
  let rows: Int
  let columns: Int
  let count: Int
  private let across: Int

  init(m: Int, n: Int, k: Int) {
    guard m > 0, n > 0 else {
      (rows, columns, across, count) = (0, 0, 0, 0)
      return
    }
    across = (n + 511) / 512
    columns = Swift.min(n, ((n + across - 1) / across + 15) / 16 * 16)
    rows = evenRows(m, most: Swift.max(256, 50_000_000 / (2 * columns * Swift.max(1, k))), multiple: 16)
    count = across * ((m + rows - 1) / rows)
  }

  func piece(_ index: Int, m: Int, n: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let top = index / across * rows
    let left = index % across * columns
    return (top..<Swift.min(m, top + rows), left..<Swift.min(n, left + columns))
  }
}

/// `c = op(a) op(b) + beta c` for one block of the output.
func multiplyBlock(
  _ a: Tensor, _ left: MatrixOperand, _ b: Tensor, _ right: MatrixOperand, into c: Tensor, offset: Int,
  rows: Range<Int>, columns: Range<Int>, n: Int, k: Int, beta: Double
) {
  guard !rows.isEmpty, !columns.isEmpty else { return }
  let first = left.offset + (left.isTransposed ? rows.lowerBound : rows.lowerBound * left.leading)
  let second = right.offset + (right.isTransposed ? columns.lowerBound * right.leading : columns.lowerBound)
  let target = offset + rows.lowerBound * n + columns.lowerBound
  if a.isDouble {
    let (transA, transB): (Int32, Int32) = (left.isTransposed ? 1 : 0, right.isTransposed ? 1 : 0)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: Swift.max(1, k * 32)) { scratch in
      grd_tensor_gemm_f64(transA, transB, rows.count, columns.count, k, 1, a.f64 + first, left.leading, b.f64 + second,
        right.leading, beta, c.f64 + target, n, scratch.baseAddress)
    }
  } else {
    let status = grd_sgemm(
      left.isTransposed, right.isTransposed, rows.count, columns.count, k, 1, a.f32 + first, left.leading, b.f32 + second,
      right.leading, Float(beta), c.f32 + target, n)
    guard status == GRD_GEMM_OK else {
      preconditionFailure("oneDNN refused a product of \(a.shape) and \(b.shape): status \(status.rawValue)")
    }
  }
}

/// Matrix product of the last two axes; leading axes are batch axes and broadcast.
///
/// `[.., m, k] x [.., k, n] -> [.., m, n]`. A transpose flag reads its operand as if its last two axes were exchanged,
/// without a copy. Leading axes of `a` fold into its rows where `b` has rank 2 and `a` is not transposed.
///
///     let scores = matmul(queries, keys, transposeB: true)   // [q, d] x [k, d] -> [q, k]
public func matmul(_ a: Tensor, _ b: Tensor, transposeA: Bool = false, transposeB: Bool = false) -> Tensor {
  a.requireFloatingPoint("matmul")
  a.requireSameType(b, "matmul")
  guard a.rank >= 2, b.rank >= 2 else { preconditionFailure("matmul needs rank 2 or more: \(a.shape) and \(b.shape)") }
  if b.rank == 2 && a.rank > 2 && !transposeA {
    let folded = a.reshaped(to: [-1, a.shape[a.rank - 1]])
    let product = matmul(folded, b, transposeB: transposeB)
    return product.reshaped(to: Array(a.shape.dropLast()) + [product.shape[1]])
  }
  let batchA = Array(a.shape.dropLast(2)), batchB = Array(b.shape.dropLast(2))
  if batchA != batchB {
    let batch = BroadcastPlan(batchA, batchB, operation: "matmul").shape
    return matmul(
      a.expanded(to: batch + a.shape.suffix(2)), b.expanded(to: batch + b.shape.suffix(2)), transposeA: transposeA,
      transposeB: transposeB)
  }
  let result = product(a, b, batchA, transposeA, transposeB)
  return result.recorded("matmul", [a, b]) { context in
    let g = context.upstream
    // d op(a) = g op(b)^T and d op(b) = op(a)^T g; for a transposed operand the product is taken the other way round.
    let da = !context.needs[0] ? nil
      : transposeA
        ? matmul(b, g, transposeA: transposeB, transposeB: true) : matmul(g, b, transposeB: !transposeB)
    let db = !context.needs[1] ? nil
      : transposeB
        ? matmul(g, a, transposeA: true, transposeB: transposeA) : matmul(a, g, transposeA: !transposeA)
    return [da, db]
  }
}

private func product(_ a: Tensor, _ b: Tensor, _ batch: [Int], _ transposeA: Bool, _ transposeB: Bool) -> Tensor {
  let (rowsA, columnsA) = (a.shape[a.rank - 2], a.shape[a.rank - 1])
  let (rowsB, columnsB) = (b.shape[b.rank - 2], b.shape[b.rank - 1])
  let (m, k) = transposeA ? (columnsA, rowsA) : (rowsA, columnsA)
  let (inner, n) = transposeB ? (columnsB, rowsB) : (rowsB, columnsB)
  guard k == inner else {
    preconditionFailure(
      "matmul: inner extents differ: \(a.shape)\(transposeA ? " transposed" : "") and "
        + "\(b.shape)\(transposeB ? " transposed" : "")")
  }
  let result = Tensor(uninitialized: batch + [m, n], type: a.type)
  guard k > 0 else {
    result.clear()
    return result
  }
  guard result.count > 0 else { return result }
  defer { keepAlive(a, b, result) }
  let pieces = ProductPieces(m: m, n: n, k: k)
  let matrices = batch.product
  // Small matrices of a batch go in groups, so that a piece is worth handing out.
  let group = pieces.count > 1 ? 1 : Swift.max(1, 2_000_000 / (2 * m * n * k + 1))
  if group > 1 {
    WorkerPool.shared.forEachRange(count: matrices, grain: group) { range in
      for matrix in range { multiply(matrix, 0..<m, 0..<n) }
    }
  } else {
    WorkerPool.shared.forEach(count: matrices * pieces.count) { index in
      let block = pieces.piece(index % pieces.count, m: m, n: n)
      multiply(index / pieces.count, block.rows, block.columns)
    }
  }
  return result

  func multiply(_ matrix: Int, _ rows: Range<Int>, _ columns: Range<Int>) {
    multiplyBlock(
      a, MatrixOperand(offset: matrix * m * k, leading: columnsA, isTransposed: transposeA),
      b, MatrixOperand(offset: matrix * k * n, leading: columnsB, isTransposed: transposeB),
      into: result, offset: matrix * m * n, rows: rows, columns: columns, n: n, k: k, beta: 0)
  }
}
