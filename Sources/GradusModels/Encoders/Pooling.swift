/// How the vectors of a text's tokens become one vector.
public enum Pooling: String, Sendable, Codable, CaseIterable {
  /// The vector of the first token, `[CLS]`.
  case cls
  /// The average over all tokens, specials included, as sentence-transformers does.
  case mean
  /// The largest value of each dimension.
  case max
}
