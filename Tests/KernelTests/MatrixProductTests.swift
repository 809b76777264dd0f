import CGradusOneDNN
import GradusCore
import Testing

@Suite("Matrix product on oneDNN")
struct MatrixProductTests {
  struct Shape: Sendable, CustomTestStringConvertible {
    var transposeA = false
    var transposeB = false
    var m: Int
    var n: Int
    var k: Int
    var testDescription: String { "\(transposeA ? "T" : "N")\(transposeB ? "T" : "N") \(m)x\(n)x\(k)" }
    var lda: Int { transposeA ? m : k }
    var ldb: Int { transposeB ? k : n }
    var a: [Float] { uniform(m * k, seed: 1) }
    var b: [Float] { uniform(k * n, seed: 2) }

    func a(_ i: Int, _ l: Int) -> Int { transposeA ? l * m + i : i * k + l }
    func b(_ l: Int, _ j: Int) -> Int { transposeB ? j * k + l : l * n + j }
  }

  static let cases = [false, true].flatMap { transposeA in
    [false, true].flatMap { transposeB in
      [
        (1, 1, 1), (1, 384, 384), (3, 17, 5), (15, 16, 31), (16, 16, 16), (17, 33, 100), (33, 1, 384), (100, 31, 15),
        (64, 384, 100), (1, 1, 1000), (31, 100, 1536),
      ].map { Shape(transposeA: transposeA, transposeB: transposeB, m: $0.0, n: $0.1, k: $0.2) }
    }
  }

  @Test("Agrees with a naive Double product in all four transpositions", arguments: cases)
  func agrees(shape: Shape) {
    let a = shape.a, b = shape.b, start = uniform(shape.m * shape.n, seed: 3)
    for (alpha, beta) in [(Float(1), Float(0)), (0.5, 1), (1, -2)] {
      // With beta = 0 nothing is read from c.
      var c = beta == 0 ? [Float](repeating: .nan, count: start.count) : start
      let status = grd_sgemm(
        shape.transposeA, shape.transposeB, shape.m, shape.n, shape.k, alpha, a, shape.lda, b, shape.ldb, beta, &c, shape.n)
      #expect(status == GRD_GEMM_OK)
      let expected = (0..<shape.m * shape.n).map { at in
        let (i, j) = (at / shape.n, at % shape.n)
        let sum = (0..<shape.k).reduce(0.0) { $0 + Double(a[shape.a(i, $1)]) * Double(b[shape.b($1, j)]) }
        return Double(alpha) * sum + (beta == 0 ? 0 : Double(beta) * Double(start[at]))
      }
      #expect(largestError(c, expected) < 1e-5 + 1e-6 * Double(shape.k).squareRoot())
    }
  }

  /// The widths that models use, and odd ones; each against 200 rows computed in one call.
  static let splits = [false, true].flatMap { transposeA in
    [false, true].flatMap { transposeB in
      [(384, 384), (1152, 384), (1536, 384), (384, 1536), (1, 384), (2, 384), (128, 128), (33, 100), (17, 2048), (1000, 31)].map {
        Shape(transposeA: transposeA, transposeB: transposeB, m: 200, n: $0.0, k: $0.1)
      }
    }
  }

  /// oneDNN chooses kernels by processor: run this also with `ONEDNN_MAX_CPU_ISA=AVX2` in the environment.
  @Test("A row's bits do not depend on the rows that share its call", arguments: splits)
  func rowsAreIndependent(shape: Shape) {
    let a = shape.a, b = shape.b
    var whole = [Float](repeating: .nan, count: shape.m * shape.n)
    _ = grd_sgemm(
      shape.transposeA, shape.transposeB, shape.m, shape.n, shape.k, 1, a, shape.lda, b, shape.ldb, 0, &whole, shape.n)
    // Pieces of 1, 2, 3, ... rows: all the small counts, from unaligned starts.
    var pieces = [Float](repeating: .nan, count: shape.m * shape.n)
    a.withUnsafeBufferPointer { a in
      pieces.withUnsafeMutableBufferPointer { c in
        inUnevenPieces(shape.m) { first, count in
          let status = grd_sgemm(
            shape.transposeA, shape.transposeB, count, shape.n, shape.k, 1,
            a.baseAddress! + (shape.transposeA ? first : first * shape.k), shape.lda, b, shape.ldb, 0,
            c.baseAddress! + first * shape.n, shape.n)
          #expect(status == GRD_GEMM_OK)
        }
      }
    }
    #expect(sameBits(whole, pieces))
  }

  @Test("Threads of the pool that share a product give the bits of one call", arguments: [1, 2, 4])
  func threads(threads: Int) {
    let shape = Shape(transposeB: true, m: 300, n: 384, k: 384)
    let a = shape.a, b = shape.b
    var whole = [Float](repeating: .nan, count: shape.m * shape.n), parts = whole
    _ = grd_sgemm(false, true, shape.m, shape.n, shape.k, 1, a, shape.lda, b, shape.ldb, 0, &whole, shape.n)
    let pool = WorkerPool(threads: threads)
    defer { pool.stop() }
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        parts.withUnsafeMutableBufferPointer { c in
          nonisolated(unsafe) let (a, b, c) = (a.baseAddress!, b.baseAddress!, c.baseAddress!)
          pool.forEachRange(count: shape.m, grain: 47) { rows in
            _ = grd_sgemm(
              false, true, rows.count, shape.n, shape.k, 1, a + rows.lowerBound * shape.k, shape.lda, b, shape.ldb, 0,
              c + rows.lowerBound * shape.n, shape.n)
          }
        }
      }
    }
    #expect(sameBits(whole, parts))
  }

  @Test("Rows wider than the product leave what lies beyond alone", arguments: [3, 40])
  func strides(m: Int) {
    let a = uniform(m * 10, seed: 4), b = uniform(6 * 9, seed: 5)
    var c = [Float](repeating: 7, count: m * 8)
    #expect(grd_sgemm(false, false, m, 5, 6, 1, a, 10, b, 9, 0, &c, 8) == GRD_GEMM_OK)
    let expected = (0..<m * 8).map { at -> Double in
      let (i, j) = (at / 8, at % 8)
      return j >= 5 ? 7 : (0..<6).reduce(0.0) { $0 + Double(a[i * 10 + $1]) * Double(b[$1 * 9 + j]) }
    }
    #expect(largestError(c, expected) < 1e-5)
  }

  @Test("Zero sizes, and strides shorter than a row")
  func edges() {
    var c: [Float] = [1, 2, 3, 4]
    #expect(grd_sgemm(false, false, 0, 2, 2, 1, c, 2, c, 2, 0, &c, 2) == GRD_GEMM_OK)
    #expect(grd_sgemm(false, false, 2, 0, 2, 1, c, 2, c, 2, 0, &c, 2) == GRD_GEMM_OK)
    #expect(c == [1, 2, 3, 4])
    #expect(grd_sgemm(false, false, 2, 2, 0, 1, [], 0, [], 2, 3, &c, 2) == GRD_GEMM_OK)
    #expect(c == [3, 6, 9, 12])
    #expect(grd_sgemm(false, false, 2, 2, 0, 1, [], 0, [], 2, 0, &c, 2) == GRD_GEMM_OK)
    #expect(c == [0, 0, 0, 0])
    let four = [Float](repeating: 1, count: 4)
    #expect(grd_sgemm(false, false, 2, 2, 2, 1, four, 1, four, 2, 0, &c, 2) == GRD_GEMM_INVALID_ARGUMENT)
    #expect(grd_sgemm(false, false, 2, 2, 2, 1, four, 2, four, 1, 0, &c, 2) == GRD_GEMM_INVALID_ARGUMENT)
    #expect(grd_sgemm(false, false, 2, 2, 2, 1, four, 2, four, 2, 0, &c, 1) == GRD_GEMM_INVALID_ARGUMENT)
  }

  @Test("The version is that of a supported interface")
  func version() {
    let major = grd_onednn_version() / 10_000
    #expect(major == 2 || major == 3)
  }
}
