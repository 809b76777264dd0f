extension Matrix {
  /// Solves `A x = b` for a symmetric positive definite A, by Cholesky's decomposition without pivoting.
  ///
  ///     let x = try Matrix([[4, 2], [2, 3]]).solve(symmetricPositive: [8, 7])   // [1.25, 1.5]
  ///
  /// - Throws: ``LinearAlgebraError/notPositiveDefinite(column:)``.
  /// - Complexity: O(rows^3 / 6) multiplications.
  public func solve(symmetricPositive right: [Double]) throws -> [Double] {
    precondition(rows == columns && right.count == rows)
    let n = rows
    // The lower triangle of A becomes that of L with A = L L^T.
    var lower = values
    try lower.withUnsafeMutableBufferPointer { l in
      for column in 0..<n {
        var square = l[column * n + column]
        for k in 0..<column { square -= l[column * n + k] * l[column * n + k] }
        guard square > 0, square.isFinite else { throw LinearAlgebraError.notPositiveDefinite(column: column) }
        let pivot = square.squareRoot()
        l[column * n + column] = pivot
        for row in column + 1..<max(n, column + 1) {
          var sum = l[row * n + column]
          for k in 0..<column { sum -= l[row * n + k] * l[column * n + k] }
          l[row * n + column] = sum / pivot
        }
      }
    }
    var x = right
    for row in 0..<n {
      for k in 0..<row { x[row] -= lower[row * n + k] * x[k] }
      x[row] /= lower[row * n + row]
    }
    for row in (0..<n).reversed() {
      for k in row + 1..<max(n, row + 1) { x[row] -= lower[k * n + row] * x[k] }
      x[row] /= lower[row * n + row]
    }
    return x
  }
}
