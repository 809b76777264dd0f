/// Finds the first byte that cannot be UTF-8.
///
///     UTF8Validation.firstInvalidByte(in: bytes)   // nil: all of it is well-formed
public enum UTF8Validation {
  /// The offset of the first byte of the first ill-formed sequence (Unicode 16, table 3-7), or nil where there is none.
  ///
  /// O(n); ASCII goes eight bytes at a time.
  public static func firstInvalidByte(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let raw = UnsafeRawBufferPointer(bytes)
    let count = bytes.count
    var index = 0
    while index < count {
      if index + 8 <= count, raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 {
        index += 8
        continue
      }
      let lead = bytes[index]
      if lead < 0x80 {
        index += 1
        continue
      }
      let length: Int
      var lowest: UInt8 = 0x80
      var highest: UInt8 = 0xBF
      switch lead {
      case 0xC2...0xDF: length = 2
      case 0xE0: (length, lowest) = (3, 0xA0)
      case 0xED: (length, highest) = (3, 0x9F)
      case 0xE1...0xEF: length = 3
      case 0xF0: (length, lowest) = (4, 0x90)
      case 0xF4: (length, highest) = (4, 0x8F)
      case 0xF1...0xF3: length = 4
      default: return index
      }
      guard index + length <= count, bytes[index + 1] >= lowest, bytes[index + 1] <= highest else { return index }
      for following in (index + 1)..<(index + length) where bytes[following] & 0xC0 != 0x80 { return index }
      index += length
    }
    return nil
  }
}
