import CGradusKernels

/// Coordination level: how many distinct terms of the query a document holds. Weights and repeats in the query do not count.
public struct CoordinateMatch: WeightingModel, Equatable {
  public init() {}

  public var description: String { "coordinate" }

  public func validate() {}

  public var formula: ScoringFormula { ScoringFormula(GRD_PRESENCE) { _ in grd_term(weight: 1) } }
}
