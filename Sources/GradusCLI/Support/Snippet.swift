/// The stretch of a passage that shows best why it was found.
///
/// Words are taken whole; white space and control characters, which could steer the terminal, become single spaces.
struct Snippet {
  private struct Word {
    let text: String
    let width: Int
    let isMatch: Bool
  }

  private let words: [Word]
  private let range: Range<Int>

  /// - Parameters:
  ///   - matches: Ranges of `text` to highlight, in order.
  ///   - width: Columns for the text, in all lines together.
  init(_ text: String, matches: [Range<String.Index>], width: Int) {
    words = Self.words(of: text, matches)
    range = Self.bestRange(words, width: width)
  }

  /// The stretch in lines of at most `width` columns, matches in bold; "..." stands where the passage goes on.
  func lines(width: Int, terminal: Terminal) -> [String] {
    var lines: [String] = []
    var line = range.lowerBound > 0 ? "..." : ""
    var used = line.count
    func add(_ text: String, _ columns: Int) {
      if used > 0, used + 1 + columns > width {
        lines.append(line)
        (line, used) = ("", 0)
      }
      line += (used > 0 ? " " : "") + text
      used += (used > 0 ? 1 : 0) + columns
    }
    for word in words[range] { add(word.isMatch ? terminal.bold(word.text) : word.text, word.width) }
    if range.upperBound < words.count { add("...", 3) }
    return line.isEmpty ? lines : lines + [line]
  }

  private static func words(of text: String, _ matches: [Range<String.Index>]) -> [Word] {
    var words: [Word] = []
    var current = ""
    var isMatch = false
    var next = matches.startIndex
    func finish() {
      if !current.isEmpty { words.append(Word(text: current, width: DisplayWidth.of(current), isMatch: isMatch)) }
      (current, isMatch) = ("", false)
    }
    for index in text.indices {
      while next < matches.endIndex, matches[next].upperBound <= index { next += 1 }
      let character = text[index]
      if character.isWhitespace || character.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
        finish()
        continue
      }
      current.append(character)
      if next < matches.endIndex, matches[next].lowerBound <= index { isMatch = true }
    }
    finish()
    return words
  }

  /// The window with the most different matching words, then the most matching words, then the earliest.
  private static func bestRange(_ words: [Word], width: Int) -> Range<Int> {
    guard let first = words.firstIndex(where: \.isMatch) else { return 0..<end(words, from: 0, width: width) }
    var best = 0..<end(words, from: 0, width: width)
    var bestScore = score(words[best])
    for start in first..<words.count where words[start].isMatch {
      // Some words before the first match show what it belongs to.
      let lead = max(0, start - 6)
      let candidate = lead..<end(words, from: lead, width: width)
      let candidateScore = score(words[candidate])
      if candidateScore > bestScore { (best, bestScore) = (candidate, candidateScore) }
    }
    return best
  }

  private static func end(_ words: [Word], from start: Int, width: Int) -> Int {
    var used = 0
    var end = start
    while end < words.count, used + words[end].width + 1 <= width || end == start {
      used += words[end].width + 1
      end += 1
    }
    return end
  }

  private static func score(_ words: ArraySlice<Word>) -> (Int, Int) {
    let matches = words.filter(\.isMatch)
    return (Set(matches.map { $0.text.lowercased() }).count, matches.count)
  }
}
