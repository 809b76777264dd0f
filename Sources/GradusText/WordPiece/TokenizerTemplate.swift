/// Where the special tokens stand around one text or a pair.
struct TokenizerTemplate: Sendable, Equatable {
  enum Piece: Sendable, Equatable {
    case special(id: Int32, segment: Int32)
    /// The first text, or the only one.
    case first(segment: Int32)
    case second(segment: Int32)
  }

  var single: [Piece]
  var pair: [Piece]

  /// BERT's: `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`.
  static func bert(classify: Int32, separate: Int32) -> TokenizerTemplate {
    let single: [Piece] = [.special(id: classify, segment: 0), .first(segment: 0), .special(id: separate, segment: 0)]
    return TokenizerTemplate(single: single, pair: single + [.second(segment: 1), .special(id: separate, segment: 1)])
  }

  /// RoBERTa's, which MPNet shares: `<s> A </s>` and `<s> A </s> </s> B </s>`, all of segment 0.
  static func roberta(classify: Int32, separate: Int32) -> TokenizerTemplate {
    let end = Piece.special(id: separate, segment: 0)
    let single: [Piece] = [.special(id: classify, segment: 0), .first(segment: 0), end]
    return TokenizerTemplate(single: single, pair: single + [end, .second(segment: 0), end])
  }

  static func specialCount(_ pieces: [Piece]) -> Int {
    pieces.count { if case .special = $0 { true } else { false } }
  }
}
