/// What an impact index was made with.
public struct ImpactIndexConfiguration: Sendable, Codable, Equatable {
  /// Where the documents' weights come from.
  public enum Method: String, Sendable, Codable, CaseIterable {
    /// A file of weights that another program made.
    case imported
    /// A masked-language model with max pooling (Formal et al., SIGIR 2021).
    case splade
    /// Weights of the documents' own tokens and of likely ones (Zhuang and Zuccon, 2021); queries are only tokenized.
    case tildev2
  }

  public var method: Method
  public var quantization: ImpactQuantization
  /// The model that weighted the documents' terms; nil where the weights were read from a file.
  public var encoder: EncoderFingerprint?
  /// What makes terms of texts: the model folder that a tokenizer was taken from and the digest of its file. Queries must be cut
  /// by the same one; nil where that is not known.
  public var vocabulary: EncoderFingerprint?
  /// Tokens that are read of a query, special ones included; nil for no limit of the index's own.
  public var maximumQueryTokens: Int?

  public init(
    method: Method = .imported, quantization: ImpactQuantization = .nearest, encoder: EncoderFingerprint? = nil,
    vocabulary: EncoderFingerprint? = nil, maximumQueryTokens: Int? = nil
  ) {
    self.method = method
    self.quantization = quantization
    self.encoder = encoder
    self.vocabulary = vocabulary
    self.maximumQueryTokens = maximumQueryTokens
  }
}

/// Counts of an impact index.
public struct ImpactStatistics: Sendable, Codable, Equatable {
  public let documents: Int
  /// Distinct terms with an impact in some document.
  public let terms: Int
  /// Pairs of a term and a document in which it has an impact.
  public let postings: Int
  /// The weight of impact 1.
  public let scale: Float
}
