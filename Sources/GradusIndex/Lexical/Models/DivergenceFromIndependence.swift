import CGradusKernels

/// Divergence from independence: how far a term's frequency exceeds what the document's length lets expect (Kocabas, Dincer
/// and Karaoglan, Information Retrieval 17, 2014). It has no parameters.
///
///     score = sum over matching t with tf > e of log2(1 + measure),  e = F |d| / tokens of the collection
///     measure: dfi-standardized (tf - e) / sqrt(e),  dfi-saturated (tf - e) / e,  dfi-chisquared (tf - e)^2 / e
///
/// A term that occurs as often as expected, or less, adds 0; F is its frequency in the collection.
public struct DivergenceFromIndependence: WeightingModel, Equatable, Codable {
  public enum Measure: String, Sendable, Codable, CaseIterable {
    case standardized, saturated, chisquared
  }

  public var measure: Measure

  public init(_ measure: Measure = .standardized) { self.measure = measure }

  public var description: String { "dfi-\(measure.rawValue)" }

  public func validate() {}

  public var formula: ScoringFormula {
    let kernel =
      switch measure {
      case .standardized: GRD_DFI_STANDARDIZED
      case .saturated: GRD_DFI_SATURATED
      case .chisquared: GRD_DFI_CHI_SQUARED
      }
    var formula = ScoringFormula(kernel) { term in
      grd_term(weight: term.queryWeight, a: term.collectionProbability)
    }
    formula.isSigned = true
    return formula
  }
}
