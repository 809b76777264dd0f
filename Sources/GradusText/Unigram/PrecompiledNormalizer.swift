/// SentencePiece's compiled normalisation rules (`precompiled_charsmap`): a double-array trie from character sequences to texts.
///
/// Applied as Hugging Face `tokenizers` does: a grapheme cluster of fewer than six bytes is looked up whole, and otherwise, or
/// where nothing is found, each of its characters; of several rules that fit, the shortest wins.
struct PrecompiledNormalizer: Sendable {
  /// Units of the trie, in the layout of the Darts library.
  private let units: [UInt32]
  /// The replacements, each ended by a zero byte.
  private let texts: [UInt8]
  /// Whether any rule starts with the byte.
  private let starts: [Bool]

  /// - Returns: Nil where the bytes are no such table.
  init?(_ bytes: [UInt8]) {
    func word(_ position: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[position + $1]) << (8 * UInt32($1)) }
    }
    guard bytes.count >= 4 else { return nil }
    let size = Int(word(0))
    guard size >= 4, size % 4 == 0, size <= bytes.count - 4 else { return nil }
    units = (0..<size / 4).map { word(4 + 4 * $0) }
    texts = Array(bytes[(4 + size)...])
    var starts = [Bool](repeating: false, count: 256)
    for byte in 1...255 { starts[byte] = Self.step(units, Self.offset(units[0]), UInt8(byte)) != nil }
    self.starts = starts
  }

  private static func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }

  /// The unit that a byte leads to from the node at `base`, and its place.
  private static func step(_ units: [UInt32], _ base: Int, _ byte: UInt8) -> (unit: UInt32, place: Int)? {
    let place = base ^ Int(byte)
    guard place < units.count, units[place] & (1 << 31 | 0xFF) == UInt32(byte) else { return nil }
    return (units[place], place)
  }

  /// What the shortest rule that begins `bytes` puts in their place; nil where no rule does.
  private func replacement(_ bytes: some Sequence<UInt8>) -> ArraySlice<UInt8>? {
    var base = Self.offset(units[0])
    for byte in bytes {
      guard byte != 0, let (unit, place) = Self.step(units, base, byte) else { return nil }
      base = place ^ Self.offset(unit)
      if unit >> 8 & 1 == 1 {
        guard base < units.count else { return nil }
        let start = Int(units[base] & 0x7FFF_FFFF)
        guard start <= texts.count else { return nil }
        return texts[start...].prefix { $0 != 0 }
      }
    }
    return nil
  }

  func normalize(_ text: String) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(text.utf8.count)
    for character in text {
      let bytes = character.utf8
      if let first = bytes.first, bytes.count == 1, !starts[Int(first)] {
        output.append(first)
      } else if bytes.count < 6, let known = replacement(bytes) {
        output += known
      } else {
        for scalar in character.unicodeScalars {
          let own = UTF8.encode(scalar).map(Array.init) ?? []
          if let known = replacement(own) { output += known } else { output += own }
        }
      }
    }
    return output
  }
}
