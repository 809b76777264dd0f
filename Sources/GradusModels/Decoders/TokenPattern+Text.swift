extension TokenPattern {
  /// Reads a pattern that is written as text.
  ///
  ///     // "[2] > [1] > [3]": one to nine identifiers
  ///     try TokenPattern(text: #"\[[1-9]\]( > \[[1-9]\]){0,8}"#) { tokenizer.encode($0, addsSpecial: false) }
  ///
  /// | text | means |
  /// |---|---|
  /// | `yes` | the tokens of this stretch of plain text |
  /// | `[a-z,]` | one character of a set, each of which must be a token of its own |
  /// | `(yes\|no)` | one of several patterns |
  /// | `x?` `x{3}` `x{1,4}` | the character, set or group before it: perhaps, three times, one to four times |
  /// | `\[` `\\` `\n` `\t` | a character that means something else without the backslash; a line's end; a tab |
  ///
  /// Each stretch of plain text is cut into tokens by itself, as long as it is: a space belongs before a word, as in
  /// `Answer:( yes| no)`, because that is where most vocabularies have it. The signs `.` `*` `+` `^` `$` of other languages
  /// of patterns are refused unless a backslash stands before them, so that nothing is taken for what it is not: repetitions
  /// need a bound.
  ///
  /// - Parameter encode: The tokens of a text that is not empty, without special ones around it.
  /// - Throws: ``DecoderError/pattern(reason:)``, with the character's number from 1.
  public init(text: String, encode: @escaping (String) -> [Int32]) throws(DecoderError) {
    var reader = TokenPatternReader(characters: Array(text), encode: encode)
    self = try reader.read()
  }
}

extension TokenPattern {
  /// Whether the pattern has no token at all.
  fileprivate var isEmpty: Bool {
    switch self {
    case .token, .any: false
    case .sequence(let parts), .choice(let parts): parts.allSatisfy(\.isEmpty)
    case .repeated(let part, _): part.isEmpty
    }
  }
}

/// Goes through a pattern's text once, from left to right.
private struct TokenPatternReader {
  /// A set is written out, and each character of it encoded.
  private static let maximumSetSize = 4096
  /// Groups inside each other; far below what the stack takes.
  private static let maximumDepth = 64

  let characters: [Character]
  let encode: (String) -> [Int32]
  private var place = 0
  private var depth = 0

  init(characters: [Character], encode: @escaping (String) -> [Int32]) {
    self.characters = characters
    self.encode = encode
  }

  mutating func read() throws(DecoderError) -> TokenPattern {
    guard !characters.isEmpty else { throw .pattern(reason: "it is empty") }
    let whole = try readChoice()
    if place < characters.count { throw refusal("'\(characters[place])' closes nothing") }
    return whole
  }

  private var next: Character? { place < characters.count ? characters[place] : nil }

  private func refusal(_ reason: String, at position: Int? = nil) -> DecoderError {
    .pattern(reason: "character \((position ?? place) + 1): \(reason)")
  }

  private mutating func readChoice() throws(DecoderError) -> TokenPattern {
    var alternatives = [try readSequence()]
    while next == "|" {
      place += 1
      alternatives.append(try readSequence())
    }
    return alternatives.count == 1 ? alternatives[0] : .choice(alternatives)
  }

  private mutating func readSequence() throws(DecoderError) -> TokenPattern {
    var parts: [TokenPattern] = []
    var stretch = ""
    func flush() {
      if !stretch.isEmpty { parts.append(.literal(encode(stretch))) }
      stretch = ""
    }
    while let character = next, character != "|", character != ")" {
      var part: TokenPattern?
      var plain = ""
      switch character {
      case "(": part = try readGroup()
      case "[": part = try readSet()
      default: plain = String(try readCharacter())
      }
      let end = place
      if let counts = try readCounts() {
        flush()
        let repeated = part ?? .literal(encode(plain))
        guard !repeated.isEmpty else { throw refusal("nothing stands before it that could be repeated", at: end) }
        parts.append(.repeated(repeated, counts))
      } else if let part {
        flush()
        parts.append(part)
      } else {
        stretch += plain
      }
    }
    flush()
    return .sequence(parts)
  }

  private mutating func readGroup() throws(DecoderError) -> TokenPattern {
    let start = place
    place += 1
    depth += 1
    guard depth <= Self.maximumDepth else { throw refusal("more than \(Self.maximumDepth) groups inside each other") }
    let inner = try readChoice()
    guard next == ")" else { throw refusal("the group is not closed", at: start) }
    place += 1
    depth -= 1
    return inner
  }

  /// A plain character, or what a backslash makes of the next.
  private mutating func readCharacter() throws(DecoderError) -> Character {
    let character = characters[place]
    if ".*+^$".contains(character) {
      let bound = "*+".contains(character) ? "repetitions need a bound, as {0,9}; " : ""
      throw refusal("'\(character)' means nothing here; \(bound)write \\\(character) for the sign itself")
    }
    if "?{".contains(character) { throw refusal("'\(character)' follows nothing that could be repeated") }
    if "]}".contains(character) { throw refusal("'\(character)' closes nothing; write \\\(character) for the sign itself") }
    place += 1
    guard character == "\\" else { return character }
    guard let escaped = next else { throw refusal("a backslash ends the pattern", at: place - 1) }
    place += 1
    switch escaped {
    case "n": return "\n"
    case "t": return "\t"
    case let letter where letter.isLetter || letter.isNumber:
      throw refusal("'\\\(letter)' is not known; \\n and \\t are", at: place - 2)
    default: return escaped
    }
  }

  private mutating func readSet() throws(DecoderError) -> TokenPattern {
    let start = place
    place += 1
    if next == "^" { throw refusal("sets cannot be negated; write \\^ for the sign itself") }
    var tokens: Set<Int32> = []
    var count = 0
    while let character = next, character != "]" {
      let first = try readSetCharacter()
      var last = first
      if next == "-", place + 1 < characters.count, characters[place + 1] != "]" {
        place += 1
        last = try readSetCharacter()
      }
      let (low, high) = (Self.scalar(first), Self.scalar(last))
      guard let low, let high, low <= high else {
        guard first == last else { throw refusal("'\(first)-\(last)' is no range of single code points", at: start) }
        tokens.insert(try token(of: first, at: start))
        continue
      }
      count += Int(high - low) + 1
      guard count <= Self.maximumSetSize else { throw refusal("a set of more than \(Self.maximumSetSize) characters", at: start) }
      for value in low...high {
        guard let scalar = Unicode.Scalar(value) else { continue }
        tokens.insert(try token(of: Character(scalar), at: start))
      }
    }
    guard next == "]" else { throw refusal("the set is not closed", at: start) }
    guard !tokens.isEmpty else { throw refusal("the set is empty", at: start) }
    place += 1
    return .any(of: tokens)
  }

  /// In a set only the backslash and the bracket that closes mean something.
  private mutating func readSetCharacter() throws(DecoderError) -> Character {
    if characters[place] == "\\" { return try readCharacter() }
    place += 1
    return characters[place - 1]
  }

  private static func scalar(_ character: Character) -> UInt32? {
    character.unicodeScalars.count == 1 ? character.unicodeScalars.first?.value : nil
  }

  private func token(of character: Character, at start: Int) throws(DecoderError) -> Int32 {
    let tokens = encode(String(character))
    guard tokens.count == 1 else {
      throw refusal(
        "'\(character)' is \(tokens.count) tokens, and a set holds characters that are one each; write a group, (a|b)", at: start)
    }
    return tokens[0]
  }

  /// How often the part before may stand; nil where nothing says so.
  private mutating func readCounts() throws(DecoderError) -> ClosedRange<Int>? {
    if next == "?" {
      place += 1
      return 0...1
    }
    guard next == "{" else { return nil }
    let start = place
    place += 1
    let least = readNumber()
    var most = least
    if next == "," {
      place += 1
      most = readNumber()
    }
    let limit = TokenPatternConstraint.maximumPositions
    guard next == "}", let least, let most, least <= most, (1...limit).contains(most) else {
      throw refusal("expected {n} or {m,n} with m <= n and n from 1 to \(limit); repetitions need a bound", at: start)
    }
    place += 1
    return least...most
  }

  private mutating func readNumber() -> Int? {
    var digits = ""
    while let digit = next, digit.isASCII, digit.isNumber, digits.count < 9 {
      digits.append(digit)
      place += 1
    }
    return Int(digits)
  }
}
