/// A byte-pair tokenizer as encoders use it: RoBERTa's and ModernBERT's, with the special tokens that the file puts around texts.
///
///     let tokenizer = BytePairInputTokenizer(try BytePairTokenizer(tokenizerJSON: path))
///     try tokenizer?.inputs("the cat", limits: TokenLimits(maximumTokens: 512))[0].ids   // <s> the Ġcat </s>
public struct BytePairInputTokenizer: InputTokenizer {
  public let tokenizer: BytePairTokenizer
  public let template: TokenizerTemplate

  /// Nil where the file puts nothing around a text: then it is a decoder's.
  public init?(_ tokenizer: BytePairTokenizer) {
    guard let template = tokenizer.template else { return nil }
    self.tokenizer = tokenizer
    self.template = template
  }

  public var vocabularySize: Int { tokenizer.vocabularySize }

  public func encode(_ text: String) -> [Int32] { tokenizer.encode(text, addsSpecial: false) }

  public func piece(_ id: Int32) -> String? {
    let bytes = tokenizer.bytes(of: id)
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }
}
