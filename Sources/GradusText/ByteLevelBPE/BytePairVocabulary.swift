/// What a GGUF file's metadata say of its tokenizer, as plain arrays.
///
///     let vocabulary = BytePairVocabulary(
///       model: try file.string("tokenizer.ggml.model"), pre: try file.string("tokenizer.ggml.pre"),
///       tokens: try file.strings("tokenizer.ggml.tokens"), merges: try file.strings("tokenizer.ggml.merges"),
///       tokenTypes: try file.integers("tokenizer.ggml.token_type"))
///     let tokenizer = try BytePairTokenizer(vocabulary, name: file.path)
public struct BytePairVocabulary: Sendable {
  /// `tokenizer.ggml.model`: `gpt2` (byte-level) or `llama` (SentencePiece with byte fall-back).
  public var model: String
  /// `tokenizer.ggml.pre`; nil counts as `default`. Without a meaning for `llama`.
  public var pre: String?
  /// `tokenizer.ggml.tokens`, by id.
  public var tokens: [String]
  /// `tokenizer.ggml.merges`: pairs with a space between them, in the order of their rank. Empty for `llama`.
  public var merges: [String]
  /// `tokenizer.ggml.token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. Empty: all normal.
  public var tokenTypes: [Int]
  /// `tokenizer.ggml.scores`, which `llama` needs.
  public var scores: [Float]
  public var beginID: Int32?
  public var endID: Int32?
  public var unknownID: Int32?
  /// `tokenizer.ggml.add_bos_token`; nil: as the model's family does (`llama` and Llama 3 do, others do not).
  public var addsBegin: Bool?
  /// `tokenizer.ggml.add_eos_token`; nil: no.
  public var addsEnd: Bool?
  /// `tokenizer.ggml.add_space_prefix`; nil: yes for `llama`. Without a meaning for others.
  public var addsSpacePrefix: Bool?

  public init(
    model: String, pre: String? = nil, tokens: [String], merges: [String] = [], tokenTypes: [Int] = [],
    scores: [Float] = [], beginID: Int32? = nil, endID: Int32? = nil, unknownID: Int32? = nil, addsBegin: Bool? = nil,
    addsEnd: Bool? = nil, addsSpacePrefix: Bool? = nil
  ) {
    self.model = model
    self.pre = pre
    self.tokens = tokens
    self.merges = merges
    self.tokenTypes = tokenTypes
    self.scores = scores
    self.beginID = beginID
    self.endID = endID
    self.unknownID = unknownID
    self.addsBegin = addsBegin
    self.addsEnd = addsEnd
    self.addsSpacePrefix = addsSpacePrefix
  }
}
