import GradusCore
import GradusTensor
import Testing

@Suite("Linear algebra")
struct LinearAlgebraTests {
  private static func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
    var generator = SeededGenerator(seed: seed)
    return Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in generator.normal() })
  }

  private static func distance(_ a: Matrix, _ b: Matrix) -> Double {
    a.rows == b.rows && a.columns == b.columns ? zip(a.values, b.values).map { abs($0 - $1) }.max() ?? 0 : .infinity
  }

  private static func identity(_ count: Int) -> Matrix {
    Matrix((0..<count).map { row in (0..<count).map { row == $0 ? 1 : 0 } })
  }

  private static func diagonal(_ values: [Double]) -> Matrix {
    Matrix(values.indices.map { row in values.indices.map { row == $0 ? values[row] : 0 } })
  }

  @Test(
    "U diag(s) V^T is the matrix; U and V have orthonormal columns; s descends",
    arguments: [(1, 1), (5, 3), (3, 5), (20, 20), (40, 7)])
  func decomposition(shape: (Int, Int)) throws {
    let a = Self.random(shape.0, shape.1, seed: 1)
    let svd = try SingularValues(of: a)
    let rank = min(shape.0, shape.1)
    #expect(Self.distance(svd.u * Self.diagonal(svd.values) * svd.v.transposed, a) < 1e-12)
    #expect(Self.distance(svd.u.transposed * svd.u, Self.identity(rank)) < 1e-12)
    #expect(Self.distance(svd.v.transposed * svd.v, Self.identity(rank)) < 1e-12)
    #expect(svd.values == svd.values.sorted(by: >) && svd.values.count == rank)
  }

  @Test("Known singular values: [[3, 0], [4, 5]] has sqrt 45 and sqrt 5")
  func knownValues() throws {
    let values = try SingularValues(of: Matrix([[3, 0], [4, 5]])).values
    #expect(abs(values[0] - 45.0.squareRoot()) < 1e-12 && abs(values[1] - 5.0.squareRoot()) < 1e-12)
  }

  @Test("Small singular values keep their relative accuracy")
  func graded() throws {
    let (u, v) = (try SingularValues(of: Self.random(6, 6, seed: 2)).u, try SingularValues(of: Self.random(6, 6, seed: 3)).u)
    let wanted = [1e3, 1, 1e-3, 1e-5, 1e-7, 1e-9]
    let found = try SingularValues(of: u * Self.diagonal(wanted) * v.transposed).values
    for (value, expected) in zip(found, wanted) { #expect(abs(value - expected) < 2e-12) }
  }

  @Test(
    "The pseudo-inverse has Penrose's four properties, also without full rank",
    arguments: [(6, 4, 4), (4, 6, 4), (7, 7, 3), (5, 5, 0)])
  func penrose(shape: (Int, Int, Int)) throws {
    let (rows, columns, rank) = shape
    let a =
      rank == 0
      ? Matrix(rows: rows, columns: columns) : Self.random(rows, rank, seed: 4) * Self.random(rank, columns, seed: 5)
    let x = try a.pseudoInverse(.exact)
    #expect(Self.distance(a * x * a, a) < 1e-11)
    #expect(Self.distance(x * a * x, x) < 1e-11)
    #expect(Self.distance((a * x).transposed, a * x) < 1e-11)
    #expect(Self.distance((x * a).transposed, x * a) < 1e-11)
  }

  @Test("Truncation drops what is small; a ridge is the solution of the normal equations")
  func forms() throws {
    let a = Self.diagonal([10, 1, 0.05])
    #expect(Self.distance(try a.pseudoInverse(.truncated(relativeTolerance: 0.01)), Self.diagonal([0.1, 1, 0])) < 1e-12)
    #expect(Self.distance(try a.pseudoInverse(.truncated(relativeTolerance: 0)), Self.diagonal([0.1, 1, 20])) < 1e-11)
    let b = Self.random(8, 3, seed: 6)
    let ridge = try b.pseudoInverse(.ridge(lambda: 0.7))
    // (B^T B + 0.7 I) X = B^T
    let gram = b.transposed * b
    let regular = Matrix(rows: 3, columns: 3, values: zip(gram.values, Self.identity(3).values).map { $0 + 0.7 * $1 })
    #expect(Self.distance(regular * ridge, b.transposed) < 1e-12)
  }

  @Test("What cannot be decomposed is refused")
  func refusals() {
    #expect(throws: LinearAlgebraError.notFinite) { try SingularValues(of: Matrix([[1, .nan]])) }
    #expect(throws: LinearAlgebraError.invalidTolerance(-1)) { try Matrix([[1]]).pseudoInverse(.ridge(lambda: -1)) }
    #expect(throws: LinearAlgebraError.invalidTolerance(1)) {
      try Matrix([[1]]).pseudoInverse(.truncated(relativeTolerance: 1))
    }
  }

  @Test("Cholesky solves what is positive definite, and refuses the rest")
  func cholesky() throws {
    let x = try Matrix([[4, 2], [2, 3]]).solve(symmetricPositive: [8, 7])
    #expect(abs(x[0] - 1.25) < 1e-15 && abs(x[1] - 1.5) < 1e-15)
    for count in [1, 3, 17] {
      let a = Self.random(count + 4, count, seed: 8)
      let gram = a.transposed * a
      let wanted = Self.random(count, 1, seed: 9)
      let solved = try gram.solve(symmetricPositive: (gram * wanted).values)
      #expect(zip(solved, wanted.values).allSatisfy { abs($0 - $1) < 1e-9 })
    }
    #expect(throws: LinearAlgebraError.notPositiveDefinite(column: 1)) {
      try Matrix([[1, 2], [2, 4]]).solve(symmetricPositive: [1, 1])
    }
    #expect(throws: LinearAlgebraError.notPositiveDefinite(column: 0)) {
      try Matrix([[.nan]]).solve(symmetricPositive: [1])
    }
    #expect(try Matrix(rows: 0, columns: 0).solve(symmetricPositive: []).isEmpty)
  }
}
