/// What a character means for tokens: looked up in tables that are filled page by page from Unicode's properties.
struct CharacterTable {
  /// The lower-case scalar of a letter, number or underscore; 0 for everything else. Special cases have the top bit.
  typealias Entry = UInt32

  /// U+0130, whose lower case is an i and a combining dot: the dot ends the token.
  static let dottedCapitalI: Entry = 0x8000_0001

  private var pages: [UnsafeMutablePointer<Entry>?] = Array(repeating: nil, count: 0x1100)

  func deallocate() {
    for page in pages { page?.deallocate() }
  }

  /// For ASCII: the lower-case byte of a letter, digit or underscore, 0 for everything else.
  static let ascii: [UInt8] = (0..<256).map { ascii(UInt8($0)) }

  /// The same for one byte, by comparison; 0 for everything above ASCII.
  @inline(__always)
  static func ascii(_ byte: UInt8) -> UInt8 {
    if byte &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "_") { return byte }
    return byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : 0
  }

  @inline(__always)
  mutating func entry(_ value: UInt32) -> Entry {
    let number = Int(value >> 8)
    let page = pages[number] ?? fill(number)
    return page[Int(value & 0xFF)]
  }

  private mutating func fill(_ number: Int) -> UnsafeMutablePointer<Entry> {
    let page = UnsafeMutablePointer<Entry>.allocate(capacity: 256)
    for low in 0..<256 {
      page[low] = Unicode.Scalar(UInt32(number << 8 | low)).map(Self.entry) ?? 0
    }
    pages[number] = page
    return page
  }

  private static func entry(_ scalar: Unicode.Scalar) -> Entry {
    let category = scalar.properties.generalCategory
    guard CharacterTable.isWordCategory(category) || scalar == "_" else { return 0 }
    let lowered = scalar.properties.lowercaseMapping.unicodeScalars
    if lowered.count == 1, let only = lowered.first { return only.value }
    return scalar.value == 0x130 ? dottedCapitalI : scalar.value
  }

  static func isWordCategory(_ category: Unicode.GeneralCategory) -> Bool {
    switch category {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .decimalNumber, .letterNumber, .otherNumber:
      true
    default: false
    }
  }
}
