/// Tokens that are looked for in the text before anything else: the leftmost, and of those the longest.
struct AddedTokens: Sendable {
  struct Token: Sendable {
    var bytes: [UInt8]
    var id: Int32
    /// Control tokens, which a text of unknown origin should not be able to spell.
    var isSpecial: Bool
    /// White space before or after belongs to the token.
    var takesLeft = false
    var takesRight = false
    /// Looked for in the normalised text.
    var isNormalized = false
    /// Only where no letter, number or underscore touches it.
    var isSingleWord = false
  }

  /// By first byte, the longest first.
  private var byFirstByte: [[Token]] = Array(repeating: [], count: 256)
  private(set) var isEmpty = true

  init(_ tokens: [Token]) {
    for token in tokens.sorted(by: { $0.bytes.count > $1.bytes.count }) where !token.bytes.isEmpty {
      byFirstByte[Int(token.bytes[0])].append(token)
      isEmpty = false
    }
  }

  enum Part {
    case text(Range<Int>)
    case token(Int32)
  }

  /// Whether a token that stands at these bytes of the text is one.
  typealias Rule = (Token, Range<Int>) -> Bool

  /// Cuts the text into tokens and what lies between them.
  func split(_ text: UnsafeBufferPointer<UInt8>, includingSpecial: Bool, _ body: (Part) -> Void) {
    split(text, accepting: { token, _ in includingSpecial || !token.isSpecial }, body)
  }

  /// Cuts the text into those tokens that the rule accepts, and what lies between them.
  func split(_ text: UnsafeBufferPointer<UInt8>, accepting rule: Rule, _ body: (Part) -> Void) {
    guard !isEmpty else { return text.isEmpty ? () : body(.text(0..<text.count)) }
    var start = 0
    var index = 0
    byFirstByte.withUnsafeBufferPointer { table in
      while index < text.count {
        let candidates = table[Int(text[index])]
        guard !candidates.isEmpty,
          let token = candidates.first(where: { Self.matches($0, text, index) && rule($0, index..<(index + $0.bytes.count)) })
        else {
          index += 1
          continue
        }
        var end = index + token.bytes.count
        if token.isSingleWord, Self.isWordEdgeMissing(text, index, end) {
          index = end
          continue
        }
        var left = index
        if token.takesLeft {
          while left > start, let before = Self.space(endingAt: left, text), before >= start { left = before }
        }
        if token.takesRight { while let after = Self.space(startingAt: end, text) { end = after } }
        if left > start { body(.text(start..<left)) }
        body(.token(token.id))
        index = end
        start = end
      }
    }
    if start < text.count { body(.text(start..<text.count)) }
  }

  private static func matches(_ token: Token, _ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
    guard index + token.bytes.count <= text.count, let base = text.baseAddress else { return false }
    return token.bytes.withUnsafeBufferPointer {
      $0.baseAddress.map { PieceTable.equal($0, base + index, token.bytes.count) } ?? false
    }
  }

  private static func scalar(endingAt end: Int, _ text: UnsafeBufferPointer<UInt8>) -> (Unicode.Scalar, start: Int)? {
    var start = end - 1
    while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
    return start < 0 ? nil : Unicode.Scalar(UTF8Scalar.decode(text, at: start).value).map { ($0, start) }
  }

  private static func space(endingAt end: Int, _ text: UnsafeBufferPointer<UInt8>) -> Int? {
    scalar(endingAt: end, text).flatMap { $0.0.properties.isWhitespace ? $0.start : nil }
  }

  private static func space(startingAt start: Int, _ text: UnsafeBufferPointer<UInt8>) -> Int? {
    guard start < text.count else { return nil }
    let (value, width) = UTF8Scalar.decode(text, at: start)
    return Unicode.Scalar(value)?.properties.isWhitespace == true ? start + width : nil
  }

  private static func isWordEdgeMissing(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
    func isWord(_ scalar: Unicode.Scalar) -> Bool {
      CharacterTable.isWordCategory(scalar.properties.generalCategory) || scalar == "_"
    }
    if start > 0, let before = scalar(endingAt: start, text), isWord(before.0) { return true }
    guard end < text.count, let after = Unicode.Scalar(UTF8Scalar.decode(text, at: end).value) else { return false }
    return isWord(after)
  }
}
