/// What a safetensors header says about one tensor.
public struct TensorInfo: Sendable, Equatable {
  public let name: String
  public let type: SafetensorsType
  /// Row-major; empty for a scalar.
  public let shape: [Int]
  /// Bytes from the end of the header.
  public let dataRange: Range<Int>

  public init(name: String, type: SafetensorsType, shape: [Int], dataRange: Range<Int>) {
    self.name = name
    self.type = type
    self.shape = shape
    self.dataRange = dataRange
  }

  public var elementCount: Int { dataRange.count / type.byteCount }

  /// Nil for a negative dimension and where the product does not fit `Int`.
  static func byteCount(_ type: SafetensorsType, _ shape: [Int]) -> Int? {
    var count = type.byteCount
    for dimension in shape {
      let (product, overflows) = count.multipliedReportingOverflow(by: dimension)
      guard dimension >= 0, !overflows else { return nil }
      count = product
    }
    return count
  }
}
