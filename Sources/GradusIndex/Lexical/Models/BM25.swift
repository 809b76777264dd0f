import CGradusKernels
import GradusCore

/// BM25 as Lucene scores it since version 8, with exact document lengths.
///
///     score(q, d) = sum over the terms of q, repeated terms counted each time, of
///                   ln(1 + (N - df + 0.5) / (df + 0.5)) * tf / (tf + k1 * (1 - b + b * |d| / avgdl))
///
/// There is no factor (k1 + 1): it would change no order. Lengths count tokens after stopping; Lucene rounds them to one
/// byte, we do not. (Robertson et al., TREC-3; Kamphuis et al., ECIR 2020, compare the variants.)
///
///     let model = try BM25(parsing: "bm25(k1=1.2,b=0.75)")
public struct BM25: WeightingModel, Equatable, Codable {
  /// Term-frequency saturation, `>= 0`; 0 makes scores Boolean.
  public var k1: Double
  /// Length normalisation, from 0 (none) to 1 (full).
  public var b: Double

  public init(k1: Double = 0.9, b: Double = 0.4) {
    self.k1 = k1
    self.b = b
  }

  /// Reads `bm25`, `bm25(k1=0.9)` or `bm25(k1=0.9,b=0.4)`; parameters that are left out have their defaults.
  ///
  /// - Throws: ``ModelSpecificationError``.
  public init(parsing specification: String) throws(ModelSpecificationError) {
    self.init()
    let arguments = try ModelSpecificationError.arguments(of: specification, model: "bm25", parameters: ["k1", "b"])
    for (name, value) in arguments {
      if name == "k1" { k1 = value } else { b = value }
    }
    try validate()
  }

  public var description: String { "bm25(k1=\(k1),b=\(b))" }

  /// - Throws: ``ModelSpecificationError/outOfRange(parameter:value:allowed:)``.
  public func validate() throws(ModelSpecificationError) {
    try ModelSpecificationError.check("k1", k1, k1.isFinite && k1 >= 0, "a number from 0 up")
    try ModelSpecificationError.check("b", b, b >= 0 && b <= 1, "from 0 to 1")
  }

  /// Weight of a term that `documentFrequency` of `documents` documents hold; positive.
  public static func inverseDocumentFrequency(documentFrequency: Int, documents: Int) -> Double {
    logarithm(1 + (Double(documents - documentFrequency) + 0.5) / (Double(documentFrequency) + 0.5))
  }
  public var formula: ScoringFormula {
    var formula = ScoringFormula(GRD_BM25) { term in
      let idf = Self.inverseDocumentFrequency(
        documentFrequency: Int(term.documentFrequency), documents: Int(term.documents))
      return grd_term(weight: term.queryWeight * idf)
    }
    formula.base = k1 * (1 - b)
    formula.slopeTimesAverage = k1 * b
    return formula
  }
}
