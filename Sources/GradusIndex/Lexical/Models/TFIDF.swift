import CGradusKernels
import GradusCore

/// Products of a term frequency and an inverse document frequency.
///
///     tfidf            (1 + ln tf) * ln(N / df)
///     tfidf-classic    sqrt(tf / |d|) * (1 + ln((N + 1) / (df + 1)))^2
///     tfidf-pivoted    (1 + ln(1 + ln tf)) / (1 - s + s |d| / avgdl) * ln((N + 1) / df)
///
/// The first is SMART's ltn, the second Lucene's ClassicSimilarity with exact lengths, the third is by Singhal, Buckley and
/// Mitra (SIGIR 1996). A term that all documents hold adds 0 in the first; documents that hold nothing else are retrieved with 0.
public struct TFIDF: WeightingModel, Equatable {
  public enum Variant: Sendable, Equatable {
    case logarithmic
    case classic
    /// `s`: how much length counts, from 0 to 1 (1 left out).
    case pivoted(s: Double = 0.2)
  }

  public var variant: Variant

  public init(_ variant: Variant = .logarithmic) { self.variant = variant }

  public var description: String {
    switch variant {
    case .logarithmic: "tfidf"
    case .classic: "tfidf-classic"
    case .pivoted(let s): "tfidf-pivoted(s=\(s))"
    }
  }

  public func validate() throws(ModelSpecificationError) {
    if case .pivoted(let s) = variant {
      try ModelSpecificationError.check("s", s, s >= 0 && s < 1, "from 0 to below 1")
    }
  }

  public var formula: ScoringFormula {
    switch variant {
    case .logarithmic:
      var formula = ScoringFormula(GRD_LOG_TF) { term in
        grd_term(weight: term.queryWeight * logarithm(term.documents / term.documentFrequency))
      }
      formula.isSigned = true
      return formula
    case .classic:
      return ScoringFormula(GRD_ROOT_TF) { term in
        let idf = 1 + logarithm((term.documents + 1) / (term.documentFrequency + 1))
        return grd_term(weight: term.queryWeight * idf * idf)
      }
    case .pivoted(let s):
      var formula = ScoringFormula(GRD_PIVOTED) { term in
        grd_term(weight: term.queryWeight * logarithm((term.documents + 1) / term.documentFrequency))
      }
      formula.base = 1 - s
      formula.slopeTimesAverage = s
      return formula
    }
  }
}
