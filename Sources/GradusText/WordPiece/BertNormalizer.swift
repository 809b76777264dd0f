/// BERT's treatment of characters before words are looked up: cleaning, ideographs apart, accents, lower case,
/// punctuation.
///
/// The reference tokenizer takes general categories from Unicode 8 (and lower case from a new version); characters that
/// came later count as unassigned for it, so they do here.
struct BertNormalizer: Sendable, Hashable {
  /// Drop control characters, make every white space a space.
  var cleansText = true
  /// Put spaces around ideographs.
  var separatesIdeographs = true
  var stripsAccents = true
  var lowercases = true

  /// What becomes of a character.
  enum Action: Equatable, Sendable {
    /// Nothing is left of it.
    case drop
    /// It ends a word.
    case space
    /// It is a word by itself.
    case alone(UInt32)
    /// It belongs to a word.
    case part(UInt32)
    /// It becomes several.
    case several([Action])
  }

  func action(_ scalar: Unicode.Scalar) -> Action {
    if cleansText {
      if scalar.value == 0 || scalar.value == 0xFFFD || Self.isControl(scalar) { return .drop }
      if Self.isWhiteSpace(scalar) { return .space }
    }
    let stripped = stripsAccents ? Self.withoutAccents(scalar) : [scalar]
    var actions: [Action] = []
    for base in stripped {
      let lowered = lowercases ? Array(base.properties.lowercaseMapping.unicodeScalars) : [base]
      for result in lowered {
        if Self.isWhiteSpace(result) || result.value == 0x85 || result.value == 0x0B || result.value == 0x0C {
          actions.append(.space)
        } else {
          actions.append(Self.isPunctuation(result) ? .alone(result.value) : .part(result.value))
        }
      }
    }
    if separatesIdeographs, Self.isIdeograph(scalar.value) { return .several([.space] + actions + [.space]) }
    if actions.count == 1 { return actions[0] }
    return actions.isEmpty ? .drop : .several(actions)
  }

  // MARK: Classes

  private static func isWhiteSpace(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09, 0x0A, 0x0D, 0x20, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
    default: false
    }
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value == 0x09 || scalar.value == 0x0A || scalar.value == 0x0D { return false }
    switch category(scalar) {
    case .control, .format, .privateUse: return true
    default: return false
    }
  }

  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: return true
    // Punctuation in Unicode 8, something else since.
    case 0x166D, 0x111C9: return true
    default: break
    }
    switch category(scalar) {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return true
    default: return false
    }
  }

  private static func isIdeograph(_ value: UInt32) -> Bool {
    switch value {
    case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x2A6DF, 0x2A700...0x2B81F, 0x2B920...0x2CEAF,
      0x2F800...0x2FA1F:
      true
    default: false
    }
  }

  /// As of Unicode 8.
  private static func category(_ scalar: Unicode.Scalar) -> Unicode.GeneralCategory {
    let properties = scalar.properties
    guard let age = properties.age, age.major <= 8 else {
      // Private use has no age in some versions of the tables, and never changes.
      return properties.generalCategory == .privateUse ? .privateUse : .unassigned
    }
    return properties.generalCategory
  }

  private static func withoutAccents(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
    if scalar.value < 0x80 { return [scalar] }
    if let base = CanonicalDecompositions.base[scalar.value] { return base.compactMap(Unicode.Scalar.init) }
    if (0xAC00...0xD7A3).contains(scalar.value) { return hangul(scalar.value - 0xAC00) }
    // U+1734 was a non-spacing mark in Unicode 8.
    let isMark = category(scalar) == .nonspacingMark || scalar.value == 0x1734
    return isMark && scalar.value != 0x111C9 ? [] : [scalar]
  }

  /// A syllable's letters (Unicode, section 3.12).
  private static func hangul(_ index: UInt32) -> [Unicode.Scalar] {
    let parts = [0x1100 + index / 588, 0x1161 + index % 588 / 28, 0x11A7 + index % 28]
    return parts.prefix(index % 28 == 0 ? 2 : 3).compactMap(Unicode.Scalar.init)
  }
}
