import GradusCore
import GradusFormats
import GradusTestSupport
import Testing

@testable import GradusText

@Suite("WordPiece")
struct WordPieceTests {
  private static let minilm = InstalledModels.folder("minilm-l6", with: "tokenizer.json", "vocab.txt")

  static func small() throws -> WordPieceTokenizer {
    try WordPieceTokenizer(tokenizerJSON: TestFiles.fixture("small-tokenizer.json"))
  }

  @Test("A small vocabulary gives the ids of Hugging Face tokenizers for every hand-made text")
  func smallGoldens() throws {
    let tokenizer = try Self.small()
    let rows = try TestFiles.lines("small-ids.jsonl").map { try TestFiles.golden($0) }
    #expect(rows.count > 120)
    for row in rows { #expect(tokenizer.encode(row.text) == row.ids, "\(row.text.debugDescription)") }
  }

  @Test(
    "BERT's vocabulary gives the ids of Hugging Face tokenizers for 1,000 passages",
    .enabled(if: minilm != nil, "needs a pretrained model: run 'gradus models pull minilm-l6'"))
  func bertGoldens() throws {
    let folder = try #require(Self.minilm)
    let passages = try TestFiles.lines("passages.jsonl.gz").map { try TestFiles.golden($0).text }
    let ids = try TestFiles.lines("bert-uncased-ids.txt.gz").map {
      String(decoding: $0, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
    }
    try #require(passages.count == 1000 && ids.count == 1000)
    let tokenizers = [
      try WordPieceTokenizer(folder: folder), try WordPieceTokenizer(vocabulary: folder + "/vocab.txt"),
    ]
    for tokenizer in tokenizers {
      for (index, text) in passages.enumerated() {
        #expect(tokenizer.encode(text) == ids[index], "passage \(index)")
      }
    }
  }

  @Test("Offsets name the source of each piece")
  func offsets() throws {
    let text = "Café [MASK] fox!"
    let tokens = try Self.small().encodeWithOffsets(text)
    let tokenizer = try Self.small()
    #expect(tokens.map(\.id) == tokenizer.encode(text))
    let bytes = Array(text.utf8)
    let sources = tokens.map { String(decoding: bytes[$0.range], as: UTF8.self) }
    #expect(sources.joined() == "Café[MASK]fox!")
    #expect(sources.contains("[MASK]") && sources.last == "!")
  }

  @Test("Pairs get BERT's special tokens and segments; what is cut is counted")
  func pairs() throws {
    let tokenizer = try Self.small()
    var limits = TokenLimits(maximumTokens: 10, maximumQueryTokens: 3)
    let cut = try tokenizer.inputs(query: [10, 11, 12, 13], document: [20, 21, 22, 23, 24, 25], limits: limits)
    #expect(cut.count == 1)
    #expect(cut[0].ids == [2, 10, 11, 12, 3, 20, 21, 22, 23, 3])
    #expect(cut[0].segmentIDs == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    #expect(cut[0].truncatedTokens == 3)

    limits.policy = .error
    #expect(throws: TokenizerError.tooLong(tokens: 9, maximum: 8)) {
      try tokenizer.inputs(query: [10], document: [20, 21, 22, 23, 24], limits: TokenLimits(maximumTokens: 8, policy: .error))
    }
    limits.policy = .window
    limits.windowStride = 2
    let windows = try tokenizer.inputs(query: [10, 11, 12], document: [20, 21, 22, 23, 24, 25, 26], limits: limits)
    #expect(windows.map { Array($0.ids[5..<($0.ids.count - 1)]) } == [[20, 21, 22, 23], [22, 23, 24, 25], [24, 25, 26]])
    #expect(windows.map(\.truncatedTokens) == [3, 3, 4])
    #expect(throws: TokenizerError.noRoom(maximum: 5, needed: 5)) {
      try tokenizer.inputs(query: [10, 11], document: [20], limits: TokenLimits(maximumTokens: 5))
    }
    let single = try tokenizer.inputs("", limits: TokenLimits(maximumTokens: 8))
    #expect(single == [TokenizedInput(ids: [2, 3], segmentIDs: [0, 0], truncatedTokens: 0)])
  }

  @Test("What the file asks for and this tokenizer does not do is refused by name")
  func unsupported() throws {
    let model = #""model":{"type":"WordPiece","vocab":{"[UNK]":0}}"#
    func load(_ json: String) throws -> WordPieceTokenizer {
      let path = try TemporaryFolder.makeFile(json, "tokenizer.json")
      return try WordPieceTokenizer(tokenizerJSON: path)
    }
    func part(_ json: String) -> String? {
      do {
        _ = try load(json)
        return nil
      } catch let error as TokenizerError {
        switch error {
        case .unsupported(_, let part, _), .missing(_, let part): return part
        case .unknownToken(_, let token), .duplicateToken(_, let token): return token
        case .notJSON: return "JSON"
        default: return "other"
        }
      } catch { return "\(error)" }
    }
    #expect(part(#"{"model":{"type":"BPE"}}"#) == "model.type")
    #expect(part(#"{"normalizer":{"type":"NFC"}}"#) == "normalizer.type")
    #expect(part(#"{"pre_tokenizer":{"type":"Whitespace"}}"#) == "pre_tokenizer.type")
    #expect(part("{\(model),\"post_processor\":{\"type\":\"ByteLevel\"}}") == "post_processor.type")
    #expect(part("{\(model)}") == "post_processor")
    #expect(part("{}") == "model")
    #expect(part(#"{"model":{"type":"WordPiece"}}"#) == "model.vocab")
    #expect(part(#"{"model":{"type":"WordPiece","vocab":{"a":0,"a":1}}}"#) == "a")
    #expect(part(#"{"model":{"vocab":{"a":0}}}"#) == "[UNK]")
    #expect(part(#"{"model":{"vocab":{"a":-1}}}"#) == "model.vocab['a']")
    #expect(part(#"{"added_tokens":[{"id":0,"content":"\u00e9","normalized":true}]}"#) == "added_tokens[].normalized")
    #expect(part("{") == "JSON")
    // Ids that would be read before a table's first row.
    func post(_ text: String) -> String? { part("{\(model),\"post_processor\":\(text)}") }
    #expect(post(#"{"type":"BertProcessing","sep":["[SEP]",-3],"cls":["[CLS]",0]}"#) == "post_processor.cls or sep")
    #expect(post(#"{"special_tokens":{"[CLS]":{"ids":[-1]}}}"#) == "post_processor.special_tokens")
    #expect(post(#"{"single":[{"Sequence":{"id":"A","type_id":-1}}]}"#) == "post_processor type_id")
    #expect(throws: TokenizerError.self) { try WordPieceTokenizer(folder: "/nonexistent") }
  }

  @Test("Canonically equivalent pieces stay two pieces")
  func canonicalEquivalence() throws {
    let json = "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0,\"\u{E9}\":1,\"e\u{301}\":2}},\"normalizer\":null,"
      + "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
      + "\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"[SEP]\",0],\"cls\":[\"[CLS]\",0]}}"
    let path = try TemporaryFolder.makeFile(json, "tokenizer.json")
    let tokenizer = try WordPieceTokenizer(tokenizerJSON: path)
    #expect(tokenizer.encode("\u{E9} e\u{301}") == [1, 2])
  }

  @Test("Any bytes can be encoded")
  func randomBytes() throws {
    let tokenizer = try Self.small()
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<2000 {
      let bytes = (0..<generator.integer(below: 80)).map { _ in UInt8(generator.integer(below: 256)) }
      let ids = bytes.withUnsafeBufferPointer { tokenizer.encode($0) }
      #expect(ids.allSatisfy { tokenizer.piece($0) != nil })
    }
  }
}
