import GradusCore

/// Reads Hugging Face's `tokenizer.json` as far as WordPiece tokenizers need it, and refuses what it does not know.
struct TokenizerJSONParser {
  private var scanner: JSONScanner
  private let path: String
  private var description = WordPieceTokenizer.Description()
  private var unknownToken = "[UNK]"
  private var hasModel = false
  private var postProcessor: PostProcessor?

  /// The post-processor's names, to be resolved when the vocabulary is known.
  private enum PostProcessor {
    case template(single: [Piece], pair: [Piece], ids: [String: Int32])
    case bert(classify: Int32, separate: Int32)
    case roberta(classify: Int32, separate: Int32)

    enum Piece { case special(String, Int32), sequence(String, Int32) }
  }

  static func parse(
    _ bytes: UnsafeBufferPointer<UInt8>, path: String
  ) throws(TokenizerError) -> WordPieceTokenizer.Description {
    var parser = TokenizerJSONParser(scanner: JSONScanner(bytes), path: path)
    do {
      try parser.parseFile()
      return try parser.finished()
    } catch let error as JSONError {
      throw .notJSON(path: path, error: error)
    } catch let error as TokenizerError {
      throw error
    } catch {
      throw .unsupported(path: path, part: "content", value: "\(error)")
    }
  }

  private init(scanner: JSONScanner, path: String) {
    self.scanner = scanner
    self.path = path
  }

  private mutating func parseFile() throws {
    try object { parser, key in
      switch key {
      case "added_tokens": try parser.parseAddedTokens()
      case "normalizer": try parser.parseNormalizer()
      case "pre_tokenizer": try parser.parsePreTokenizer()
      case "post_processor": try parser.parsePostProcessor()
      case "model": try parser.parseModel()
      default: try parser.scanner.skipValue()
      }
    }
    try scanner.finish()
  }

  /// Calls `body` for each key of the object that comes next.
  private mutating func object(_ body: (inout TokenizerJSONParser, String) throws -> Void) throws {
    var key: [UInt8] = []
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) { try body(&self, String(decoding: key, as: UTF8.self)) }
  }

  private mutating func require(_ part: String, _ known: String) throws {
    let value = try scanner.readString()
    guard value == known else { throw TokenizerError.unsupported(path: path, part: part, value: value) }
  }

  // MARK: Parts

  private mutating func parseModel() throws {
    hasModel = true
    var hasVocabulary = false
    try object { parser, key in
      switch key {
      case "type": try parser.require("model.type", "WordPiece")
      case "unk_token": parser.unknownToken = try parser.scanner.readString()
      case "continuing_subword_prefix": parser.description.continuationPrefix = try parser.scanner.readString()
      case "max_input_chars_per_word":
        let count = try parser.scanner.readInteger()
        guard (0...100_000).contains(count) else {
          throw TokenizerError.unsupported(path: parser.path, part: "model.max_input_chars_per_word", value: "\(count)")
        }
        parser.description.maximumWordCharacters = count
      case "vocab":
        hasVocabulary = true
        try parser.parseVocabulary()
      default: try parser.scanner.skipValue()
      }
    }
    guard hasVocabulary else { throw TokenizerError.missing(path: path, part: "model.vocab") }
  }

  /// The largest vocabularies have some 250,000 pieces; an absurd id would make a table of its size.
  private static let largestID = 10_000_000

  private mutating func parseVocabulary() throws {
    guard try scanner.peek() == .object else {
      throw TokenizerError.unsupported(path: path, part: "model.vocab", value: "not an object")
    }
    var key: [UInt8] = []
    var seen: Set<[UInt8]> = []
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      let id = try scanner.readInteger()
      let piece = String(decoding: key, as: UTF8.self)
      guard (0..<Self.largestID).contains(id) else {
        throw TokenizerError.unsupported(path: path, part: "model.vocab['\(piece)']", value: "\(id)")
      }
      guard seen.insert(key).inserted else { throw TokenizerError.duplicateToken(path: path, token: piece) }
      description.vocabulary.append((key, Int32(id)))
    }
  }

  private mutating func parseNormalizer() throws {
    if try scanner.peek() == .null {
      try scanner.readNull()
      description.normalizer = BertNormalizer(
        cleansText: false, separatesIdeographs: false, stripsAccents: false, lowercases: false)
      return
    }
    var stripsAccents: Bool?
    try object { parser, key in
      switch key {
      case "type": try parser.require("normalizer.type", "BertNormalizer")
      case "clean_text": parser.description.normalizer.cleansText = try parser.scanner.readBoolean()
      case "handle_chinese_chars": parser.description.normalizer.separatesIdeographs = try parser.scanner.readBoolean()
      case "lowercase": parser.description.normalizer.lowercases = try parser.scanner.readBoolean()
      case "strip_accents" where try parser.scanner.peek() == .boolean:
        stripsAccents = try parser.scanner.readBoolean()
      default: try parser.scanner.skipValue()
      }
    }
    description.normalizer.stripsAccents = stripsAccents ?? description.normalizer.lowercases
  }

  private mutating func parsePreTokenizer() throws {
    guard try scanner.peek() == .object else { throw TokenizerError.missing(path: path, part: "pre_tokenizer") }
    try object { parser, key in
      if key == "type" {
        try parser.require("pre_tokenizer.type", "BertPreTokenizer")
      } else {
        try parser.scanner.skipValue()
      }
    }
  }

  private mutating func parseAddedTokens() throws {
    try scanner.beginArray()
    while try scanner.nextElement() {
      var content = ""
      var id = -1
      var isSingleWord = false
      var isNormalized = false
      try object { parser, key in
        switch key {
        case "content": content = try parser.scanner.readString()
        case "id": id = try parser.scanner.readInteger()
        case "single_word": isSingleWord = try parser.scanner.readBoolean()
        case "normalized": isNormalized = try parser.scanner.readBoolean()
        // White space around a token leaves no tokens, stripped or not.
        default: try parser.scanner.skipValue()
        }
      }
      guard !content.isEmpty, (0..<Self.largestID).contains(id) else {
        throw TokenizerError.missing(path: path, part: "added_tokens[].content or id")
      }
      // What normalisation makes of other characters is more than a change of case.
      guard !isNormalized || content.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else {
        throw TokenizerError.unsupported(path: path, part: "added_tokens[].normalized", value: content)
      }
      description.addedTokens.append(
        WordPieceTokenizer.AddedToken(
          bytes: Array(content.utf8), id: Int32(id), isSingleWord: isSingleWord, isNormalized: isNormalized))
    }
  }

  // MARK: Post-processor

  private mutating func parsePostProcessor() throws {
    if try scanner.peek() == .null { return try scanner.readNull() }
    var type = ""
    var single: [PostProcessor.Piece] = []
    var pair: [PostProcessor.Piece] = []
    var ids: [String: Int32] = [:]
    var classify: Int32 = 0
    var separate: Int32 = 0
    try object { parser, key in
      switch key {
      case "type": type = try parser.scanner.readString()
      case "single": single = try parser.parsePieces()
      case "pair": pair = try parser.parsePieces()
      case "special_tokens": ids = try parser.parseSpecialTokens()
      case "cls": classify = try parser.parseNamedID()
      case "sep": separate = try parser.parseNamedID()
      default: try parser.scanner.skipValue()
      }
    }
    switch type {
    case "TemplateProcessing": postProcessor = .template(single: single, pair: pair, ids: ids)
    case "BertProcessing": postProcessor = .bert(classify: classify, separate: separate)
    case "RobertaProcessing": postProcessor = .roberta(classify: classify, separate: separate)
    default: throw TokenizerError.unsupported(path: path, part: "post_processor.type", value: type)
    }
  }

  /// `[{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, ...]`
  private mutating func parsePieces() throws -> [PostProcessor.Piece] {
    var pieces: [PostProcessor.Piece] = []
    try scanner.beginArray()
    while try scanner.nextElement() {
      try object { parser, kind in
        var id = ""
        var segment: Int32 = 0
        try parser.object { parser, key in
          switch key {
          case "id": id = try parser.scanner.readString()
          case "type_id": segment = try parser.parseID("post_processor type_id")
          default: try parser.scanner.skipValue()
          }
        }
        pieces.append(kind == "Sequence" ? .sequence(id, segment) : .special(id, segment))
      }
    }
    return pieces
  }

  /// `{"[CLS]": {"id": "[CLS]", "ids": [101], "tokens": ["[CLS]"]}, ...}`
  private mutating func parseSpecialTokens() throws -> [String: Int32] {
    var result: [String: Int32] = [:]
    try object { parser, name in
      try parser.object { parser, key in
        guard key == "ids" else { return try parser.scanner.skipValue() }
        var ids: [Int32] = []
        try parser.scanner.beginArray()
        while try parser.scanner.nextElement() { ids.append(try parser.parseID("post_processor.special_tokens")) }
        guard let id = ids.first, ids.count == 1 else {
          throw TokenizerError.unsupported(path: parser.path, part: "post_processor.special_tokens", value: name)
        }
        result[name] = id
      }
    }
    return result
  }

  /// The number of a token or a segment: a row of a table, so never negative.
  private mutating func parseID(_ part: String) throws -> Int32 {
    let id = try scanner.readInteger()
    guard (0..<Self.largestID).contains(id) else { throw TokenizerError.unsupported(path: path, part: part, value: "\(id)") }
    return Int32(id)
  }

  /// `["[SEP]", 102]`
  private mutating func parseNamedID() throws -> Int32 {
    var id: Int32 = 0
    try scanner.beginArray()
    while try scanner.nextElement() {
      if try scanner.peek() == .number {
        id = try parseID("post_processor.cls or sep")
      } else {
        try scanner.skipValue()
      }
    }
    return id
  }

  // MARK: Putting together

  private mutating func finished() throws(TokenizerError) -> WordPieceTokenizer.Description {
    guard hasModel else { throw .missing(path: path, part: "model") }
    let unknown = Array(unknownToken.utf8)
    guard let entry = description.vocabulary.first(where: { $0.bytes == unknown }) else {
      throw .unknownToken(path: path, token: unknownToken)
    }
    description.unknownID = entry.id
    switch postProcessor {
    case .bert(let classify, let separate): description.template = .bert(classify: classify, separate: separate)
    case .roberta(let classify, let separate): description.template = .roberta(classify: classify, separate: separate)
    case .template(let single, let pair, let ids):
      description.template = TokenizerTemplate(single: try resolve(single, ids), pair: try resolve(pair, ids))
    case nil: throw .missing(path: path, part: "post_processor")
    }
    return description
  }

  private func resolve(
    _ pieces: [PostProcessor.Piece], _ ids: [String: Int32]
  ) throws(TokenizerError) -> [TokenizerTemplate.Piece] {
    var result: [TokenizerTemplate.Piece] = []
    for piece in pieces {
      switch piece {
      case .sequence("A", let segment): result.append(.first(segment: segment))
      case .sequence("B", let segment): result.append(.second(segment: segment))
      case .sequence(let name, _): throw .unsupported(path: path, part: "post_processor sequence", value: name)
      case .special(let name, let segment):
        guard let id = ids[name] else { throw .unknownToken(path: path, token: name) }
        result.append(.special(id: id, segment: segment))
      }
    }
    return result
  }
}
