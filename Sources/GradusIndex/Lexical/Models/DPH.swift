import CGradusKernels

/// DPH: the hypergeometric model of divergence from randomness with Popper's normalisation, without parameters (Amati et al.,
/// TREC 2007 Blog track).
///
///     f = tf / |d|
///     (1 - f)^2 / (tf + 1) * (tf log2(tf avgdl / |d| * N / F) + 0.5 log2(2 pi tf (1 - f)))
///
/// F is the term's frequency in the collection. A document of one repeated term gets 0 for it, the limit of the formula. Parts
/// of common terms may be negative. Bounds of blocks come from the first reading of a list: see ``WeightingModel``.
public struct DPH: WeightingModel, Equatable {
  public init() {}

  public var description: String { "dph" }

  public func validate() {}

  public var formula: ScoringFormula {
    var formula = ScoringFormula(GRD_DPH) { term in
      grd_term(weight: term.queryWeight, a: term.averageLength * term.documents / term.collectionFrequency)
    }
    formula.isMonotone = false
    formula.isSigned = true
    return formula
  }
}
