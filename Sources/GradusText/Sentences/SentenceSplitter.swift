/// Cuts text into sentences by punctuation, knowing abbreviations, initials, numbers and closing quotes.
///
///     let splitter = SentenceSplitter()
///     splitter.sentences("Dr. Hall paid 3.50 dollars. \"Too much,\" he said.")
///     // ["Dr. Hall paid 3.50 dollars.", "\"Too much,\" he said."]
///
/// A sentence ends after `.`, `!`, `?` or their kin in other scripts, with the quotes and brackets that close after them,
/// where white space follows; a full stop does not end one after an abbreviation or an initial, nor where the next word
/// starts in lower case. Scripts that put no space after a full stop (`。`) need none. An empty line ends a sentence.
/// Rules, not a model: the same text always gives the same sentences, on any machine.
public struct SentenceSplitter: Sendable {
  /// Words before a full stop that does not end a sentence, in lower case and without it.
  public var abbreviations: Set<String>

  public init(abbreviations: Set<String> = SentenceSplitter.commonAbbreviations) {
    self.abbreviations = abbreviations
  }

  /// Titles, months, Latin and bibliographic abbreviations of English and German prose.
  public static let commonAbbreviations: Set<String> = [
    "al", "approx", "apr", "art", "aug", "bd", "bzw", "ca", "cf", "ch", "col", "dec", "dept", "dr", "ed", "eds", "eq", "eqs",
    "esp", "est", "evtl", "feb", "fig", "figs", "fr", "gen", "ggf", "gov", "hon", "hr", "ibid", "inkl", "jan", "jr", "jul",
    "jun", "lt", "mar", "messrs", "mr", "mrs", "ms", "mt", "no", "nos", "nov", "nr", "oct", "op", "p", "pp", "prof", "ref",
    "refs", "rep", "resp", "rev", "sec", "sen", "sep", "sept", "sgt", "sog", "sr", "st", "str", "usw", "vgl", "viz", "vol",
    "vols", "vs",
  ]

  /// Abbreviations with points inside, which the last letter alone does not betray.
  private static let dotted: Set<String> = ["e.g", "i.e", "a.k.a", "z.b", "d.h", "u.a", "s.o", "s.u", "v.a", "u.s", "u.k", "u.n"]

  /// The sentences without the white space around them.
  public func sentences(_ text: String) -> [String] {
    ranges(text).map { String(text[$0]) }
  }

  /// Where the sentences stand in the text, in order, without the white space around them.
  public func ranges(_ text: String) -> [Range<String.Index>] {
    utf8Ranges(text).map {
      text.utf8.index(text.startIndex, offsetBy: $0.lowerBound)..<text.utf8.index(text.startIndex, offsetBy: $0.upperBound)
    }
  }

  /// Where the sentences stand, in UTF-8 bytes from the start.
  ///
  /// - Complexity: O(bytes).
  public func utf8Ranges(_ text: String) -> [Range<Int>] {
    var scalars: [(scalar: Unicode.Scalar, offset: Int)] = []
    var offset = 0
    for scalar in text.unicodeScalars {
      scalars.append((scalar, offset))
      offset += UTF8.width(scalar)
    }
    var result: [Range<Int>] = []
    var start = 0
    var index = 0
    func close(at end: Int) {
      var (first, last) = (start, end)
      while first < last, scalars[first].scalar.properties.isWhitespace { first += 1 }
      while last > first, scalars[last - 1].scalar.properties.isWhitespace { last -= 1 }
      if first < last { result.append(scalars[first].offset..<(last < scalars.count ? scalars[last].offset : offset)) }
      start = end
    }
    while index < scalars.count {
      let scalar = scalars[index].scalar
      if Self.isTerminator(scalar) || Self.isWideTerminator(scalar) {
        var end = index + 1
        while end < scalars.count, Self.isTerminator(scalars[end].scalar) || Self.isWideTerminator(scalars[end].scalar) {
          end += 1
        }
        let marks = index..<end
        while end < scalars.count, Self.closes(scalars[end].scalar) { end += 1 }
        if endsSentence(marks, scalars, upTo: end, from: start) { close(at: end) }
        index = end
      } else if scalar == "\n", index + 1 < scalars.count, Self.startsEmptyLine(scalars, after: index) {
        close(at: index)
        index += 1
      } else {
        index += 1
      }
    }
    close(at: scalars.count)
    return result
  }

  private typealias Scalars = [(scalar: Unicode.Scalar, offset: Int)]

  private func endsSentence(_ marks: Range<Int>, _ scalars: Scalars, upTo end: Int, from start: Int) -> Bool {
    if end == scalars.count || Self.isWideTerminator(scalars[marks.upperBound - 1].scalar) { return true }
    guard scalars[end].scalar.properties.isWhitespace else { return false }
    guard let next = scalars[end...].first(where: { !$0.scalar.properties.isWhitespace && !Self.opens($0.scalar) }) else {
      return true
    }
    if next.scalar.properties.isLowercase { return false }
    // Only a single full stop can belong to an abbreviation.
    guard marks.count == 1, scalars[marks.lowerBound].scalar == "." else { return true }
    return !isAbbreviation(scalars, before: marks.lowerBound, from: start)
  }

  /// Whether the word before a full stop is an abbreviation or an initial.
  private func isAbbreviation(_ scalars: Scalars, before point: Int, from start: Int) -> Bool {
    var first = point
    while first > start, scalars[first - 1].scalar.properties.isAlphabetic || scalars[first - 1].scalar == "." { first -= 1 }
    guard first < point else { return false }
    var word = String.UnicodeScalarView()
    for index in first..<point { word.append(scalars[index].scalar) }
    let lowered = String(word).lowercased()
    // One capital letter is an initial; "I" is more often the pronoun.
    if point - first == 1 { return scalars[first].scalar.properties.isUppercase && lowered != "i" }
    return abbreviations.contains(lowered) || Self.dotted.contains(lowered)
  }

  private static func startsEmptyLine(_ scalars: Scalars, after newline: Int) -> Bool {
    var index = newline + 1
    while index < scalars.count, scalars[index].scalar != "\n", scalars[index].scalar.properties.isWhitespace { index += 1 }
    return index < scalars.count && scalars[index].scalar == "\n"
  }

  private static func isTerminator(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case ".", "!", "?", "\u{2026}", "\u{203C}", "\u{203D}", "\u{2047}"..."\u{2049}", "\u{589}", "\u{61F}", "\u{6D4}",
      "\u{964}", "\u{965}", "\u{1362}":
      true
    default: false
    }
  }

  /// Full stops of scripts that write no space after them.
  private static func isWideTerminator(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\u{3002}", "\u{FF01}", "\u{FF0E}", "\u{FF1F}", "\u{FF61}": true
    default: false
    }
  }

  private static func closes(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\"", "'", ")", "]", "}": true
    default: isQuoteOrBracket(scalar, .closePunctuation)
    }
  }

  private static func opens(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\"", "'", "(", "[", "{": true
    default: isQuoteOrBracket(scalar, .openPunctuation)
    }
  }

  /// Quotes open in one language and close in the other.
  private static func isQuoteOrBracket(_ scalar: Unicode.Scalar, _ bracket: Unicode.GeneralCategory) -> Bool {
    let category = scalar.properties.generalCategory
    return category == bracket || category == .initialPunctuation || category == .finalPunctuation
  }
}
