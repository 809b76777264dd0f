/// How a text is cut into the words that byte-pair merges do not cross.
///
/// Each case is one of the regular expressions that the decoder families ship; they are matched by hand-written scanners
/// over Unicode's categories, to the same pieces.
public enum PreTokenizer: Sendable, Equatable, CaseIterable {
  /// GPT-2: contractions, letters, numbers and other characters apart, each with the space before it.
  case gpt2
  /// Every number character alone, then as ``gpt2``: SmolLM, StarCoder.
  case smollm
  /// Llama 3: one leading character before letters, numbers in groups of three, line ends after punctuation.
  case llama3
  /// Qwen 2 and 3: as ``llama3``, but every number character alone.
  case qwen2
  /// The whole text is one word, as in SentencePiece.
  case none

  /// The pattern's text in `tokenizer.json`.
  static let gpt2Pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  static func modernPattern(_ numbers: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + numbers
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// The scanner for a `Split` pattern of `tokenizer.json`; nil where none is known.
  init?(pattern: String) {
    switch pattern {
    case Self.gpt2Pattern: self = .gpt2
    case Self.modernPattern(#"\p{N}{1,3}"#): self = .llama3
    case Self.modernPattern(#"\p{N}"#): self = .qwen2
    default: return nil
    }
  }

  /// The scanner for `tokenizer.ggml.pre`; nil where none is known.
  init?(gguf name: String) {
    switch name {
    case "gpt-2", "default", "phi-2", "olmo", "jais", "mpt": self = .gpt2
    case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone": self = .smollm
    case "llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral": self = .llama3
    case "qwen2", "deepseek-r1-qwen", "megrez": self = .qwen2
    default: return nil
    }
  }
}

/// What a character is to a pre-tokenizer.
enum CharacterClass {
  static let other: UInt8 = 0
  static let letter: UInt8 = 1
  static let number: UInt8 = 2
  static let space: UInt8 = 3
  static let lineEnd: UInt8 = 4

  /// Classes of the scalars below U+3400, where nearly all text but ideographs lies.
  static let table: [UInt8] = (0..<0x3400).map { Unicode.Scalar(UInt32($0)).map(classify) ?? other }

  static func classify(_ scalar: Unicode.Scalar) -> UInt8 {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: letter
    case .decimalNumber, .letterNumber, .otherNumber: number
    default: scalar == "\r" || scalar == "\n" ? lineEnd : scalar.properties.isWhitespace ? space : other
    }
  }
}

/// Finds the ends of words in UTF-8.
struct WordScanner {
  let text: UnsafePointer<UInt8>
  /// No word goes past it.
  let end: Int
  let classes: UnsafePointer<UInt8>

  /// The class of the character at `index`, and its width; a class that no rule names at the end.
  @inline(__always)
  private func character(_ index: Int) -> (kind: UInt8, width: Int) {
    guard index < end else { return (0xFF, 0) }
    let byte = text[index]
    if byte < 0x80 { return (classes[Int(byte)], 1) }
    return wide(index)
  }

  private func wide(_ index: Int) -> (kind: UInt8, width: Int) {
    let (value, width) = UTF8Scalar.decode(UnsafeBufferPointer(start: text, count: end), at: index)
    if value < 0x3400 { return (classes[Int(value)], width) }
    // Ideographs and Hangul, without a look at the property tables.
    if value >= 0x4E00 && value < 0x9FF0 || value >= 0xAC00 && value < 0xD7A4 { return (CharacterClass.letter, width) }
    return (Unicode.Scalar(value).map(CharacterClass.classify) ?? CharacterClass.other, width)
  }

  /// The end of the run of characters of one class that goes through `index`.
  @inline(__always)
  private func run(_ kind: UInt8, from index: Int) -> Int {
    var index = index
    while true {
      let (next, width) = character(index)
      if next != kind { return index }
      index += width
    }
  }

  @inline(__always)
  private static func isWhite(_ kind: UInt8) -> Bool { kind == CharacterClass.space || kind == CharacterClass.lineEnd }

  @inline(__always)
  func wordEnd(_ rule: PreTokenizer, from start: Int) -> Int {
    switch rule {
    case .gpt2: classic(start, separatesNumbers: false)
    case .smollm: classic(start, separatesNumbers: true)
    case .llama3: modern(start, numbers: 3)
    case .qwen2: modern(start, numbers: 1)
    case .none: end
    }
  }

  private func classic(_ start: Int, separatesNumbers: Bool) -> Int {
    let (kind, width) = character(start)
    if text[start] == UInt8(ascii: "'"), let end = contraction(start, ignoresCase: false) { return end }
    var body = start
    var bodyKind = kind
    if text[start] == UInt8(ascii: " ") {
      (bodyKind, _) = character(start + 1)
      body = start + 1
    }
    switch bodyKind {
    case CharacterClass.number:
      // Where numbers stand alone, the space before one is a word of its own.
      if separatesNumbers { return body == start ? start + width : body }
      return run(bodyKind, from: body)
    case CharacterClass.letter, CharacterClass.other: return run(bodyKind, from: body)
    default: return white(start, numberEnds: separatesNumbers)
    }
  }

  private func modern(_ start: Int, numbers: Int) -> Int {
    let (kind, width) = character(start)
    if text[start] == UInt8(ascii: "'"), let end = contraction(start, ignoresCase: true) { return end }
    switch kind {
    case CharacterClass.letter: return run(kind, from: start)
    case CharacterClass.number:
      var index = start
      for _ in 0..<numbers {
        let (next, width) = character(index)
        if next != CharacterClass.number { break }
        index += width
      }
      return index
    case CharacterClass.other, CharacterClass.space:
      let (next, _) = character(start + width)
      if next == CharacterClass.letter { return run(next, from: start + width) }
      if kind == CharacterClass.other || text[start] == UInt8(ascii: " ") && next == CharacterClass.other {
        return run(CharacterClass.lineEnd, from: run(CharacterClass.other, from: start + (kind == next ? 0 : width)))
      }
    default: break
    }
    // White space up to the last line end in it, or all but the last character of it.
    var index = start
    var lineEnd = 0
    while true {
      let (next, width) = character(index)
      guard Self.isWhite(next) else { break }
      index += width
      if next == CharacterClass.lineEnd { lineEnd = index }
    }
    return lineEnd > 0 ? lineEnd : white(start, numberEnds: false)
  }

  /// White space: all of it at the end of the text, else all but its last character, but one at least.
  ///
  /// - Parameter numberEnds: A number cuts the text first, so that white space before it is at an end.
  private func white(_ start: Int, numberEnds: Bool) -> Int {
    var index = start
    var last = start
    while true {
      let (kind, width) = character(index)
      guard Self.isWhite(kind) else {
        let isEnd = index == end || numberEnds && kind == CharacterClass.number
        return isEnd || last == start ? index : last
      }
      last = index
      index += width
    }
  }

  /// The end of `'s 't 'm 'd 're 've 'll` at `start`.
  private func contraction(_ start: Int, ignoresCase: Bool) -> Int? {
    guard start + 1 < end else { return nil }
    let mask: UInt8 = ignoresCase ? 0x20 : 0
    let first = text[start + 1] | mask
    switch first {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    case 0xC5 | mask where ignoresCase && start + 2 < end && text[start + 1] == 0xC5 && text[start + 2] == 0xBF:
      return start + 3  // the long s, whose capital is S
    default: break
    }
    guard start + 2 < end else { return nil }
    let second = text[start + 2] | mask
    let e = UInt8(ascii: "e")
    let l = UInt8(ascii: "l")
    let isLong = second == e && (first == UInt8(ascii: "r") || first == UInt8(ascii: "v")) || first == l && second == l
    return isLong ? start + 3 : nil
  }
}
