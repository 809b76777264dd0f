import GradusCore

/// Reads Hugging Face's `tokenizer.json` as far as byte-pair tokenizers need it, and refuses what it does not know.
struct BytePairJSONParser {
  private let path: String
  private var description = BytePairTokenizer.Description()
  private var parts: [String: JSONNode] = [:]
  private var model: [String: JSONNode] = [:]
  private var vocabulary: [(text: String, id: Int32)] = []
  private var merges: [(String, String)] = []

  static func parse(
    _ bytes: UnsafeBufferPointer<UInt8>, path: String
  ) throws -> BytePairTokenizer.Description {
    var parser = BytePairJSONParser(path: path)
    var scanner = JSONScanner(bytes)
    do {
      try parser.read(&scanner)
    } catch let error as JSONError {
      throw TokenizerError.notJSON(path: path, error: error)
    }
    try parser.finish()
    return parser.description
  }

  private init(path: String) { self.path = path }

  /// The two halves of a merge.
  static func pair(_ merge: String, path: String) throws(TokenizerError) -> (String, String) {
    let halves = merge.split(separator: " ", omittingEmptySubsequences: false)
    guard halves.count == 2 else { throw .unsupported(path: path, part: "merge", value: merge) }
    return (String(halves[0]), String(halves[1]))
  }

  private func unsupported(_ part: String, _ node: JSONNode) -> TokenizerError {
    .unsupported(path: path, part: part, value: node.string ?? node["type"].string ?? "\(node)")
  }

  // MARK: Reading

  private mutating func read(_ scanner: inout JSONScanner) throws {
    var key: [UInt8] = []
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      let name = String(decoding: key, as: UTF8.self)
      if name == "model" { try readModel(&scanner) } else { parts[name] = try JSONNode(&scanner) }
    }
    try scanner.finish()
  }

  private mutating func readModel(_ scanner: inout JSONScanner) throws {
    guard try scanner.peek() == .object else { throw TokenizerError.missing(path: path, part: "model") }
    var key: [UInt8] = []
    try scanner.beginObject()
    while try scanner.nextKey(into: &key) {
      switch String(decoding: key, as: UTF8.self) {
      case "vocab":
        guard try scanner.peek() == .object else { throw TokenizerError.missing(path: path, part: "model.vocab") }
        try scanner.beginObject()
        while try scanner.nextKey(into: &key) {
          let id = try scanner.readInteger()
          let token = String(decoding: key, as: UTF8.self)
          guard (0..<10_000_000).contains(id) else {
            throw TokenizerError.unsupported(path: path, part: "model.vocab['\(token)']", value: "\(id)")
          }
          vocabulary.append((token, Int32(id)))
        }
      case "merges": try readMerges(&scanner)
      case let name: model[name] = try JSONNode(&scanner)
      }
    }
  }

  /// Pairs as arrays, or as texts with a space between the halves in older files.
  private mutating func readMerges(_ scanner: inout JSONScanner) throws {
    try scanner.beginArray()
    while try scanner.nextElement() {
      if try scanner.peek() == .string {
        merges.append(try Self.pair(try scanner.readString(), path: path))
      } else {
        let pair = try JSONNode(&scanner)
        guard let halves = pair.array, halves.count == 2, let left = halves[0].string, let right = halves[1].string else {
          throw unsupported("model.merges", pair)
        }
        merges.append((left, right))
      }
    }
  }

  // MARK: Meaning

  private mutating func finish() throws(TokenizerError) {
    let type = model["type"] ?? .null
    guard type.string == "BPE" || type.isNull && !merges.isEmpty else { throw unsupported("model.type", type) }
    for part in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = model[part]?.string, !text.isEmpty { throw unsupported("model.\(part)", .string(text)) }
    }
    if let dropout = model["dropout"], dropout != .null, dropout != .number(0) { throw unsupported("model.dropout", dropout) }
    description.settings.isByteLevel = false
    try readNormalizer(parts["normalizer"] ?? .null)
    try readPreTokenizer(parts["pre_tokenizer"] ?? .null)
    let isByteLevel = description.settings.isByteLevel
    if isByteLevel, prepends || replacesSpaces { throw unsupported("normalizer", parts["normalizer"] ?? .null) }
    if !isByteLevel, !replacesSpaces, !hasMetaspace { throw unsupported("pre_tokenizer", parts["pre_tokenizer"] ?? .null) }
    description.settings.ignoresMerges = model["ignore_merges"]?.bool ?? false
    description.settings.fallsBackToBytes = model["byte_fallback"]?.bool ?? false
    description.settings.fusesUnknown = model["fuse_unk"]?.bool ?? false
    description.settings.cutsBeforeSpaces = !isByteLevel
    try description.setTokens(vocabulary, path: path)
    try description.setMerges(merges, path: path)
    if let unknown = model["unk_token"]?.string {
      guard let found = vocabulary.first(where: { $0.text == unknown }) else {
        throw .unknownToken(path: path, token: unknown)
      }
      description.settings.unknownID = found.id
    }
    try readAddedTokens()
    try readPostProcessor(parts["post_processor"] ?? .null)
    readDecoder(parts["decoder"] ?? .null)
  }

  private var prepends = false
  private var replacesSpaces = false
  private var hasMetaspace = false

  private mutating func readNormalizer(_ node: JSONNode) throws(TokenizerError) {
    guard !node.isNull else { return }
    description.settings.normalizes = true
    switch node["type"].string {
    case "Sequence": for part in node["normalizers"].array ?? [] { try readNormalizer(part) }
    case "NFC": description.settings.composes = true
    case "Prepend" where node["prepend"].string == "\u{2581}":
      prepends = true
      description.settings.spacePrefix = .always
    case "Replace" where node["pattern"]["String"].string == " " && node["content"].string == "\u{2581}": replacesSpaces = true
    default: throw unsupported("normalizer.type", node)
    }
  }

  private mutating func readPreTokenizer(_ node: JSONNode) throws(TokenizerError) {
    if node.isNull {
      description.settings.preTokenizer = .none
      return
    }
    switch node["type"].string {
    case "ByteLevel": try readByteLevel(node, rule: node["use_regex"].bool == false ? PreTokenizer.none : .gpt2)
    case "Metaspace": try readMetaspace(node)
    case "Sequence":
      let steps = node["pretokenizers"].array ?? []
      guard let last = steps.last, last["type"].string == "ByteLevel", steps.count == 2 else {
        throw unsupported("pre_tokenizer", node)
      }
      let first = steps[0]
      let usesPattern = last["use_regex"].bool ?? true
      switch first["type"].string {
      case "Digits" where first["individual_digits"].bool == true && usesPattern: try readByteLevel(last, rule: .smollm)
      case "Split" where first["behavior"].string == "Isolated" && first["invert"].bool != true && !usesPattern:
        let pattern = first["pattern"]["Regex"]
        guard let rule = pattern.string.flatMap(PreTokenizer.init(pattern:)) else {
          throw unsupported("pre_tokenizer.pattern", pattern)
        }
        try readByteLevel(last, rule: rule)
      default: throw unsupported("pre_tokenizer", first)
      }
    default: throw unsupported("pre_tokenizer.type", node)
    }
  }

  private mutating func readByteLevel(_ node: JSONNode, rule: PreTokenizer) throws(TokenizerError) {
    description.settings.isByteLevel = true
    description.settings.preTokenizer = rule
    guard node["add_prefix_space"].bool ?? true else { return }
    // A space before each piece of a pattern would change every word; no family does so.
    guard rule == .gpt2 || rule == .none else { throw unsupported("pre_tokenizer.add_prefix_space", .bool(true)) }
    description.settings.spacePrefix = .always
  }

  private mutating func readMetaspace(_ node: JSONNode) throws(TokenizerError) {
    guard node["replacement"].string == "\u{2581}" else { throw unsupported("pre_tokenizer.replacement", node["replacement"]) }
    hasMetaspace = true
    description.settings.preTokenizer = .none
    description.settings.splitsAtSpaces = node["split"].bool ?? true
    let scheme = node["prepend_scheme"].string ?? (node["add_prefix_space"].bool == false ? "never" : "always")
    switch scheme {
    case "always": description.settings.spacePrefix = .unlessThere
    case "first": description.settings.spacePrefix = .first
    case "never": description.settings.spacePrefix = .never
    default: throw unsupported("pre_tokenizer.prepend_scheme", .string(scheme))
    }
  }

  private mutating func readAddedTokens() throws(TokenizerError) {
    for node in parts["added_tokens"]?.array ?? [] {
      guard let content = node["content"].string, !content.isEmpty, let id = node["id"].id else {
        throw .missing(path: path, part: "added_tokens[].content or id")
      }
      let isNormalized = node["normalized"].bool ?? true
      let text = isNormalized && description.settings.composes ? CanonicalComposition.compose(content) : content
      description.addedTokens.append(
        AddedTokens.Token(
          bytes: Array(text.utf8), id: id, isSpecial: node["special"].bool ?? false, takesLeft: node["lstrip"].bool ?? false,
          takesRight: node["rstrip"].bool ?? false, isNormalized: isNormalized,
          isSingleWord: node["single_word"].bool ?? false))
    }
  }

  private mutating func readPostProcessor(_ node: JSONNode) throws(TokenizerError) {
    guard let template = try TokenizerTemplate(node, path: path) else { return }
    description.settings.template = template
    var isBefore = true
    for piece in template.single {
      guard case .special(let id, _) = piece else {
        isBefore = false
        continue
      }
      if isBefore { description.settings.prefix.append(id) } else { description.settings.suffix.append(id) }
    }
    description.settings.beginID = description.settings.prefix.first
    description.settings.endID = description.settings.suffix.last
  }

  private mutating func readDecoder(_ node: JSONNode) {
    switch node["type"].string {
    case "Sequence": for part in node["decoders"].array ?? [] { readDecoder(part) }
    case "Strip" where node["content"].string == " " && node["start"] != .number(0): description.settings.stripsFirstSpace = true
    case "Metaspace": description.settings.stripsFirstSpace = description.settings.spacePrefix != .never
    default: break
    }
  }
}
