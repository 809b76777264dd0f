/// A piece of a manual page in reading order, with white space squeezed to single blanks.
enum DocumentBlock: Equatable {
  /// Level 1 is the page's title.
  case heading(level: Int, text: String)
  /// What a definition list defines: a function's signature, an option.
  case term(String)
  /// A paragraph, list item or table row.
  case prose(String)
  case code(String)
}

extension StringProtocol {
  /// Runs of white space become one blank; none at the ends.
  var squeezed: String { split(whereSeparator: \.isWhitespace).joined(separator: " ") }

  /// How many pieces white space separates.
  var wordCount: Int {
    var count = 0
    var isInside = false
    for byte in utf8 {
      let isBlank = byte == 0x20 || (0x09...0x0D).contains(byte)
      if !isBlank && !isInside { count += 1 }
      isInside = !isBlank
    }
    return count
  }

  /// Lower-case words of letters and digits, punctuation gone: what leak and duplicate checks compare.
  var normalizedWords: [Substring] {
    lowercased().split { !($0.isLetter || $0.isNumber) }
  }
}
