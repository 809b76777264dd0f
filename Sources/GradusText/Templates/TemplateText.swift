/// A text of a template: code points, as Python counts them, each of which knows whether it came in with a message.
///
/// The mark survives everything that a template does to a text (cutting, joining, replacing, changing case), so that the
/// rendered text still tells what its template wrote from what users and documents said.
struct TemplateText: Sendable {
  /// Set in the code points that came in with a message.
  static let inputFlag: UInt32 = 1 << 31
  static let valueMask = ~inputFlag

  var scalars: [UInt32]

  init(_ scalars: [UInt32] = []) { self.scalars = scalars }
  init(_ scalars: ArraySlice<UInt32>) { self.scalars = Array(scalars) }
  init(_ text: String, isInput: Bool = false) {
    let flag = isInput ? Self.inputFlag : 0
    scalars = text.unicodeScalars.map { $0.value | flag }
  }

  var count: Int { scalars.count }
  var isEmpty: Bool { scalars.isEmpty }

  /// Without the marks.
  var values: [UInt32] { scalars.map { $0 & Self.valueMask } }

  var string: String {
    var result = String.UnicodeScalarView()
    for scalar in scalars { if let scalar = Self.scalar(scalar) { result.append(scalar) } }
    return String(result)
  }

  static func scalar(_ value: UInt32) -> Unicode.Scalar? { Unicode.Scalar(value & valueMask) }

  // MARK: Comparison

  /// By code points, as in Python: without canonical equivalence.
  static func == (left: TemplateText, right: TemplateText) -> Bool {
    left.count == right.count && zip(left.scalars, right.scalars).allSatisfy { ($0 ^ $1) & valueMask == 0 }
  }

  func precedes(_ other: TemplateText) -> Bool {
    for (left, right) in zip(scalars, other.scalars) where (left ^ right) & Self.valueMask != 0 {
      return left & Self.valueMask < right & Self.valueMask
    }
    return count < other.count
  }

  func starts(with other: TemplateText) -> Bool { count >= other.count && TemplateText(scalars[..<other.count]) == other }

  func ends(with other: TemplateText) -> Bool {
    count >= other.count && TemplateText(scalars[(count - other.count)...]) == other
  }

  // MARK: Searching

  /// Where `part` occurs, from the left and without overlaps; at most `limit` places.
  ///
  /// - Complexity: O(count + part.count), by Knuth, Morris and Pratt: hostile repetitions cost nothing extra.
  func occurrences(of part: TemplateText, limit: Int = .max) -> [Int] {
    guard !part.isEmpty, part.count <= count, limit > 0 else { return [] }
    let pattern = part.values
    var borders = [0]
    var length = 0
    for index in 1..<max(1, pattern.count) {
      while length > 0, pattern[index] != pattern[length] { length = borders[length - 1] }
      if pattern[index] == pattern[length] { length += 1 }
      borders.append(length)
    }
    var places: [Int] = []
    length = 0
    for (index, scalar) in scalars.enumerated() {
      let value = scalar & Self.valueMask
      while length > 0, value != pattern[length] { length = borders[length - 1] }
      if value == pattern[length] { length += 1 }
      if length == pattern.count {
        places.append(index + 1 - length)
        if places.count == limit { break }
        length = 0
      }
    }
    return places
  }

  // MARK: Cutting

  /// Python's white space: Unicode's, and the four separators of ASCII.
  static func isSpace(_ value: UInt32) -> Bool {
    let value = value & valueMask
    if value < 0x80 { return value == 0x20 || 0x09...0x0D ~= value || 0x1C...0x1F ~= value }
    return scalar(value)?.properties.isWhitespace ?? false
  }

  /// - Parameter characters: What is taken off; nil: white space.
  func stripped(left: Bool = true, right: Bool = true, of characters: TemplateText? = nil) -> TemplateText {
    let set = characters.map { Set($0.values) }
    func goes(_ scalar: UInt32) -> Bool { set?.contains(scalar & Self.valueMask) ?? Self.isSpace(scalar) }
    var range = scalars.startIndex..<scalars.endIndex
    if left { while let first = range.first, goes(scalars[first]) { range = (first + 1)..<range.upperBound } }
    if right { while let last = range.last, goes(scalars[last]) { range = range.lowerBound..<last } }
    return TemplateText(scalars[range])
  }

  /// Parts between runs of white space, at most `limit` cuts; after the last cut all that is left is one part.
  func splitAtSpaces(limit: Int) -> [TemplateText] {
    var parts: [TemplateText] = []
    var index = 0
    while true {
      while index < count, Self.isSpace(scalars[index]) { index += 1 }
      guard index < count else { return parts }
      if parts.count == limit { return parts + [TemplateText(scalars[index...])] }
      let start = index
      while index < count, !Self.isSpace(scalars[index]) { index += 1 }
      parts.append(TemplateText(scalars[start..<index]))
    }
  }

  func split(at separator: TemplateText, limit: Int) -> [TemplateText] {
    var parts: [TemplateText] = []
    var start = 0
    for place in occurrences(of: separator, limit: limit) {
      parts.append(TemplateText(scalars[start..<place]))
      start = place + separator.count
    }
    return parts + [TemplateText(scalars[start...])]
  }

  /// Lines without their ends; a last line that is empty is none.
  func lines() -> [TemplateText] {
    var lines: [TemplateText] = []
    var start = 0
    var index = 0
    while index < count {
      let value = scalars[index] & Self.valueMask
      let isEnd = 0x0A...0x0D ~= value || 0x1C...0x1E ~= value || value == 0x85 || value == 0x2028 || value == 0x2029
      let isPair = value == 0x0D && index + 1 < count && scalars[index + 1] & Self.valueMask == 0x0A
      if isEnd { lines.append(TemplateText(scalars[start..<index])) }
      index += isPair ? 2 : 1
      if isEnd { start = index }
    }
    return start < count ? lines + [TemplateText(scalars[start...])] : lines
  }

  // MARK: Changing

  /// With `old` replaced from the left, `limit` times at most; an empty `old` stands between all characters.
  func replacing(_ old: TemplateText, with new: TemplateText, limit: Int) -> TemplateText {
    var result: [UInt32] = []
    var start = 0
    let places = old.isEmpty ? Array((0...count).prefix(max(0, limit))) : occurrences(of: old, limit: limit)
    for place in places {
      result += scalars[start..<place]
      result += new.scalars
      start = place + old.count
    }
    return TemplateText(result + scalars[start...])
  }

  private func mapped(_ mapping: (Int, Unicode.Scalar) -> String) -> TemplateText {
    var result: [UInt32] = []
    result.reserveCapacity(count)
    for (index, scalar) in scalars.enumerated() {
      guard let character = Self.scalar(scalar) else { continue }
      for mapped in mapping(index, character).unicodeScalars { result.append(mapped.value | scalar & Self.inputFlag) }
    }
    return TemplateText(result)
  }

  func uppercased() -> TemplateText { mapped { $1.properties.uppercaseMapping } }
  func lowercased() -> TemplateText { mapped { lowercase($0, $1) } }

  /// The first character as a title has it, the others in lower case.
  func capitalized() -> TemplateText { mapped { $0 == 0 ? $1.properties.titlecaseMapping : lowercase($0, $1) } }

  /// Python's `title`: every letter that follows no letter.
  func titled() -> TemplateText {
    mapped { index, character in
      let follows = index > 0 && Self.scalar(scalars[index - 1]).map { $0.properties.isCased } ?? false
      return follows ? lowercase(index, character) : character.properties.titlecaseMapping
    }
  }

  /// Jinja's filter `title`: every character after the start, white space, a hyphen or an opening bracket.
  func titledWords() -> TemplateText {
    mapped { index, character in
      let before = index == 0 ? 0x20 : scalars[index - 1] & Self.valueMask
      let starts = Self.isSpace(before) || [0x2D, 0x28, 0x7B, 0x5B, 0x3C].contains(before)
      return starts ? character.properties.uppercaseMapping : lowercase(index, character)
    }
  }

  /// A capital sigma at the end of a word becomes the final one.
  private func lowercase(_ index: Int, _ character: Unicode.Scalar) -> String {
    guard character.value == 0x3A3 else { return character.properties.lowercaseMapping }
    func cased(_ range: some Sequence<Int>) -> Bool {
      for place in range {
        guard let other = Self.scalar(scalars[place]), !other.properties.isCaseIgnorable else { continue }
        return other.properties.isCased
      }
      return false
    }
    return cased((0..<index).reversed()) && !cased((index + 1)..<count) ? "\u{3C2}" : "\u{3C3}"
  }
}
