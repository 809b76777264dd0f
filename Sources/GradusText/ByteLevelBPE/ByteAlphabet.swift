/// GPT-2's way of writing bytes as printable characters: those that are printable stand for themselves, the other 68 are
/// U+0100 and on.
enum ByteAlphabet {
  private static func isPrintable(_ byte: UInt8) -> Bool {
    byte >= 0x21 && byte <= 0x7E || byte >= 0xA1 && byte <= 0xAC || byte >= 0xAE
  }

  /// The byte of a scalar below U+0144; nil for scalars that stand for none.
  private static let bytes: [UInt8?] = {
    var table = [UInt8?](repeating: nil, count: 0x144)
    var next = 0x100
    for byte in UInt8.min...UInt8.max {
      if isPrintable(byte) {
        table[Int(byte)] = byte
      } else {
        table[next] = byte
        next += 1
      }
    }
    return table
  }()

  /// The bytes that a token stands for; nil where a character of it stands for none.
  static func bytes(of token: String) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(token.utf8.count)
    for scalar in token.unicodeScalars {
      guard scalar.value < 0x144, let byte = bytes[Int(scalar.value)] else { return nil }
      result.append(byte)
    }
    return result
  }
}
