import GradusCore

extension UnigramTokenizer {
  /// Loads a Hugging Face `tokenizer.json` with a Unigram model, as XLM-RoBERTa and its relatives have it.
  ///
  /// - Throws: ``TokenizerError``, also for parts that would change ids and are not implemented; `FileError`.
  public convenience init(tokenizerJSON path: String) throws {
    let bytes = try WordPieceTokenizer.contents(path)
    let root = try bytes.withUnsafeBufferPointer { bytes throws(TokenizerError) -> JSONNode in
      var scanner = JSONScanner(bytes)
      do throws(JSONError) {
        let node = try JSONNode(&scanner)
        try scanner.finish()
        return node
      } catch {
        throw .notJSON(path: path, error: error)
      }
    }
    self.init(try UnigramFileReader(path: path).description(root))
  }
}

/// Gives the parts of the file their meaning.
private struct UnigramFileReader {
  let path: String

  private func unsupported(_ part: String, _ node: JSONNode) -> TokenizerError {
    .unsupported(path: path, part: part, value: node.string ?? node["type"].string ?? "\(node)")
  }

  func description(_ root: JSONNode) throws(TokenizerError) -> UnigramTokenizer.Description {
    var description = UnigramTokenizer.Description()
    let model = root["model"]
    guard model["type"].string == "Unigram" || model["type"].isNull else { throw unsupported("model.type", model["type"]) }
    guard let vocabulary = model["vocab"].array, !vocabulary.isEmpty else { throw .missing(path: path, part: "model.vocab") }
    var seen: Set<[UInt8]> = []
    for entry in vocabulary {
      guard let pair = entry.array, pair.count == 2, let piece = pair[0].string, case .number(let score) = pair[1], score.isFinite
      else { throw unsupported("model.vocab", entry) }
      guard seen.insert(Array(piece.utf8)).inserted else { throw .duplicateToken(path: path, token: piece) }
      description.pieces.append((Array(piece.utf8), score))
    }
    guard let unknown = model["unk_id"].id, Int(unknown) < vocabulary.count else {
      throw .missing(path: path, part: "model.unk_id")
    }
    description.unknownID = unknown
    description.fallsBackToBytes = model["byte_fallback"].bool ?? false
    description.spacePrefix = nil
    try readNormalizer(root["normalizer"], &description)
    try readPreTokenizer(root["pre_tokenizer"], &description)
    for node in root["added_tokens"].array ?? [] {
      guard let content = node["content"].string, !content.isEmpty, let id = node["id"].id else {
        throw .missing(path: path, part: "added_tokens[].content or id")
      }
      description.addedTokens.append(
        AddedTokens.Token(
          bytes: Array(content.utf8), id: id, isSpecial: node["special"].bool ?? false, takesLeft: node["lstrip"].bool ?? false,
          takesRight: node["rstrip"].bool ?? false, isNormalized: node["normalized"].bool ?? true,
          isSingleWord: node["single_word"].bool ?? false))
    }
    guard let template = try TokenizerTemplate(root["post_processor"], path: path) else {
      throw .missing(path: path, part: "post_processor")
    }
    description.template = template
    return description
  }

  private func readNormalizer(
    _ node: JSONNode, _ description: inout UnigramTokenizer.Description
  ) throws(TokenizerError) {
    if node.isNull { return }
    switch node["type"].string {
    case "Sequence": for part in node["normalizers"].array ?? [] { try readNormalizer(part, &description) }
    case "Precompiled":
      // Files without rules have an empty table.
      guard let text = node["precompiled_charsmap"].string, !text.isEmpty else { return }
      guard let table = Base64.decode(text).flatMap(PrecompiledNormalizer.init) else {
        throw .unsupported(path: path, part: "normalizer.precompiled_charsmap", value: "\(text.prefix(16))...")
      }
      description.normalization.append(.precompiled(table))
    case "NFC": description.normalization.append(.compose)
    case "Strip":
      description.normalization.append(
        .strip(left: node["strip_left"].bool ?? true, right: node["strip_right"].bool ?? true))
    case "Replace":
      let content = Array((node["content"].string ?? "").utf8)
      if let old = node["pattern"]["String"].string, !old.isEmpty {
        description.normalization.append(.replace(Array(old.utf8), content))
      } else if node["pattern"]["Regex"].string == " {2,}" {
        description.normalization.append(.spaces(atLeast: 2, replacement: content))
      } else {
        throw unsupported("normalizer.pattern", node["pattern"])
      }
    default: throw unsupported("normalizer.type", node)
    }
  }

  private func readPreTokenizer(
    _ node: JSONNode, _ description: inout UnigramTokenizer.Description
  ) throws(TokenizerError) {
    if node.isNull { return }
    switch node["type"].string {
    case "Sequence": for part in node["pretokenizers"].array ?? [] { try readPreTokenizer(part, &description) }
    case "WhitespaceSplit" where description.spacePrefix == nil: description.splitsAtWhiteSpace = true
    case "Metaspace":
      guard node["replacement"].string == "\u{2581}" else { throw unsupported("pre_tokenizer.replacement", node["replacement"]) }
      description.splitsAtMarks = node["split"].bool ?? true
      switch node["prepend_scheme"].string ?? (node["add_prefix_space"].bool == false ? "never" : "always") {
      case "always": description.spacePrefix = .always
      case "first": description.spacePrefix = .first
      case "never": description.spacePrefix = .never
      case let other: throw unsupported("pre_tokenizer.prepend_scheme", .string(other))
      }
    default: throw unsupported("pre_tokenizer.type", node)
    }
  }
}

/// RFC 4648, with padding.
enum Base64 {
  static func decode(_ text: String) -> [UInt8]? {
    var output: [UInt8] = []
    output.reserveCapacity(text.utf8.count / 4 * 3)
    var bits: UInt32 = 0
    var count = 0
    var padding = 0
    for byte in text.utf8 {
      let value: UInt32
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = UInt32(byte) - 65
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = UInt32(byte) - 97 + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt32(byte) - 48 + 52
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      case UInt8(ascii: "="):
        padding += 1
        continue
      default: return nil
      }
      guard padding == 0 else { return nil }
      bits = bits << 6 | value
      count += 6
      if count >= 8 {
        count -= 8
        output.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return padding <= 2 && text.utf8.count % 4 == 0 ? output : nil
  }
}
