extension FixedWidthInteger where Self: UnsignedInteger {
  /// Bytes that hold the number, at least 1.
  var byteCount: Int { Swift.max(1, (bitWidth - leadingZeroBitCount + 7) / 8) }
}

extension [UInt8] {
  /// Appends the lowest bytes of a number.
  mutating func append(littleEndian number: UInt64, bytes: Int) {
    var rest = number
    for _ in 0..<bytes {
      append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }
}

/// A number of fewer bytes than a word in a mapped file, at a place in each record.
struct PackedField {
  /// In the record.
  let place: Int
  private let mask: UInt64

  /// Bytes that must be readable after the last record: words are loaded whole.
  static let slack = 8

  /// - Parameter bytes: From 1 to 8.
  init(place: Int, bytes: Int) {
    self.place = place
    mask = UInt64.max >> UInt64(64 - 8 * bytes)
  }

  /// The number in the record at an address.
  @inline(__always)
  func value(at record: UnsafeRawPointer) -> UInt64 {
    UInt64(littleEndian: record.loadUnaligned(fromByteOffset: place, as: UInt64.self)) & mask
  }
}
