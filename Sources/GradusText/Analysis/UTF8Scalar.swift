/// Scalars in bytes that may be anything.
enum UTF8Scalar {
  /// The scalar at `index` and its width; U+FFFD of width 1 where the bytes are ill-formed.
  @inline(__always)
  static func decode(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> (value: UInt32, width: Int) {
    let lead = UInt32(bytes[index])
    if lead < 0x80 { return (lead, 1) }
    func continuation(_ offset: Int) -> UInt32? {
      guard index + offset < bytes.count, bytes[index + offset] & 0xC0 == 0x80 else { return nil }
      return UInt32(bytes[index + offset] & 0x3F)
    }
    if lead >= 0xC2, lead < 0xE0, let second = continuation(1) { return ((lead & 0x1F) << 6 | second, 2) }
    if lead >= 0xE0, lead < 0xF0, let second = continuation(1), let third = continuation(2) {
      let value = (lead & 0x0F) << 12 | second << 6 | third
      if value >= 0x800, value & 0xF800 != 0xD800 { return (value, 3) }
    }
    if lead >= 0xF0, lead < 0xF5, let second = continuation(1), let third = continuation(2), let fourth = continuation(3) {
      let value = (lead & 0x07) << 18 | second << 12 | third << 6 | fourth
      if value >= 0x10000, value < 0x110000 { return (value, 4) }
    }
    return (0xFFFD, 1)
  }

  /// Writes a scalar's bytes and returns how many; `output` has room for four.
  @inline(__always)
  static func encode(_ value: UInt32, to output: UnsafeMutablePointer<UInt8>) -> Int {
    if value < 0x80 {
      output[0] = UInt8(truncatingIfNeeded: value)
      return 1
    }
    if value < 0x800 {
      output[0] = UInt8(truncatingIfNeeded: 0xC0 | value >> 6)
      output[1] = UInt8(truncatingIfNeeded: 0x80 | value & 0x3F)
      return 2
    }
    if value < 0x10000 {
      output[0] = UInt8(truncatingIfNeeded: 0xE0 | value >> 12)
      output[1] = UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F)
      output[2] = UInt8(truncatingIfNeeded: 0x80 | value & 0x3F)
      return 3
    }
    output[0] = UInt8(truncatingIfNeeded: 0xF0 | value >> 18)
    output[1] = UInt8(truncatingIfNeeded: 0x80 | value >> 12 & 0x3F)
    output[2] = UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F)
    output[3] = UInt8(truncatingIfNeeded: 0x80 | value & 0x3F)
    return 4
  }
}
