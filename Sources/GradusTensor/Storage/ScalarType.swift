/// The element type of a tensor.
public enum ScalarType: UInt8, Sendable, Codable, CaseIterable {
  case float32, float64
  /// Indices; no arithmetic.
  case int32
  /// Truth values, one byte each, 0 or 1; no arithmetic.
  case bool

  public var byteCount: Int {
    switch self {
    case .float32, .int32: 4
    case .float64: 8
    case .bool: 1
    }
  }

  /// Whether values of the type take part in arithmetic and have gradients.
  public var isFloatingPoint: Bool { self == .float32 || self == .float64 }
}

/// Where a tensor's buffer lives.
public enum Device: UInt8, Sendable, Codable { case cpu }
