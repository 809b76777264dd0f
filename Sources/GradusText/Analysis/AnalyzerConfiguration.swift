/// How text becomes index terms. Part of an index: queries must be analysed as the documents were.
///
///     let configuration = AnalyzerConfiguration.english
///     let analyzer = try Analyzer(AnalyzerConfiguration(language: "german"))
public struct AnalyzerConfiguration: Sendable, Hashable, Codable {
  /// Where words begin and end.
  public enum Tokenization: String, Sendable, Codable, CaseIterable {
    /// Maximal runs of letters (L), numbers (N) and underscores. A combining mark ends a token.
    case wordCharacters
    /// Unicode's default word boundaries (UAX #29): keeps `3.14`, `don't` and combining marks together, and takes
    /// ideographs and Hiragana one by one. Segments without a letter or digit are not tokens.
    case unicodeWords
  }

  /// A Snowball algorithm by its English name (`english`, `german`, ..., `porter`), or `none` for no stemming.
  public var language: String
  public var tokenization: Tokenization
  /// Words that are left out, before stemming, in lower case. They still count as positions.
  public var stopWords: Set<String>
  /// In Unicode scalars, before stemming. Shorter tokens are left out and count as no position.
  public var minimumTokenLength: Int

  /// The defaults of a language.
  ///
  /// English (and `porter`, its older stemmer) takes `.wordCharacters`, tokens of two or more, and Lucene's 33 stop words:
  /// this is how the published BM25 figures of the small collections are made. On SciFact `.unicodeWords` gives less with
  /// tokens of two or more (nDCG@10 .6753 after .6760) and more with tokens of one (.6821), at about half the speed.
  /// Other languages take `.unicodeWords`, which keeps words with combining marks whole, tokens from one character (an
  /// ideograph is one), and no stop words.
  public init(language: String) {
    self.language = language
    let isEnglish = language == "english" || language == "porter"
    tokenization = isEnglish ? .wordCharacters : .unicodeWords
    stopWords = isEnglish ? Self.englishStopWords : []
    minimumTokenLength = isEnglish ? 2 : 1
  }

  public init(
    language: String, tokenization: Tokenization, stopWords: Set<String> = [], minimumTokenLength: Int = 1
  ) {
    self.language = language
    self.tokenization = tokenization
    self.stopWords = stopWords
    self.minimumTokenLength = minimumTokenLength
  }

  /// Lower case, Lucene's stop words, Snowball English ("Porter 2").
  public static let english = AnalyzerConfiguration(language: "english")

  /// The list of Lucene's `StandardAnalyzer` before version 8, of Anserini and of bm25s.
  public static let englishStopWords: Set<String> = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not", "of", "on",
    "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with",
  ]

  private enum CodingKeys: CodingKey { case language, tokenization, stopWords, minimumTokenLength }

  /// Stop words are written in byte order, so that equal configurations have equal bytes.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(language, forKey: .language)
    try container.encode(tokenization, forKey: .tokenization)
    try container.encode(stopWords.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }, forKey: .stopWords)
    try container.encode(minimumTokenLength, forKey: .minimumTokenLength)
  }
}
