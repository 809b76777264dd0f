/// The Word_Break property of UAX #29, from the general properties that it is defined by and its short lists of
/// punctuation (Unicode 15.1, WordBreakProperty.txt).
enum WordBreakProperty: UInt8 {
  case other, cr, lf, newline, extend, zwj, format, katakana, hebrewLetter, aLetter, singleQuote, doubleQuote
  case midNumLet, midLetter, midNum, numeric, extendNumLet, regionalIndicator, wSegSpace
  /// Not a class of UAX #29: ideographs and Hiragana, which are Other there, but tokens each by itself.
  case single

  init(_ scalar: Unicode.Scalar) {
    self = Self.listed(scalar) ?? Self.derived(scalar)
  }

  /// What the annex lists character by character.
  private static func listed(_ scalar: Unicode.Scalar) -> WordBreakProperty? {
    switch scalar.value {
    case 0x0D: .cr
    case 0x0A: .lf
    case 0x0B, 0x0C, 0x85, 0x2028, 0x2029: .newline
    case 0x200D: .zwj
    case 0x1F1E6...0x1F1FF: .regionalIndicator
    case 0x3031...0x3035, 0x309B, 0x309C, 0x30A0...0x30FA, 0x30FC...0x30FF, 0x31F0...0x31FF, 0x32D0...0x32FE,
      0x3300...0x3357, 0xFF66...0xFF9D, 0x1AFF0...0x1AFFE, 0x1B000, 0x1B120...0x1B122, 0x1B155, 0x1B164...0x1B167:
      .katakana
    case 0x5D0...0x5EA, 0x5EF...0x5F2, 0xFB1D, 0xFB1F...0xFB28, 0xFB2A...0xFB4F: .hebrewLetter
    case 0x27: .singleQuote
    case 0x22: .doubleQuote
    case 0x2E, 0x2018, 0x2019, 0x2024, 0xFE52, 0xFF07, 0xFF0E: .midNumLet
    case 0x3A, 0xB7, 0x387, 0x55F, 0x5F4, 0x2027, 0xFE13, 0xFE55, 0xFF1A: .midLetter
    case 0x2C, 0x3B, 0x37E, 0x589, 0x60C, 0x60D, 0x66C, 0x7F8, 0x2044, 0xFE10, 0xFE14, 0xFE50, 0xFE54, 0xFF0C, 0xFF1B:
      .midNum
    case 0x66B, 0xFF10...0xFF19: .numeric
    case 0x202F: .extendNumLet
    case 0x200B: .other
    case 0x55A...0x55C, 0x55E, 0x58A, 0x5F3, 0x70F, 0xA708...0xA716, 0xA720, 0xA721, 0xA789, 0xA78A, 0xAB5B,
      0x2C2...0x2C5, 0x2D2...0x2D7, 0x2DE, 0x2DF, 0x2E5...0x2EB, 0x2ED, 0x2EF...0x2FF:
      .aLetter
    default: nil
    }
  }

  private static func derived(_ scalar: Unicode.Scalar) -> WordBreakProperty {
    let properties = scalar.properties
    let category = properties.generalCategory
    if properties.isGraphemeExtend || category == .spacingMark || properties.isEmojiModifier { return .extend }
    switch category {
    case .format: return .format
    case .connectorPunctuation: return .extendNumLet
    case .decimalNumber: return .numeric
    case .spaceSeparator: return scalar.value == 0xA0 || scalar.value == 0x2007 ? .other : .wSegSpace
    default: break
    }
    if properties.isIdeographic || isHiragana(scalar.value) { return .single }
    // Scripts that are written without spaces need a dictionary; the annex leaves their letters to themselves.
    if properties.isAlphabetic { return isSoutheastAsian(scalar.value) ? .single : .aLetter }
    return CharacterTable.isWordCategory(category) ? .single : .other
  }

  private static func isHiragana(_ value: UInt32) -> Bool {
    (0x3041...0x3096).contains(value) || (0x309D...0x309F).contains(value) || (0x1B001...0x1B11F).contains(value)
      || (0x1B150...0x1B152).contains(value) || value == 0x1F200 || value == 0x1B132
  }

  /// Line_Break = SA: Thai, Lao, Myanmar, Khmer, Tai Le, New Tai Lue, Tai Tham, Tai Viet, Ahom.
  private static func isSoutheastAsian(_ value: UInt32) -> Bool {
    switch value {
    case 0xE00...0xEFF, 0x1000...0x109F, 0x1780...0x17FF, 0x1950...0x19DF, 0x1A20...0x1AAF, 0xA9E0...0xA9FF,
      0xAA60...0xAADF, 0x11700...0x1174F:
      true
    default: false
    }
  }
}
