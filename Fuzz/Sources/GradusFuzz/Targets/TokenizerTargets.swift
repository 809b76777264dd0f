import GradusCore
@testable import GradusText

extension FuzzTarget {
  private static let sample = "Hello, world: the cat sat. don't 12345 \u{e9}\u{301} \u{4e2d}\u{6587} [MASK]<s>\u{1f600}\t\n x"

  /// tokenizer.json of all three kinds, as an encoder's and as a decoder's.
  static let tokenizer = FuzzTarget("tokenizer", maximumBytes: 16384, dictionary: "tokenizer") {
    try Workplace.fixtures("GradusTextTests/Fixtures/BytePair", suffix: ".json").filter { $0.count < 16000 }
      + ["bert", "roberta", "xlm-roberta", "mpnet", "modernbert"].map {
        try Workplace.fixture("GradusModelsTests/Fixtures/encoders/\($0)/tokenizer.json")
      } + [try Workplace.fixture("GradusTextTests/Fixtures/small-tokenizer.json")]
  } run: { input in
    let path = Workplace.write(input, "tokenizer.json")
    attempt {
      let tokenizer = try TokenizerFile.inputTokenizer(folder: Workplace.folder)
      let ids = tokenizer.encode(sample)
      for id in ids { _ = tokenizer.piece(id) }
      attempt { _ = try tokenizer.inputs(query: sample, document: sample, limits: TokenLimits(maximumTokens: 24)) }
      attempt { _ = try tokenizer.inputs(sample, limits: TokenLimits(maximumTokens: 9)) }
    }
    attempt {
      let tokenizer = try BytePairTokenizer(tokenizerJSON: path)
      _ = tokenizer.decode(tokenizer.encode(sample))
      _ = tokenizer.decode(tokenizer.encode(sample, special: .asText), skipsSpecial: false)
    }
  }

  /// vocab.txt, a word a line; what follows the first empty line is the text.
  static let vocabulary = FuzzTarget("vocabulary", maximumBytes: 2048) {
    [Array("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##s\ncat\n.\n\nThe cats. \u{e9}".utf8)]
  } run: { input in
    let cut = input.indices.first { $0 > 0 && input[$0] == 0x0A && input[$0 - 1] == 0x0A } ?? input.endIndex
    let path = Workplace.write(input[..<cut], "vocab.txt")
    let tokenizer = try WordPieceTokenizer(vocabulary: path)
    let text = String(decoding: input[cut...], as: UTF8.self)
    precondition(tokenizer.encodeWithOffsets(text).map(\.id) == tokenizer.encode(text))
  }

  /// Texts: analyzer, sentence splitter and all tokenizers that are at hand.
  static let text = FuzzTarget("text", maximumBytes: 1024) {
    [
      Array(sample.utf8), Array("Mr. J. Smith (1.5 km) said: \u{201c}Go!\u{201d} He went\u{2026}\n\nNext.".utf8),
      Array("\u{ac00}\u{1100}\u{1161}\u{11a8} \u{0e01}\u{0e33} \u{200d}\u{fe0f} \u{1f468}\u{200d}\u{1f469}".utf8),
    ]
  } run: { input in
    let text = String(decoding: input, as: UTF8.self)
    let analyzer = try Analyzer(AnalyzerConfiguration(language: "english"))
    _ = analyzer.terms(text)
    let splitter = SentenceSplitter()
    let ranges = splitter.utf8Ranges(text)
    precondition(ranges.allSatisfy { $0.upperBound <= text.utf8.count })
    for tokenizer in tokenizers { for id in tokenizer.encode(text) { precondition(tokenizer.piece(id) != nil) } }
    for tokenizer in byteTokenizers {
      _ = tokenizer.decode(tokenizer.encode(text, special: .asText, addsSpecial: false), skipsSpecial: false)
    }
  }

  private static let tokenizers: [any InputTokenizer] = ["bert", "roberta", "xlm-roberta", "mpnet"].compactMap {
    try? TokenizerFile.inputTokenizer(folder: "Tests/GradusModelsTests/Fixtures/encoders/\($0)")
  }
  private static let byteTokenizers: [BytePairTokenizer] = ["gpt2", "llama3", "llama2", "qwen2", "mistral", "smollm"].compactMap {
    try? BytePairTokenizer(tokenizerJSON: "Tests/GradusTextTests/Fixtures/BytePair/\($0).json")
  }
}
