/// The element types that safetensors files of rankers use.
public enum SafetensorsType: String, Sendable, CaseIterable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint8 = "U8"
  case bool = "BOOL"

  public var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    case .int64, .int32, .int16, .int8, .uint8, .bool: false
    }
  }

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  /// Little-endian numbers that lie one after the other, aligned or not, as `Float`: F16 and BF16 exactly, F64 rounded to
  /// nearest; nil for integers and Booleans.
  func floats(_ bytes: UnsafeRawBufferPointer) -> [Float]? {
    let count = bytes.count / byteCount
    switch self {
    case .float32:
      return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<(4 * count)]))
        initialized = count
      }
    case .float16:
      return (0..<count).map {
        SafetensorsFile.widen(half: UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self)))
      }
    case .bfloat16:
      return (0..<count).map {
        let bits = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self))
        return Float(bitPattern: UInt32(bits) << 16)
      }
    case .float64:
      return (0..<count).map {
        let bits = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self))
        return Float(Double(bitPattern: bits))
      }
    case .int64, .int32, .int16, .int8, .uint8, .bool: return nil
    }
  }
}
