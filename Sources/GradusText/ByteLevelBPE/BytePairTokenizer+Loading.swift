import GradusCore

extension BytePairTokenizer {
  /// What the file says beyond the vocabulary.
  struct Settings: Sendable {
    enum SpacePrefix: Sendable { case never, always, unlessThere, first }

    /// U+2581, which stands for a space in SentencePiece's vocabularies.
    static let space: [UInt8] = [0xE2, 0x96, 0x81]

    var isByteLevel = true
    var preTokenizer = PreTokenizer.gpt2
    var spacePrefix = SpacePrefix.never
    var splitsAtSpaces = false
    /// No token has a space mark after another character.
    var cutsBeforeSpaces = false
    var composes = false
    /// Whether there is a normalizer at all, after which some added tokens are looked for.
    var normalizes = false
    var ignoresMerges = false
    var fallsBackToBytes = false
    var fusesUnknown = false
    var unknownID: Int32?
    var beginID: Int32?
    var endID: Int32?
    /// Added before and after a text.
    var prefix: [Int32] = []
    var suffix: [Int32] = []
    /// What the file puts around a text and a pair; nil where it adds nothing.
    var template: TokenizerTemplate?
    var stripsFirstSpace = false
  }

  /// What a tokenizer is made of.
  struct Description {
    var settings = Settings()
    /// By id; bytes for byte-level vocabularies, UTF-8 for others. Added tokens that are no part of the model are nil.
    var pieces: [[UInt8]?] = []
    var merges = MergeTable(capacity: 0)
    var byteIDs = [Int32](repeating: -1, count: 256)
    var addedTokens: [AddedTokens.Token] = []

    /// Puts the tokens in place.
    ///
    /// A byte-level token with a character that stands for no byte can be reached only as an added token.
    mutating func setTokens(_ tokens: [(text: String, id: Int32)], path: String) throws(TokenizerError) {
      var pieces = [[UInt8]?](repeating: nil, count: Int(tokens.map(\.id).max() ?? -1) + 1)
      var seen: Set<[UInt8]> = []
      for (text, id) in tokens {
        let bytes = settings.isByteLevel ? ByteAlphabet.bytes(of: text) : Array(text.utf8)
        guard let bytes else { continue }
        guard seen.insert(bytes).inserted, pieces[Int(id)] == nil else { throw .duplicateToken(path: path, token: text) }
        pieces[Int(id)] = bytes
        if settings.isByteLevel {
          if bytes.count == 1 { byteIDs[Int(bytes[0])] = id }
        } else if let byte = Self.byte(of: text) {
          byteIDs[byte] = id
        }
        let mark = Settings.space
        if !settings.isByteLevel, settings.cutsBeforeSpaces {
          var index = 1
          while index + 3 <= bytes.count {
            if bytes[index..<(index + 3)].elementsEqual(mark), !(index >= 3 && bytes[(index - 3)..<index].elementsEqual(mark)) {
              settings.cutsBeforeSpaces = false
              break
            }
            index += 1
          }
        }
      }
      self.pieces = pieces
    }

    /// 0x41 for `<0x41>`.
    private static func byte(of token: String) -> Int? {
      guard token.utf8.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">") else { return nil }
      let digits = token.dropFirst(3).dropLast()
      // Also `Int` would read a sign.
      return digits.allSatisfy(\.isHexDigit) ? Int(digits, radix: 16) : nil
    }

    mutating func setMerges(_ pairs: [(String, String)], path: String) throws(TokenizerError) {
      let table = PieceTable(pieces)
      merges = MergeTable(capacity: pairs.count)
      for (rank, (left, right)) in pairs.enumerated() {
        func bytes(_ text: String) -> [UInt8] {
          settings.isByteLevel ? ByteAlphabet.bytes(of: text) ?? [] : Array(text.utf8)
        }
        let (first, second) = (bytes(left), bytes(right))
        let (firstID, secondID, merged) = (table.find(first), table.find(second), table.find(first + second))
        guard firstID >= 0, secondID >= 0, merged >= 0 else {
          throw .unknownToken(path: path, token: firstID < 0 ? left : secondID < 0 ? right : left + right)
        }
        merges.insert(firstID, secondID, rank: rank, merged: merged)
      }
    }

    /// SentencePiece's rule: of neighbours that make a token together, the one with the highest score is merged first.
    mutating func setMerges(scores: [Float]) {
      let table = PieceTable(pieces)
      let ordered = Set(scores).sorted(by: >)
      var ranks: [Float: Int] = [:]
      for (rank, score) in ordered.enumerated() { ranks[score] = rank }
      var pairs: [(Int32, Int32, Int, Int32)] = []
      for (id, piece) in pieces.enumerated() {
        guard let piece, piece.count > 1, id < scores.count else { continue }
        for cut in 1..<piece.count where piece[cut] & 0xC0 != 0x80 {
          let (left, right) = (table.find(piece[..<cut]), table.find(piece[cut...]))
          if left >= 0, right >= 0 { pairs.append((left, right, ranks[scores[id]] ?? 0, Int32(id))) }
        }
      }
      merges = MergeTable(capacity: pairs.count)
      for (left, right, rank, merged) in pairs { merges.insert(left, right, rank: rank, merged: merged) }
    }
  }

  /// Loads a Hugging Face `tokenizer.json` with a BPE model.
  ///
  /// - Throws: ``TokenizerError``, also for parts that would change ids and are not implemented; `FileError`.
  public convenience init(tokenizerJSON path: String) throws {
    let bytes = try WordPieceTokenizer.contents(path)
    self.init(try bytes.withUnsafeBufferPointer { try BytePairJSONParser.parse($0, path: path) })
  }

  /// Takes the vocabulary of a GGUF file.
  ///
  /// - Parameter name: Names the file in errors.
  /// - Throws: ``TokenizerError``.
  public convenience init(_ vocabulary: BytePairVocabulary, name: String) throws {
    self.init(try Self.description(of: vocabulary, path: name))
  }

  private static func description(of vocabulary: BytePairVocabulary, path: String) throws(TokenizerError) -> Description {
    var description = Description()
    let isByteLevel = vocabulary.model == "gpt2"
    guard isByteLevel || vocabulary.model == "llama" else {
      throw .unsupported(path: path, part: "tokenizer.ggml.model", value: vocabulary.model)
    }
    let name = vocabulary.pre ?? "default"
    guard let rule = isByteLevel ? PreTokenizer(gguf: name) : PreTokenizer.none else {
      throw .unsupported(path: path, part: "tokenizer.ggml.pre", value: name)
    }
    description.settings.isByteLevel = isByteLevel
    description.settings.preTokenizer = rule
    description.settings.composes = rule == .qwen2
    description.settings.normalizes = rule == .qwen2
    description.settings.ignoresMerges = rule == .llama3
    description.settings.cutsBeforeSpaces = !isByteLevel
    description.settings.fallsBackToBytes = !isByteLevel
    description.settings.fusesUnknown = !isByteLevel
    if !isByteLevel, vocabulary.addsSpacePrefix ?? true {
      description.settings.spacePrefix = .always
      description.settings.stripsFirstSpace = true
    }
    let count = vocabulary.tokens.count
    guard vocabulary.tokenTypes.isEmpty || vocabulary.tokenTypes.count == count else {
      throw .unsupported(path: path, part: "tokenizer.ggml.token_type count", value: "\(vocabulary.tokenTypes.count)")
    }
    var tokens: [(String, Int32)] = []
    for (id, token) in vocabulary.tokens.enumerated() {
      let type = vocabulary.tokenTypes.isEmpty ? 1 : vocabulary.tokenTypes[id]
      if type == 3 || type == 4 {
        description.addedTokens.append(AddedTokens.Token(bytes: Array(token.utf8), id: Int32(id), isSpecial: type == 3))
      } else {
        tokens.append((token, Int32(id)))
      }
    }
    try description.setTokens(tokens, path: path)
    for id in [vocabulary.beginID, vocabulary.endID, vocabulary.unknownID] {
      if let id, id < 0 || id >= count { throw .unknownToken(path: path, token: "#\(id)") }
    }
    description.settings.beginID = vocabulary.beginID
    description.settings.endID = vocabulary.endID
    description.settings.unknownID = isByteLevel ? nil : vocabulary.unknownID
    if vocabulary.addsBegin ?? (!isByteLevel || rule == .llama3), let id = vocabulary.beginID {
      description.settings.prefix = [id]
    }
    if vocabulary.addsEnd ?? false, let id = vocabulary.endID { description.settings.suffix = [id] }
    guard isByteLevel else {
      guard vocabulary.scores.count == count else { throw .missing(path: path, part: "tokenizer.ggml.scores") }
      description.setMerges(scores: vocabulary.scores)
      return description
    }
    var pairs: [(String, String)] = []
    pairs.reserveCapacity(vocabulary.merges.count)
    for merge in vocabulary.merges { pairs.append(try BytePairJSONParser.pair(merge, path: path)) }
    try description.setMerges(pairs, path: path)
    return description
  }
}
