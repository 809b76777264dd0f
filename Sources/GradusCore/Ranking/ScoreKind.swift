/// What a score means, so that nobody averages a logit with a cosine by accident.
public enum ScoreKind: String, Sendable, Codable, CaseIterable {
  /// Unbounded output of a ranker before any sigmoid or softmax.
  case logit
  /// In `[0, 1]`.
  case probability
  /// In `[-1, 1]`.
  case cosine
  /// Inner product of unnormalised vectors.
  case dotProduct
  /// Minus the squared Euclidean distance of two vectors, `<= 0`.
  case negativeSquaredDistance
  /// Sum of BM25 term weights, `>= 0`.
  case bm25
  /// Natural logarithm of a probability, `<= 0`.
  case logProbability
  /// Read from a file that does not say.
  case unknown
}
