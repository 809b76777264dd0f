/// Reads Perl's documentation format POD as blocks (perlpodspec says what it means).
///
///     PodParser.blocks(of: "=head2 What is C<splice>?\n\nIt removes elements.\n")
///     // [.heading(level: 2, text: "What is splice?"), .prose("It removes elements.")]
///
/// Text before the first command is code and is left out, as are `=begin` ... `=end` and `=for`.
enum PodParser {
  static func blocks(of text: String) -> [DocumentBlock] {
    var blocks: [DocumentBlock] = []
    var isPod = false
    var skippedFormat: Substring?
    for paragraph in paragraphs(of: text) {
      if paragraph.hasPrefix("="), let letter = paragraph.dropFirst().first, letter.isLetter {
        let command = paragraph.dropFirst().prefix { !$0.isWhitespace }
        let argument = paragraph.dropFirst(command.count + 1).squeezed
        if let format = skippedFormat {
          if command == "end", argument == format { skippedFormat = nil }
          continue
        }
        switch command {
        case "head1", "head2", "head3", "head4", "head5", "head6":
          blocks.append(.heading(level: Int(String(command.last!))!, text: plainText(argument)))
        case "item":
          // Bullets and numbers only say that an item begins.
          let text = plainText(argument)
          let isMark = text.isEmpty || text == "*" || text.allSatisfy { $0.isNumber || $0 == "." || $0 == ")" }
          if !isMark { blocks.append(.term(text.hasPrefix("* ") ? String(text.dropFirst(2)) : text)) }
        case "begin": skippedFormat = argument.split(separator: " ").first ?? ""
        default: break  // =pod, =over, =back, =encoding, =for, =cut: nothing to read.
        }
        isPod = command != "cut"
      } else if isPod, skippedFormat == nil {
        if paragraph.first == " " || paragraph.first == "\t" {
          blocks.append(.code(paragraph.squeezed))
        } else {
          let text = plainText(paragraph.squeezed)
          if !text.isEmpty { blocks.append(.prose(text)) }
        }
      }
    }
    return blocks
  }

  /// Pieces between blank lines.
  private static func paragraphs(of text: String) -> [Substring] {
    var result: [Substring] = []
    var start: Substring.Index?
    var end = text.startIndex
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      if line.allSatisfy(\.isWhitespace) {
        if let from = start { result.append(text[from..<end]) }
        start = nil
      } else {
        if start == nil { start = line.startIndex }
        end = line.endIndex
      }
    }
    if let from = start { result.append(text[from..<end]) }
    return result
  }

  /// The text with formatting codes resolved: `C<x>` is `x`, `L<text|name>` is `text`, `X<...>` is gone.
  static func plainText(_ text: some StringProtocol) -> String {
    var scanner = Scanner(characters: Array(text))
    return scanner.read(until: nil).squeezed
  }

  private struct Scanner {
    let characters: [Character]
    var position = 0

    init(characters: [Character]) { self.characters = characters }

    /// Reads up to the closing mark (`>` or blank and as many `>` as opened it), or to the end.
    mutating func read(until closing: [Character]?) -> String {
      var result = ""
      while position < characters.count {
        if let closing, matches(closing) {
          position += closing.count
          return result
        }
        let character = characters[position]
        if character.isUppercase, character.isASCII, position + 1 < characters.count, characters[position + 1] == "<" {
          result += readCode(character)
        } else {
          result.append(character)
          position += 1
        }
      }
      return result
    }

    private func matches(_ wanted: [Character]) -> Bool {
      position + wanted.count <= characters.count && Array(characters[position..<position + wanted.count]) == wanted
    }

    private mutating func readCode(_ letter: Character) -> String {
      position += 1
      var brackets = 0
      while position < characters.count, characters[position] == "<" {
        brackets += 1
        position += 1
      }
      // `C<<x>>` without blanks is one bracket and a literal `<`.
      let isWide = brackets > 1 && position < characters.count && characters[position].isWhitespace
      if brackets > 1 && !isWide {
        position -= brackets - 1
        brackets = 1
      }
      let closing: [Character] = (isWide ? [" "] : []) + Array(repeating: ">", count: brackets)
      let content = read(until: closing)
      switch letter {
      case "X", "Z": return ""
      case "E": return PodParser.character(named: content)
      case "L": return PodParser.linkText(content)
      default: return content
      }
    }
  }

  private static func linkText(_ content: String) -> String {
    if let bar = content.firstIndex(of: "|") { return String(content[..<bar]) }
    guard let slash = content.firstIndex(of: "/"), !content.contains("://") else { return content }
    let page = content[..<slash].trimmed
    let section = content[content.index(after: slash)...].trimmed.filter { $0 != "\"" }
    if page.isEmpty { return section }
    return section.isEmpty ? page : section + " in " + page
  }

  private static func character(named name: String) -> String {
    switch name {
    case "lt": return "<"
    case "gt": return ">"
    case "verbar": return "|"
    case "sol": return "/"
    case "amp": return "&"
    case "quot": return "\""
    default:
      let code = name.hasPrefix("0x") ? UInt32(name.dropFirst(2), radix: 16) : UInt32(name)
      if let code, let scalar = Unicode.Scalar(code) { return String(Character(scalar)) }
      return Self.latin1[name].map { String(Character($0)) } ?? ""
    }
  }

  private static let latin1: [String: Unicode.Scalar] = [
    "nbsp": "\u{A0}", "copy": "\u{A9}", "reg": "\u{AE}", "aacute": "\u{E1}", "agrave": "\u{E0}", "auml": "\u{E4}",
    "aring": "\u{E5}", "aelig": "\u{E6}", "ccedil": "\u{E7}", "eacute": "\u{E9}", "egrave": "\u{E8}", "euml": "\u{EB}",
    "iacute": "\u{ED}", "ntilde": "\u{F1}", "oacute": "\u{F3}", "ouml": "\u{F6}", "oslash": "\u{F8}", "szlig": "\u{DF}",
    "uacute": "\u{FA}", "uuml": "\u{FC}", "Eacute": "\u{C9}", "Ouml": "\u{D6}", "Uuml": "\u{DC}", "Auml": "\u{C4}",
  ]
}
