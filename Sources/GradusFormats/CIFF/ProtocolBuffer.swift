/// Fields of a protocol buffer message, as far as CIFF needs them: variable-length numbers, doubles, and bytes.
struct ProtocolBufferReader {
  enum Value {
    case number(UInt64)
    case double(Double)
    case bytes(ArraySlice<UInt8>)
  }

  private let bytes: ArraySlice<UInt8>
  private var place: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    place = bytes.startIndex
  }

  var isAtEnd: Bool { place == bytes.endIndex }

  /// The next field's number and value, or nil where the bytes are no message.
  mutating func next() -> (field: Int, value: Value)? {
    guard let tag = number() else { return nil }
    let field = Int(truncatingIfNeeded: tag >> 3)
    switch tag & 7 {
    case 0:
      guard let value = number() else { return nil }
      return (field, .number(value))
    case 1:
      guard let value = fixed(8) else { return nil }
      return (field, .double(Double(bitPattern: value)))
    case 2:
      guard let count = number(), count <= UInt64(bytes.endIndex - place) else { return nil }
      defer { place += Int(count) }
      return (field, .bytes(bytes[place..<place + Int(count)]))
    case 5:
      guard let value = fixed(4) else { return nil }
      return (field, .number(value))
    default: return nil
    }
  }

  private mutating func number() -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), through: 63, by: 7) {
      guard place < bytes.endIndex else { return nil }
      let byte = bytes[place]
      place += 1
      value |= UInt64(byte & 127) << shift
      if byte < 128 { return value }
    }
    return nil
  }

  private mutating func fixed(_ count: Int) -> UInt64? {
    guard bytes.endIndex - place >= count else { return nil }
    defer { place += count }
    return bytes[place..<place + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// Writes fields of a protocol buffer message; numbers that are 0 and empty texts are left out, as their default.
struct ProtocolBufferWriter {
  private(set) var bytes: [UInt8] = []

  mutating func put(_ field: Int, _ value: Int) {
    guard value != 0 else { return }
    putNumber(UInt64(field << 3))
    putNumber(UInt64(bitPattern: Int64(value)))
  }

  mutating func put(_ field: Int, _ value: Double) {
    guard value != 0 else { return }
    putNumber(UInt64(field << 3 | 1))
    for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(shift))) }
  }

  mutating func put(_ field: Int, _ value: String) {
    if !value.isEmpty { put(field, Array(value.utf8)) }
  }

  mutating func put(_ field: Int, _ value: [UInt8]) {
    putNumber(UInt64(field << 3 | 2))
    putNumber(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  mutating func putNumber(_ value: UInt64) {
    var rest = value
    while rest >= 128 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 128)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
