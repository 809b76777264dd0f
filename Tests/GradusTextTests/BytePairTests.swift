import GradusCore
import GradusFormats
import GradusTestSupport
import Testing

@testable import GradusText

@Suite("Byte-pair tokenizers")
struct BytePairTests {
  private static let names = ["gpt2", "gpt2-prefix", "gpt2-split", "smollm", "llama3", "qwen2", "llama2", "mistral"]

  private static func texts() throws -> [String] {
    let bytes = try TestFiles.lines("BytePair/texts.json").joined(separator: [0x0A])
    return try Array(bytes).withUnsafeBufferPointer { bytes in
      var scanner = JSONScanner(bytes)
      return try #require(try JSONNode(&scanner).array).map { try #require($0.string) }
    }
  }

  /// Ids, ids with control tokens as text, and the decoded text of the first.
  private static func goldens(_ name: String) throws -> [(ids: [Int32], plain: [Int32], decoded: String)] {
    try TestFiles.lines("BytePair/\(name).ids.jsonl.gz").map { line in
      try line.withUnsafeBufferPointer { bytes in
        var scanner = JSONScanner(bytes)
        let row = try #require(try JSONNode(&scanner).array)
        return (row[0].array?.compactMap(\.id) ?? [], row[1].array?.compactMap(\.id) ?? [], try #require(row[2].string))
      }
    }
  }

  private static func compare(_ tokenizer: BytePairTokenizer, _ name: String) throws {
    let texts = try texts()
    let goldens = try goldens(name)
    try #require(texts.count == goldens.count && texts.count > 400)
    for (text, golden) in zip(texts, goldens) {
      let label = String(reflecting: text)
      #expect(tokenizer.encode(text) == golden.ids, "\(name): \(label)")
      #expect(tokenizer.encode(text, special: .asText, addsSpecial: false) == golden.plain, "\(name), as text: \(label)")
      #expect(tokenizer.decode(golden.ids, skipsSpecial: false) == golden.decoded, "\(name), decoded: \(label)")
    }
  }

  @Test("Ids and decoded texts are those of Hugging Face tokenizers", arguments: names)
  func goldens(name: String) throws {
    try Self.compare(try BytePairTokenizer(tokenizerJSON: TestFiles.fixture("BytePair/\(name).json")), name)
  }

  private static let smolLM2: String? = {
    let file = "SmolLM2-135M-Instruct.Q4_1.gguf"
    return InstalledModels.folder("smollm2-135m", with: file).map { $0 + "/" + file }
  }()

  static func load(gguf path: String) throws -> BytePairTokenizer {
    let file = try GGUFFile(path: path)
    return try BytePairTokenizer(
      BytePairVocabulary(
        model: file.string("tokenizer.ggml.model"), pre: file.string("tokenizer.ggml.pre"),
        tokens: file.strings("tokenizer.ggml.tokens"), merges: file.strings("tokenizer.ggml.merges"),
        tokenTypes: file.integers("tokenizer.ggml.token_type"), beginID: Int32(file.integer("tokenizer.ggml.bos_token_id")),
        endID: Int32(file.integer("tokenizer.ggml.eos_token_id")), addsBegin: file.bool("tokenizer.ggml.add_bos_token")),
      name: path)
  }

  @Test(
    "SmolLM2's own vocabulary gives the reference's ids",
    .enabled(if: smolLM2 != nil, "needs the model: gradus models pull smollm2-135m"))
  func realVocabulary() throws {
    let tokenizer = try Self.load(gguf: try #require(Self.smolLM2))
    #expect(tokenizer.vocabularySize == 49152 && tokenizer.id(of: "<|im_end|>") == 2 && tokenizer.endID == 2)
    try Self.compare(tokenizer, "smollm2")
  }

  @Test("A stream gives the text of all ids, and never half a character", arguments: names)
  func streams(name: String) throws {
    let tokenizer = try BytePairTokenizer(tokenizerJSON: TestFiles.fixture("BytePair/\(name).json"))
    for text in try Self.texts() {
      let ids = tokenizer.encode(text, special: .asText, addsSpecial: false)
      var stream = TokenStream(tokenizer)
      let parts = ids.map { stream.append($0) }
      #expect(parts.joined() + stream.finish() == tokenizer.decode(ids))
      if name == "smollm" {
        #expect(text.unicodeScalars.contains("\u{FFFD}") || !parts.joined().unicodeScalars.contains("\u{FFFD}"))
        #expect(tokenizer.decode(ids).unicodeScalars.elementsEqual(text.unicodeScalars))
      }
    }
  }

  @Test("Long words merge as short ones do")
  func longWords() {
    var table = MergeTable(capacity: 40)
    // Tokens are numbers; i and j merge to a third one, by a rule without structure.
    for left in Int32(0)..<6 {
      for right in Int32(0)..<6 {
        table.insert(left, right, rank: Int((left * 7 + right * 5) % 11), merged: (left + 2 * right) % 9)
      }
    }
    var random = SeededGenerator(seed: 3)
    table.withView { view in
      for _ in 0..<300 {
        let word = (0..<Int.random(in: 49...120, using: &random)).map { _ in Int32.random(in: 0..<6, using: &random) }
        var merger = PairMerger()
        merger.symbols = word
        merger.merge(view)
        var slow = word
        func merge(at place: Int) -> UInt64 { view.value(slow[place], slow[place + 1]) }
        while let best = (0..<max(0, slow.count - 1)).min(by: { merge(at: $0) >> 32 < merge(at: $1) >> 32 }),
          merge(at: best) != MergeTable.none
        {
          slow[best] = Int32(truncatingIfNeeded: merge(at: best))
          slow.remove(at: best + 1)
        }
        #expect(merger.symbols == slow)
      }
    }
  }

  @Test("Broken and foreign tokenizer files are refused by name of the part")
  func refusals() throws {
    func error(_ text: String) throws -> TokenizerError? {
      let path = try TemporaryFolder.makeFile(text, "tokenizer.json")
      do {
        _ = try BytePairTokenizer(tokenizerJSON: path)
        return nil
      } catch let error as TokenizerError {
        return error
      }
    }
    func unsupported(_ text: String) throws -> String? {
      if case .unsupported(_, let part, _)? = try error(text) { part } else { nil }
    }
    let pre = #""pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false}"#
    let model = #""model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]]}"#
    #expect(try error("{\(pre),\(model)}") == nil)
    #expect(try unsupported(#"{"model":{"type":"Unigram"}}"#) == "model.type")
    #expect(try unsupported(#"{"model":{"type":"BPE","dropout":0.1,"vocab":{},"merges":[]}}"#) == "model.dropout")
    let suffixed = #"{"model":{"type":"BPE","end_of_word_suffix":"</w>","vocab":{},"merges":[]}}"#
    #expect(try unsupported(suffixed) == "model.end_of_word_suffix")
    #expect(try unsupported("{\(model),\"normalizer\":{\"type\":\"Lowercase\"}}") == "normalizer.type")
    #expect(try unsupported(#"{\#(model),"pre_tokenizer":{"type":"Whitespace"}}"#) == "pre_tokenizer.type")
    #expect(try unsupported("{\(model)}") == "pre_tokenizer")
    #expect(try unsupported(#"{\#(pre),"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}"#) == "model.vocab['a']")
    #expect(try unsupported(#"{\#(pre),"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}"#) == "merge")
    let unmergeable = #"{\#(pre),"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]}}"#
    if case .unknownToken(_, "ab")? = try error(unmergeable) {} else {
      Issue.record("a merge to a token that is not there")
    }
    // A sign makes no byte of a token: these are words like others.
    let signs = #"{"pre_tokenizer":{"type":"Metaspace","replacement":"\u2581"},"model":{"type":"BPE","byte_fallback":true,"#
    #expect(try error(signs + #""vocab":{"<0x-f>":0,"<0x+f>":1},"merges":[]}}"#) == nil)
    if case .notJSON? = try error("{") {} else { Issue.record("not JSON") }
  }
}
