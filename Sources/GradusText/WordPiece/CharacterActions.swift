/// ``BertNormalizer``'s actions in a form that is quick to look up. Immutable, so that threads can share it.
struct CharacterActions: Sendable {
  /// For ASCII, and every character below U+3400 that stays one character or goes away.
  typealias Code = UInt32

  static let drop: Code = 0
  static let space: Code = 1
  /// Look the character up in the normalizer itself.
  static let other: Code = 2
  /// Set beside the scalar of a character that is a word by itself.
  static let aloneFlag: Code = 0x8000_0000

  private static let tableSize = 0x3400
  let codes: [Code]
  let normalizer: BertNormalizer

  init(_ normalizer: BertNormalizer) {
    self.normalizer = normalizer
    codes = (0..<UInt32(Self.tableSize)).map { Unicode.Scalar($0).map { Self.code(normalizer.action($0)) } ?? Self.drop }
  }

  static func code(_ action: BertNormalizer.Action) -> Code {
    switch action {
    case .drop: drop
    case .space: space
    case .alone(let value): value | aloneFlag
    // U+0001 and U+0002 stay characters only where text is not cleaned.
    case .part(let value): value > other ? value : other
    case .several: other
    }
  }
}
