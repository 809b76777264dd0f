import CGradusKernels

/// A model as the posting kernels compute it: made by the models of this library.
public struct ScoringFormula: Sendable {
  let formula: grd_formula
  var basic = GRD_DFR_LINEAR
  var normalization = GRD_DFR_PLAIN
  var hasAfterEffect = false
  /// Whether contributions divided by the term's weight never fall with tf, never rise with the length, and are `>= 0`.
  var isMonotone = true
  /// Whether a contribution can be 0 or less.
  var isSigned = false
  /// Length normalisation: `base + slopeTimesAverage * length / average`.
  var base = 0.0
  var slopeTimesAverage = 0.0
  var p = 0.0
  var q = 0.0
  /// Dirichlet's mu, where a document's length adds `n ln(mu / (mu + length))`, n the sum of the query's known terms' weights.
  var documentSmoothing: Double?
  /// The model of fields that the formula is of, for ``BM25F``.
  var fieldModel: BM25F?
  /// Constants of a term, its weight in the query included.
  let term: @Sendable (TermCounts) -> grd_term

  init(_ formula: grd_formula, term: @escaping @Sendable (TermCounts) -> grd_term) {
    self.formula = formula
    self.term = term
  }
}

extension grd_term {
  init(weight: Double, a: Double = 0, b: Double = 0, c: Double = 1, d: Double = 0) {
    self.init(weight: weight, a: a, b: b, c: c, d: d, largest_tf: 0, bounds: nil)
  }
}
