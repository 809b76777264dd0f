import CGradusKernels
import GradusCore

/// The BM25 formulas that go by that name beside Lucene's (``BM25``), with exact lengths.
///
/// With `B = 1 - b + b |d| / avgdl`, a score is the sum over the query's terms that the document holds of
///
///     bm25-robertson   ln((N - df + 0.5) / (df + 0.5)) * tf / (tf + k1 B)
///     bm25-atire       ln(N / df) * (k1 + 1) tf / (tf + k1 B)
///     bm25+            ln((N + 1) / df) * (delta + (k1 + 1) tf / (tf + k1 B))
///     bm25l            ln((N + 1) / (df + 0.5)) * (k1 + 1) (c + delta) / (k1 + c + delta),  c = tf / B
///
/// Robertson's weight is negative for a term that more than half of the documents hold, and stays so. (Robertson et al.,
/// TREC-3, as Kamphuis et al., ECIR 2020, write it; Trotman et al., SIGIR OSIR 2012; Lv and Zhai, CIKM 2011 and SIGIR 2011. In
/// the last two a document gains nothing from terms that it does not hold; bm25s adds their `delta` part too.)
///
///     let model = BM25Variant(.plus, k1: 1.2, b: 0.75, delta: 1)
public struct BM25Variant: WeightingModel, Equatable, Codable {
  public enum Formula: String, Sendable, Codable, CaseIterable {
    case robertson = "bm25-robertson"
    case atire = "bm25-atire"
    case plus = "bm25+"
    case l = "bm25l"
  }

  public var variant: Formula
  public var k1: Double
  public var b: Double
  /// What a term is worth however long the document is; for `.plus` and `.l` only.
  public var delta: Double

  /// - Parameter delta: Default: 1 for `.plus`, 0.5 for `.l`, as their authors have it.
  public init(_ variant: Formula, k1: Double = 0.9, b: Double = 0.4, delta: Double? = nil) {
    self.variant = variant
    self.k1 = k1
    self.b = b
    self.delta = delta ?? (variant == .plus ? 1 : variant == .l ? 0.5 : 0)
  }

  private var hasDelta: Bool { variant == .plus || variant == .l }

  public var description: String { "\(variant.rawValue)(k1=\(k1),b=\(b)\(hasDelta ? ",delta=\(delta)" : ""))" }

  public func validate() throws(ModelSpecificationError) {
    try BM25(k1: k1, b: b).validate()
    try ModelSpecificationError.check("delta", delta, delta.isFinite && delta >= 0, "a number from 0 up")
  }

  public var formula: ScoringFormula {
    let k1 = k1, delta = delta
    var formula: ScoringFormula
    switch variant {
    case .robertson:
      formula = ScoringFormula(GRD_BM25) { term in
        let df = term.documentFrequency
        return grd_term(weight: term.queryWeight * logarithm((term.documents - df + 0.5) / (df + 0.5)))
      }
      formula.isSigned = true
    case .atire:
      formula = ScoringFormula(GRD_BM25) { term in
        grd_term(weight: term.queryWeight * logarithm(term.documents / term.documentFrequency) * (k1 + 1))
      }
      // A term that all documents hold is worth 0.
      formula.isSigned = true
    case .plus:
      formula = ScoringFormula(GRD_BM25_PLUS) { term in
        let idf = term.queryWeight * logarithm((term.documents + 1) / term.documentFrequency)
        return grd_term(weight: idf * (k1 + 1), a: idf * delta)
      }
    case .l:
      formula = ScoringFormula(GRD_BM25_L) { term in
        grd_term(
          weight: term.queryWeight * logarithm((term.documents + 1) / (term.documentFrequency + 0.5)) * (k1 + 1))
      }
      formula.p = delta
      formula.q = k1 + delta
      formula.base = 1 - b
      formula.slopeTimesAverage = b
      return formula
    }
    formula.base = k1 * (1 - b)
    formula.slopeTimesAverage = k1 * b
    return formula
  }
}
