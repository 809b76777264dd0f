@_spi(_Unicode) import Swift

/// Unicode's normal form C, through the standard library's own tables.
enum CanonicalComposition {
  /// The text in normal form C; the text itself where no character can need it, which is most.
  static func compose(_ text: String) -> String {
    // All characters below U+0300 are in the form already, and begin with a byte below 0xCC.
    var copy = text
    if copy.withUTF8({ $0.allSatisfy { $0 < 0xCC } }) { return text }
    var result = String.UnicodeScalarView()
    for scalar in text._nfc { result.append(scalar) }
    return String(result)
  }
}
