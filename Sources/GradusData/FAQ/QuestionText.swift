/// The wording of a question in a FAQ's heading.
enum QuestionText {
  /// Takes off what numbers the heading: `3.1.4`, `2.3:`, `G4.`, `(FAQ 1a)`, `Q:`.
  ///
  ///     QuestionText.clean("2.3: Why do my csh aliases not work?")   // "Why do my csh aliases not work?"
  static func clean(_ heading: String) -> String {
    var text = heading.squeezed[...]
    for mark in ["Q:", "Question:"] where text.hasPrefix(mark) { text = text.dropFirst(mark.count).drop { $0 == " " } }
    if text.hasPrefix("(FAQ "), let end = text.firstIndex(of: ")") { text = text[text.index(after: end)...].drop { $0 == " " } }
    if let blank = text.firstIndex(of: " "), isNumber(text[..<blank]) { text = text[blank...].drop { $0 == " " } }
    while let last = text.last, last == "¶" || last == "#" || last == "§" || last == " " { text = text.dropLast() }
    return String(text)
  }

  /// Whether the heading ends with a question mark, a remark in parentheses after it allowed.
  static func isMarked(_ heading: String) -> Bool {
    let text = clean(heading)
    guard let mark = text.lastIndex(of: "?") else { return false }
    let rest = text[text.index(after: mark)...].filter { !"\"'”’)!".contains($0) }.trimmed
    return rest.isEmpty || rest.hasPrefix("(")
  }

  /// `3`, `3.`, `3.1.4`, `2.3:`, `G4.`, `A.1`; not `3D` or `C++`.
  private static func isNumber(_ token: Substring) -> Bool {
    var rest = token
    let hadMark = rest.last.map { ".:)".contains($0) } ?? false
    while let last = rest.last, ".:)".contains(last) { rest = rest.dropLast() }
    let parts = rest.split(separator: ".", omittingEmptySubsequences: false)
    guard let first = parts.first, !first.isEmpty else { return false }
    let digits = first.first!.isLetter ? first.dropFirst() : first
    let isLettered = digits.count < first.count
    guard digits.allSatisfy(\.isNumber), parts.dropFirst().allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isNumber) }) else {
      return false
    }
    if isLettered { return (hadMark || parts.count > 1) && (!digits.isEmpty || parts.count > 1) }
    return !digits.isEmpty && (hadMark || parts.count > 1)
  }
}
