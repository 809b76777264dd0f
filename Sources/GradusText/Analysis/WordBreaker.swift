/// Finds words by the default rules of UAX #29 and skips what is between them.
struct WordBreaker {
  private var pages: [UnsafeMutablePointer<UInt8>?] = Array(repeating: nil, count: 0x1100)

  func deallocate() {
    for page in pages { page?.deallocate() }
  }

  private mutating func property(_ value: UInt32) -> WordBreakProperty {
    if value < 0x80, let plain = Self.letterOrDigit(UInt8(truncatingIfNeeded: value)) { return plain }
    let number = Int(value >> 8)
    if let page = pages[number] { return WordBreakProperty(rawValue: page[Int(value & 0xFF)]).unsafelyUnwrapped }
    let page = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
    for low in 0..<256 {
      let property = Unicode.Scalar(UInt32(number << 8 | low)).map(WordBreakProperty.init) ?? .other
      page[low] = property.rawValue
    }
    pages[number] = page
    return WordBreakProperty(rawValue: page[Int(value & 0xFF)]).unsafelyUnwrapped
  }

  /// The next word at or after `start`, or nil where there is none: a segment that holds a letter, a digit, a Katakana
  /// or an ideograph.
  mutating func next(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Range<Int>? {
    var begin = start
    while begin < text.count {
      // No ASCII character but these starts a word.
      if text[begin] < 0x80, CharacterTable.ascii(text[begin]) == 0 {
        begin += 1
        continue
      }
      let (end, isWord) = segment(in: text, from: begin)
      if isWord { return begin..<end }
      begin = end
    }
    return nil
  }

  /// The segment that begins at `start` by rules WB3 to WB999. White space and punctuation come out one by one: they are
  /// no words either way.
  private mutating func segment(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> (end: Int, isWord: Bool) {
    var (last, index) = scalar(in: text, at: start)
    var isWord = Self.isWordClass(last)
    if Self.isBreak(last) { return (index, false) }
    // What stands before `last`, for the rules that look two back.
    var beforeLast = WordBreakProperty.other
    while index < text.count {
      if last == .aLetter || last == .numeric, let plain = Self.letterOrDigit(text[index]) {
        beforeLast = last
        last = plain
        index += 1
        continue
      }
      let (current, next) = scalar(in: text, at: index)
      // WB4: marks and format characters belong to what is before them.
      if current == .extend || current == .format || current == .zwj {
        index = next
        continue
      }
      if let ends = Self.ends(beforeLast, last, current) {
        if ends { break }
      } else {
        // A mark between two letters or digits: the next character that counts decides.
        guard let (following, _) = significant(in: text, from: next), Self.completes(last, current, following) else {
          break
        }
      }
      isWord = isWord || Self.isWordClass(current)
      beforeLast = last
      last = current
      index = next
    }
    return (index, isWord)
  }

  /// For ASCII letters and digits, which continue a word after others (WB5, WB8 to WB10).
  @inline(__always)
  private static func letterOrDigit(_ byte: UInt8) -> WordBreakProperty? {
    if (byte | 0x20) &- UInt8(ascii: "a") < 26 { return .aLetter }
    return byte &- UInt8(ascii: "0") < 10 ? .numeric : nil
  }

  private static func isBreak(_ property: WordBreakProperty) -> Bool {
    property == .cr || property == .lf || property == .newline
  }

  private static func isWordClass(_ property: WordBreakProperty) -> Bool {
    switch property {
    case .aLetter, .hebrewLetter, .numeric, .katakana, .single: true
    default: false
    }
  }

  private static func isLetter(_ property: WordBreakProperty) -> Bool { property == .aLetter || property == .hebrewLetter }

  /// False where `current` continues the segment, true where it does not, nil where what follows `current` decides.
  private static func ends(
    _ beforeLast: WordBreakProperty, _ last: WordBreakProperty, _ current: WordBreakProperty
  ) -> Bool? {
    switch (last, current) {
    case (.aLetter, .aLetter), (.aLetter, .hebrewLetter), (.hebrewLetter, .aLetter), (.hebrewLetter, .hebrewLetter):
      return false  // WB5
    case (.hebrewLetter, .singleQuote): return false  // WB7a
    case (.aLetter, .midLetter), (.aLetter, .midNumLet), (.aLetter, .singleQuote), (.hebrewLetter, .midLetter),
      (.hebrewLetter, .midNumLet), (.hebrewLetter, .doubleQuote):
      return nil  // WB6, WB7b
    case (.midLetter, _), (.midNumLet, _), (.singleQuote, _), (.doubleQuote, _), (.midNum, _):
      // WB7, WB7c, WB11: only where the mark was joined to what is before it.
      let joinsLetters = isLetter(beforeLast) && isLetter(current) && last != .midNum
      let joinsDigits = beforeLast == .numeric && current == .numeric && last != .midLetter && last != .doubleQuote
      return !(joinsLetters || joinsDigits)
    case (.numeric, .numeric), (.numeric, .aLetter), (.numeric, .hebrewLetter), (.aLetter, .numeric),
      (.hebrewLetter, .numeric):
      return false  // WB8 to WB10
    case (.numeric, .midNum), (.numeric, .midNumLet), (.numeric, .singleQuote): return nil  // WB12
    case (.katakana, .katakana): return false  // WB13
    case (.aLetter, .extendNumLet), (.hebrewLetter, .extendNumLet), (.numeric, .extendNumLet), (.katakana, .extendNumLet),
      (.extendNumLet, .extendNumLet), (.extendNumLet, .aLetter), (.extendNumLet, .hebrewLetter),
      (.extendNumLet, .numeric), (.extendNumLet, .katakana):
      return false  // WB13a, WB13b
    default: return true
    }
  }

  /// WB6, WB7b and WB12: the mark `current` stays inside the word where `following` is of the same kind as `last`.
  private static func completes(
    _ last: WordBreakProperty, _ current: WordBreakProperty, _ following: WordBreakProperty
  ) -> Bool {
    if current == .doubleQuote { return following == .hebrewLetter }
    return last == .numeric ? following == .numeric : isLetter(following)
  }

  private mutating func scalar(in text: UnsafeBufferPointer<UInt8>, at index: Int) -> (WordBreakProperty, Int) {
    let (value, width) = UTF8Scalar.decode(text, at: index)
    return (property(value), index + width)
  }

  /// The next property that is no mark, format character or joiner.
  private mutating func significant(
    in text: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> (WordBreakProperty, Int)? {
    var index = start
    while index < text.count {
      let (property, next) = scalar(in: text, at: index)
      if property != .extend, property != .format, property != .zwj { return (property, index) }
      index = next
    }
    return nil
  }
}
