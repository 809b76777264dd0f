/// How the vectors of a text's tokens become one vector.
public enum Pooling: String, Sendable, Codable, CaseIterable {
  /// The vector of the first token: `[CLS]`, or the first after a prompt that does not count.
  case cls
  /// The average over all tokens, specials included, as sentence-transformers does.
  case mean
  /// The largest value of each dimension.
  case max
  /// The sum over all tokens, divided by the square root of their number.
  case meanSquareRootLength = "mean_sqrt_len"
  /// The vector of the last token.
  case lastToken = "lasttoken"
  /// The average with weights 1, 2, 3, ... from the first token on (Muennighoff, 2022).
  case weightedMean = "weightedmean"
}
