/// A piece of a template: text between tags, or a word of a tag.
struct TemplateToken: Sendable {
  enum Kind: Sendable, Equatable {
    case data([UInt32])
    case variableBegin, variableEnd, blockBegin, blockEnd
    case name(String)
    case string([UInt32])
    case integer(Int)
    case float(Double)
    case symbol(String)
    case end
  }

  let kind: Kind
  let line: Int

  /// For errors.
  var description: String {
    switch kind {
    case .data: "text"
    case .variableBegin: "'{{'"
    case .variableEnd: "'}}'"
    case .blockBegin: "'{%'"
    case .blockEnd: "'%}'"
    case .name(let name): "'\(name)'"
    case .string: "a string"
    case .integer, .float: "a number"
    case .symbol(let symbol): "'\(symbol)'"
    case .end: "the end of the template"
    }
  }
}

/// Cuts a template into tokens, with `trim_blocks` and `lstrip_blocks` as Hugging Face sets them: the line end after a block
/// goes, and so does white space between the start of a line and a block.
struct TemplateLexer {
  private let source: [UInt32]
  private let name: String
  private var index = 0
  private var line = 1
  private var lineIndex = 0
  private var isLineStart = true
  private var tokens: [TemplateToken] = []

  static func tokens(of text: String, source name: String, limits: TemplateLimits) throws -> [TemplateToken] {
    var lexer = TemplateLexer(text, name)
    guard lexer.source.count <= limits.sourceCharacters else {
      throw TemplateError(source: name, line: 1, reason: .limit("characters", maximum: limits.sourceCharacters))
    }
    try lexer.run()
    return lexer.tokens
  }

  /// All line ends become `\n`, and the last one goes.
  private init(_ text: String, _ name: String) {
    self.name = name
    var source: [UInt32] = []
    var wasReturn = false
    for scalar in text.unicodeScalars {
      if scalar == "\n", wasReturn {
        wasReturn = false
        continue
      }
      wasReturn = scalar == "\r"
      source.append(wasReturn ? 0x0A : scalar.value)
    }
    if source.last == 0x0A { source.removeLast() }
    self.source = source
  }

  // MARK: Helpers

  private func at(_ place: Int) -> UInt32 { place < source.count ? source[place] : 0 }
  private func isNext(_ text: StaticString, at place: Int) -> Bool {
    let count = text.utf8CodeUnitCount
    guard place + count <= source.count else { return false }
    return (0..<count).allSatisfy { source[place + $0] == UInt32(text.utf8Start[$0]) }
  }

  private func find(_ text: StaticString, from start: Int) -> Int? {
    var place = start
    while place < source.count {
      if isNext(text, at: place) { return place }
      place += 1
    }
    return nil
  }

  private func skipSpace(from start: Int) -> Int {
    var place = start
    while place < source.count, TemplateText.isSpace(source[place]) { place += 1 }
    return place
  }

  /// The line of `index`; asked for in rising order.
  private mutating func currentLine() -> Int {
    while lineIndex < index, lineIndex < source.count {
      if source[lineIndex] == 0x0A { line += 1 }
      lineIndex += 1
    }
    return line
  }

  private mutating func append(_ kind: TemplateToken.Kind) { tokens.append(TemplateToken(kind: kind, line: currentLine())) }

  private mutating func fail(_ expected: String, _ found: String) -> TemplateError {
    TemplateError(source: name, line: currentLine(), reason: .syntax(expected: expected, found: found))
  }

  // MARK: Text

  private mutating func run() throws {
    while index < source.count {
      guard let open = nextOpening() else {
        append(.data(Array(source[index...])))
        index = source.count
        break
      }
      let kind = source[open + 1]
      let sign = at(open + 2)
      appendData(index..<open, sign: sign, isVariable: kind == UInt32(ascii: "{"))
      index = open
      let inside = open + (sign == UInt32(ascii: "-") || sign == UInt32(ascii: "+") ? 3 : 2)
      switch kind {
      case UInt32(ascii: "#"): try skipComment(from: inside)
      case UInt32(ascii: "{"):
        append(.variableBegin)
        try readTag(from: inside, isVariable: true)
      default:
        if let body = rawBody(from: inside) {
          try readRaw(from: body)
        } else {
          append(.blockBegin)
          try readTag(from: inside, isVariable: false)
        }
      }
    }
    append(.end)
  }

  private func nextOpening() -> Int? {
    var place = index
    while place + 1 < source.count {
      if source[place] == UInt32(ascii: "{"),
        [UInt32(ascii: "{"), UInt32(ascii: "%"), UInt32(ascii: "#")].contains(source[place + 1])
      {
        return place
      }
      place += 1
    }
    return nil
  }

  /// Text before a tag, without the white space that the tag takes.
  private mutating func appendData(_ range: Range<Int>, sign: UInt32, isVariable: Bool) {
    var end = range.upperBound
    if sign == UInt32(ascii: "-") {
      while end > range.lowerBound, TemplateText.isSpace(source[end - 1]) { end -= 1 }
    } else if sign != UInt32(ascii: "+"), !isVariable {
      var start = end
      while start > range.lowerBound, source[start - 1] != 0x0A { start -= 1 }
      if start > range.lowerBound || isLineStart, source[start..<end].allSatisfy(TemplateText.isSpace) { end = start }
    }
    if end > range.lowerBound { append(.data(Array(source[range.lowerBound..<end]))) }
  }

  /// Behind the end of a tag that stands at `place`, with the white space that it takes.
  private mutating func endTag(at place: Int, sign: UInt32, isVariable: Bool) {
    index = place + 2
    if sign == UInt32(ascii: "-") {
      index = skipSpace(from: index)
    } else if !isVariable, sign != UInt32(ascii: "+"), at(index) == 0x0A {
      index += 1
    }
    isLineStart = source[index - 1] == 0x0A
  }

  private mutating func skipComment(from start: Int) throws {
    guard let end = find("#}", from: start) else { throw fail("'#}' after a comment", "the end of the template") }
    endTag(at: end, sign: end > start ? source[end - 1] : 0, isVariable: false)
  }

  /// Behind `{% raw %}`; nil where the tag is another one.
  private func rawBody(from start: Int) -> Int? {
    let word = skipSpace(from: start)
    guard isNext("raw", at: word) else { return nil }
    let end = skipSpace(from: word + 3)
    if isNext("-%}", at: end) { return skipSpace(from: end + 3) }
    return isNext("%}", at: end) ? end + 2 : nil
  }

  private mutating func readRaw(from start: Int) throws {
    var place = start
    isLineStart = source[start - 1] == 0x0A
    while let open = find("{%", from: place) {
      let sign = at(open + 2)
      let word = skipSpace(from: open + (sign == UInt32(ascii: "-") || sign == UInt32(ascii: "+") ? 3 : 2))
      let end = isNext("endraw", at: word) ? skipSpace(from: word + 6) : source.count
      let endSign = at(end)
      let mark = endSign == UInt32(ascii: "-") || endSign == UInt32(ascii: "+") ? end + 1 : end
      if isNext("%}", at: mark) {
        appendData(start..<open, sign: sign, isVariable: false)
        return endTag(at: mark, sign: mark > end ? endSign : 0, isVariable: false)
      }
      place = open + 2
    }
    throw fail("'{% endraw %}'", "the end of the template")
  }

  // MARK: Tags

  private mutating func readTag(from start: Int, isVariable: Bool) throws {
    index = start
    var brackets: [UInt32] = []
    while true {
      index = skipSpace(from: index)
      guard index < source.count else { throw fail(isVariable ? "'}}'" : "'%}'", "the end of the template") }
      if brackets.isEmpty {
        let sign = source[index]
        let isSigned = sign == UInt32(ascii: "-") || sign == UInt32(ascii: "+") && !isVariable
        let mark = isSigned ? index + 1 : index
        if isVariable ? isNext("}}", at: mark) : isNext("%}", at: mark) {
          append(isVariable ? .variableEnd : .blockEnd)
          return endTag(at: mark, sign: isSigned ? sign : 0, isVariable: isVariable)
        }
      }
      switch source[index] {
      case UInt32(ascii: "'"), UInt32(ascii: "\""): try readString()
      case UInt32(ascii: "0")...UInt32(ascii: "9"): try readNumber()
      case let character where Self.isNameStart(character): readName()
      default: try readSymbol(&brackets)
      }
    }
  }

  private static func isNameStart(_ value: UInt32) -> Bool {
    value == UInt32(ascii: "_") || TemplateText.scalar(value)?.properties.isXIDStart ?? false
  }

  private mutating func readName() {
    let start = index
    var end = index
    while end < source.count,
      source[end] == UInt32(ascii: "_") || TemplateText.scalar(source[end])?.properties.isXIDContinue ?? false
    {
      end += 1
    }
    append(.name(TemplateText(source[start..<end]).string))
    index = end
  }

  private mutating func readSymbol(_ brackets: inout [UInt32]) throws {
    for symbol in ["//", "**", "==", "!=", ">=", "<="] as [StaticString] where isNext(symbol, at: index) {
      append(.symbol("\(symbol)"))
      index += 2
      return
    }
    let character = source[index]
    let text = TemplateText([character]).string
    switch text {
    case "(": brackets.append(UInt32(ascii: ")"))
    case "[": brackets.append(UInt32(ascii: "]"))
    case "{": brackets.append(UInt32(ascii: "}"))
    case ")", "]", "}":
      guard let expected = brackets.popLast() else { throw fail("the end of the tag", "'\(text)'") }
      guard expected == character else { throw fail("'\(TemplateText([expected]).string)'", "'\(text)'") }
    case "+", "-", "*", "/", "%", "~", ">", "<", "=", ".", ":", "|", ",": break
    default: throw fail("an expression", "'\(text)'")
    }
    append(.symbol(text))
    index += 1
  }

  private mutating func digits(_ text: inout String) {
    while index < source.count {
      if let digit = TemplateText.scalar(source[index]), "0"..."9" ~= digit {
        text.unicodeScalars.append(digit)
      } else {
        guard source[index] == UInt32(ascii: "_"), UInt32(ascii: "0")...UInt32(ascii: "9") ~= at(index + 1) else { return }
      }
      index += 1
    }
  }

  private mutating func readNumber() throws {
    let start = index
    var text = ""
    digits(&text)
    let isDigit = { (value: UInt32) in UInt32(ascii: "0")...UInt32(ascii: "9") ~= value }
    // After a point comes an index: x.0.1
    var isFloat = false
    if tokens.last?.kind != .symbol(".") {
      if at(index) == UInt32(ascii: "."), isDigit(at(index + 1)) {
        isFloat = true
        text += "."
        index += 1
        digits(&text)
      }
      let sign = at(index + 1) == UInt32(ascii: "-") || at(index + 1) == UInt32(ascii: "+") ? 1 : 0
      if at(index) | 0x20 == UInt32(ascii: "e"), isDigit(at(index + 1 + sign)) {
        isFloat = true
        text += at(index + 1) == UInt32(ascii: "-") ? "e-" : "e"
        index += 1 + sign
        digits(&text)
      }
    }
    let end = index
    index = start
    if isFloat {
      guard let value = Double(text) else { throw fail("a number", "'\(text)'") }
      append(.float(value))
    } else {
      guard let value = Int(text) else { throw fail("an integer below 2^63", "'\(text.prefix(40))'") }
      append(.integer(value))
    }
    index = end
  }

  /// With Python's escapes.
  private mutating func readString() throws {
    let quote = source[index]
    var place = index + 1
    var result: [UInt32] = []
    while true {
      guard place < source.count else { throw fail("the end of the string", "the end of the template") }
      let character = source[place]
      place += 1
      if character == quote { break }
      guard character == UInt32(ascii: "\\"), place < source.count else {
        result.append(character)
        continue
      }
      let escape = source[place]
      place += 1
      switch TemplateText([escape]).string {
      case "\n": break
      case "\\", "'", "\"": result.append(escape)
      case "a": result.append(0x07)
      case "b": result.append(0x08)
      case "f": result.append(0x0C)
      case "n": result.append(0x0A)
      case "r": result.append(0x0D)
      case "t": result.append(0x09)
      case "v": result.append(0x0B)
      case "x": result.append(try hexadecimal(&place, 2))
      case "u": result.append(try hexadecimal(&place, 4))
      case "U": result.append(try hexadecimal(&place, 8))
      case "0", "1", "2", "3", "4", "5", "6", "7":
        var value = escape - UInt32(ascii: "0")
        for _ in 0..<2 where UInt32(ascii: "0")...UInt32(ascii: "7") ~= at(place) {
          value = value * 8 + at(place) - UInt32(ascii: "0")
          place += 1
        }
        result.append(value)
      default: result += [UInt32(ascii: "\\"), escape]
      }
    }
    append(.string(result))
    index = place
  }

  private mutating func hexadecimal(_ place: inout Int, _ count: Int) throws -> UInt32 {
    let text = TemplateText(source[place..<min(place + count, source.count)]).string
    guard text.utf8.count == count, text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let value = UInt32(text, radix: 16), Unicode.Scalar(value) != nil
    else { throw fail("\(count) hexadecimal digits of a character", "'\(text)'") }
    place += count
    return value
  }
}

extension UInt32 {
  /// The code point of an ASCII character.
  init(ascii character: Unicode.Scalar) { self = character.value }
}
