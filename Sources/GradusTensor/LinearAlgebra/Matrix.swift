/// A dense matrix of doubles, row-major: for the small problems of linear algebra beside the models.
///
///     let s = Matrix([[1, 2], [2, 1]])
///     let inverse = try s.pseudoInverse(.exact)
public struct Matrix: Sendable, Equatable {
  public let rows: Int
  public let columns: Int
  /// `[rows * columns]`
  public var values: [Double]

  public init(rows: Int, columns: Int, values: [Double]) {
    precondition(rows >= 0 && columns >= 0 && values.count == rows * columns)
    self.rows = rows
    self.columns = columns
    self.values = values
  }

  public init(rows: Int, columns: Int) {
    self.init(rows: rows, columns: columns, values: [Double](repeating: 0, count: rows * columns))
  }

  /// - Parameter rows: Of equal length.
  public init(_ rows: [[Double]]) {
    self.init(rows: rows.count, columns: rows.first?.count ?? 0, values: rows.flatMap { $0 })
  }

  public subscript(row: Int, column: Int) -> Double {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  public var transposed: Matrix {
    var result = Matrix(rows: columns, columns: rows)
    for row in 0..<rows { for column in 0..<columns { result[column, row] = self[row, column] } }
    return result
  }

  /// The columns of these numbers, in their order.
  public func columns(_ numbers: [Int]) -> Matrix {
    Matrix(rows: rows, columns: numbers.count, values: (0..<rows).flatMap { row in numbers.map { self[row, $0] } })
  }

  /// The matrix product. O(rows x columns x right.columns).
  public static func * (left: Matrix, right: Matrix) -> Matrix {
    precondition(left.columns == right.rows)
    var result = Matrix(rows: left.rows, columns: right.columns)
    let width = right.columns
    result.values.withUnsafeMutableBufferPointer { out in
      right.values.withUnsafeBufferPointer { other in
        for row in 0..<left.rows {
          for inner in 0..<left.columns {
            let factor = left.values[row * left.columns + inner]
            if factor == 0 { continue }
            for column in 0..<width { out[row * width + column] += factor * other[inner * width + column] }
          }
        }
      }
    }
    return result
  }
}
