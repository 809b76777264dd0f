/// What a document's length adds to its score, after the contributions of the query's terms: Dirichlet smoothing's
/// `n ln(mu / (mu + length))`.
struct LengthPart {
  let mu: Double
  /// n, the sum of the weights of the query's known terms.
  let queryWeight: Double

  func value(length: UInt32) -> Double { queryWeight * logarithm(mu / (mu + Double(length))) }
}
