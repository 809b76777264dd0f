import GradusCore

/// The tags and texts of a piece of SGML or XML, as loosely as TREC's files need it.
///
/// A `<` that does not start a tag is text. Comments, declarations and processing instructions are passed over.
struct Markup {
  enum Piece {
    /// Lower-cased name, whether it is an end tag, and what stands between the name and the bracket.
    case tag(name: String, isEnd: Bool, attributes: Range<Int>)
    case text(Range<Int>)
  }

  let bytes: UnsafeBufferPointer<UInt8>
  private(set) var offset = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  mutating func next() -> Piece? {
    while offset < bytes.count {
      let start = offset
      if bytes[start] == UInt8(ascii: "<"), let piece = markup() {
        if let piece { return piece }
        continue
      }
      offset = bytes[(start + 1)...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.count
      return .text(start..<offset)
    }
    return nil
  }

  /// At a `<`: a tag, `.some(nil)` for something to pass over, nil where it is only text.
  private mutating func markup() -> Piece?? {
    if starts("<!--") {
      offset = end(of: "-->", from: offset + 4) ?? bytes.count
      return .some(nil)
    }
    if starts("<![CDATA[") {
      let start = offset + 9
      let close = end(of: "]]>", from: start)
      offset = close ?? bytes.count
      return .text(start..<max(start, (close.map { $0 - 3 }) ?? bytes.count))
    }
    var index = offset + 1
    guard index < bytes.count else { return nil }
    if bytes[index] == UInt8(ascii: "!") || bytes[index] == UInt8(ascii: "?") {
      offset = end(of: ">", from: index) ?? bytes.count
      return .some(nil)
    }
    let isEnd = bytes[index] == UInt8(ascii: "/")
    if isEnd { index += 1 }
    let nameStart = index
    while index < bytes.count, Self.isNameByte(bytes[index]) { index += 1 }
    guard index > nameStart, Self.isLetter(bytes[nameStart]), let after = end(of: ">", from: index),
      FieldSplitter.isSpace(bytes[index]) || bytes[index] == UInt8(ascii: ">") || bytes[index] == UInt8(ascii: "/")
    else { return nil }
    let name = String(decoding: bytes[nameStart..<index].map { Self.isLetter($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    offset = after
    return .tag(name: name, isEnd: isEnd, attributes: index..<(after - 1))
  }

  private func starts(_ prefix: StaticString) -> Bool {
    bytes[offset...].starts(with: UnsafeBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount))
  }

  /// The offset after the next `mark`, or nil where there is none.
  private func end(of mark: StaticString, from start: Int) -> Int? {
    let wanted = UnsafeBufferPointer(start: mark.utf8Start, count: mark.utf8CodeUnitCount)
    var index = start
    while index + wanted.count <= bytes.count {
      guard let found = bytes[index...].firstIndex(of: wanted[0]) else { return nil }
      if bytes[found...].starts(with: wanted) { return found + wanted.count }
      index = found + 1
    }
    return nil
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    isLetter(byte) || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":")
  }

  // MARK: Texts

  /// Appends the text with XML's five entities and numeric references resolved and white space squeezed to single spaces.
  static func appendText(_ text: some Collection<UInt8>, to output: inout [UInt8]) {
    var index = text.startIndex
    while index < text.endIndex {
      let byte = text[index]
      if FieldSplitter.isSpace(byte) {
        if let last = output.last, last != 0x20 { output.append(0x20) }
      } else if byte == UInt8(ascii: "&"), let (scalar, after) = reference(text[index...]) {
        output.append(contentsOf: String(scalar).utf8)
        index = after
        continue
      } else {
        output.append(byte)
      }
      index = text.index(after: index)
    }
  }

  private static func reference<Text: Collection<UInt8>>(_ text: Text) -> (Unicode.Scalar, Text.Index)? {
    guard let end = text.prefix(12).firstIndex(of: UInt8(ascii: ";")) else { return nil }
    let name = String(decoding: text[text.index(after: text.startIndex)..<end], as: UTF8.self)
    let after = text.index(after: end)
    switch name {
    case "amp": return ("&", after)
    case "lt": return ("<", after)
    case "gt": return (">", after)
    case "quot": return ("\"", after)
    case "apos": return ("'", after)
    default:
      guard name.hasPrefix("#") else { return nil }
      let digits = name.dropFirst()
      let value = digits.first == "x" || digits.first == "X" ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
      return value.flatMap(Unicode.Scalar.init).map { ($0, after) }
    }
  }
}
