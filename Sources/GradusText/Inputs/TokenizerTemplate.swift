/// Where the special tokens stand around one text or a pair.
///
///     tokenizer.template.single   // [CLS] A [SEP] in BERT: a special, the first text, a special
public struct TokenizerTemplate: Sendable, Equatable {
  /// A part of a model's input.
  public enum Piece: Sendable, Equatable {
    case special(id: Int32, segment: Int32)
    /// The first text, or the only one.
    case first(segment: Int32)
    case second(segment: Int32)
  }

  public var single: [Piece]
  public var pair: [Piece]

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

  /// What `tokenizer.json` puts around texts, nil where its post-processor adds nothing.
  init?(_ node: JSONNode, path: String) throws(TokenizerError) {
    switch node["type"].string {
    case nil where node.isNull, "ByteLevel": return nil
    case "Sequence":
      var found: TokenizerTemplate?
      for part in node["processors"].array ?? [] {
        if let template = try TokenizerTemplate(part, path: path) { found = template }
      }
      guard let found else { return nil }
      self = found
    case "TemplateProcessing":
      self.init(single: try Self.pieces(node, "single", path), pair: try Self.pieces(node, "pair", path))
    case "BertProcessing", "RobertaProcessing":
      guard let classify = node["cls"].array?.last?.id, let separate = node["sep"].array?.last?.id else {
        throw .missing(path: path, part: "post_processor.cls or sep")
      }
      self = node["type"].string == "BertProcessing"
        ? .bert(classify: classify, separate: separate) : .roberta(classify: classify, separate: separate)
    default: throw .unsupported(path: path, part: "post_processor.type", value: node["type"].string ?? "\(node)")
    }
  }

  init(single: [Piece], pair: [Piece]) {
    self.single = single
    self.pair = pair
  }

  private static func pieces(_ node: JSONNode, _ key: String, _ path: String) throws(TokenizerError) -> [Piece] {
    var pieces: [Piece] = []
    for piece in node[key].array ?? [] {
      let sequence = piece["Sequence"], special = piece["SpecialToken"]
      if let name = sequence["id"].string {
        guard name == "A" || name == "B" else { throw .unsupported(path: path, part: "post_processor sequence", value: name) }
        let segment = sequence["type_id"].id ?? 0
        pieces.append(name == "A" ? .first(segment: segment) : .second(segment: segment))
      } else if let name = special["id"].string {
        let ids = node["special_tokens"][name]["ids"].array ?? []
        guard !ids.isEmpty else { throw .unknownToken(path: path, token: name) }
        for node in ids {
          guard let id = node.id else { throw .unknownToken(path: path, token: name) }
          pieces.append(.special(id: id, segment: special["type_id"].id ?? 0))
        }
      }
    }
    return pieces
  }
}
