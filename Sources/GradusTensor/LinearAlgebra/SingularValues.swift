import GradusCore

/// The singular value decomposition `A = U diag(s) V^T`, thin: U is `[rows][rank]`, V `[columns][rank]`, rank the smaller side.
///
/// One-sided Jacobi rotations (Hestenes, 1958; Demmel and Veselic, 1992): every singular value comes out to nearly full relative
/// accuracy, with some hundred lines less to trust than a bidiagonalisation, and no second thread pool in the process. For a
/// side of 500 it takes a second or two; that is what the methods here need.
public struct SingularValues: Sendable {
  public let u: Matrix
  /// Descending, >= 0.
  public let values: [Double]
  public let v: Matrix

  /// - Throws: ``LinearAlgebraError``.
  /// - Complexity: O(sweeps x rows x columns x smaller side), some ten sweeps.
  public init(of matrix: Matrix) throws {
    guard matrix.values.allSatisfy(\.isFinite) else { throw LinearAlgebraError.notFinite }
    // Rotations make columns orthogonal: let there be no more columns than rows.
    let isWide = matrix.columns > matrix.rows
    let tall = isWide ? matrix.transposed : matrix
    let count = tall.columns
    // Columns as arrays: of the matrix, and of the product of the rotations.
    var columns = (0..<count).map { column in (0..<tall.rows).map { tall[$0, column] } }
    var rotations = (0..<count).map { column in (0..<count).map { $0 == column ? 1.0 : 0.0 } }
    try Self.orthogonalize(&columns, &rotations)
    let lengths = columns.map { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    let order = (0..<count).sorted { lengths[$0] != lengths[$1] ? lengths[$0] > lengths[$1] : $0 < $1 }
    var left = Matrix(rows: tall.rows, columns: count)
    var right = Matrix(rows: count, columns: count)
    for (place, column) in order.enumerated() {
      for row in 0..<tall.rows { left[row, place] = lengths[column] > 0 ? columns[column][row] / lengths[column] : 0 }
      for row in 0..<count { right[row, place] = rotations[column][row] }
    }
    values = order.map { lengths[$0] }
    u = isWide ? right : left
    v = isWide ? left : right
  }

  private static let largestSweeps = 60

  private static func orthogonalize(_ columns: inout [[Double]], _ rotations: inout [[Double]]) throws {
    // Columns that are nothing beside the largest only hold rounding: turning them would never end.
    let squares = columns.map { $0.reduce(0) { $0 + $1 * $1 } }
    let negligible = (squares.max() ?? 0) * 1e-32
    for _ in 0..<largestSweeps {
      var isDone = true
      for p in columns.indices {
        for q in columns.indices where q > p {
          var a = 0.0, b = 0.0, c = 0.0
          for row in columns[p].indices {
            a += columns[p][row] * columns[p][row]
            b += columns[q][row] * columns[q][row]
            c += columns[p][row] * columns[q][row]
          }
          guard a > negligible, b > negligible, abs(c) > 1e-15 * (a * b).squareRoot() else { continue }
          isDone = false
          let zeta = (b - a) / (2 * c)
          let t = (zeta >= 0 ? 1.0 : -1.0) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
          let cosine = 1 / (1 + t * t).squareRoot(), sine = t * cosine
          rotate(&columns, p, q, cosine, sine)
          rotate(&rotations, p, q, cosine, sine)
        }
      }
      if isDone { return }
    }
    throw LinearAlgebraError.noConvergence(sweeps: largestSweeps)
  }

  private static func rotate(_ columns: inout [[Double]], _ p: Int, _ q: Int, _ cosine: Double, _ sine: Double) {
    for row in columns[p].indices {
      let first = columns[p][row], second = columns[q][row]
      columns[p][row] = cosine * first - sine * second
      columns[q][row] = sine * first + cosine * second
    }
  }
}

/// How small singular values are treated where a matrix is inverted.
public enum PseudoInverse: Sendable, Hashable {
  /// All but those that are rounding: below the larger side times 2.2e-16 of the largest.
  case exact
  /// Those below this part of the largest count as zero.
  case truncated(relativeTolerance: Double)
  /// s / (s^2 + lambda): least squares with a penalty.
  case ridge(lambda: Double)
}

extension Matrix {
  /// The Moore-Penrose inverse, `[columns][rows]`, or its truncated or ridge form.
  ///
  /// - Throws: ``LinearAlgebraError``.
  public func pseudoInverse(_ form: PseudoInverse) throws -> Matrix {
    switch form {
    case .truncated(let tolerance) where !(0..<1).contains(tolerance): throw LinearAlgebraError.invalidTolerance(tolerance)
    case .ridge(let lambda) where !(lambda >= 0 && lambda.isFinite): throw LinearAlgebraError.invalidTolerance(lambda)
    default: break
    }
    let decomposition = try SingularValues(of: self)
    let largest = decomposition.values.first ?? 0
    let rounding = largest * Double(max(rows, columns)) * 2.2e-16
    let factors = decomposition.values.map { value -> Double in
      switch form {
      case .exact: value > rounding ? 1 / value : 0
      case .truncated(let tolerance): value > max(rounding, tolerance * largest) ? 1 / value : 0
      case .ridge(let lambda): value > rounding ? value / (value * value + lambda) : 0
      }
    }
    var scaled = decomposition.v
    for row in 0..<scaled.rows { for column in 0..<scaled.columns { scaled[row, column] *= factors[column] } }
    return scaled * decomposition.u.transposed
  }
}

/// A matrix that cannot be decomposed.
public enum LinearAlgebraError: GradusError, Equatable {
  case notFinite
  case noConvergence(sweeps: Int)
  case invalidTolerance(Double)
  /// Met while a column was eliminated.
  case notPositiveDefinite(column: Int)

  public var failureKind: FailureKind {
    switch self {
    case .notFinite: .badData
    case .noConvergence, .notPositiveDefinite: .failed
    case .invalidTolerance: .usage
    }
  }

  public var description: String {
    switch self {
    case .notFinite: "a matrix to decompose holds NaN or an infinite number"
    case .noConvergence(let sweeps): "the singular values did not settle in \(sweeps) sweeps"
    case .notPositiveDefinite(let column):
      "the matrix of an equation is not positive definite (column \(column)); give a larger lambda"
    case .invalidTolerance(let value): "the tolerance must be in 0..<1 and lambda at least 0, found \(value)"
    }
  }
}
