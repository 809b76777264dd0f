import CGradusKernels
import GradusCore

/// Divergence from randomness by its three parts: a basic model of randomness, an after-effect, and a normalisation of the
/// term frequency (Amati and van Rijsbergen, TOIS 20(4), 2002). `InL2`, `PL2`, `BB2`, `In_expB2` name such triples.
///
/// A term adds `information(x) * gain(x)`, with x the normalised tf, N documents, n of them with the term, F its frequency in
/// the collection, and all logarithms to the base 2:
///
///     basic model      P     x log(x / m) + (m - x) log e + 0.5 log(2 pi x),  m = F / N   (Poisson, as Terrier has it)
///                      D     F (f log(f N) + (1 - f) log((1 - f) / (1 - 1/N))) + 0.5 log(2 pi x (1 - f)),  f = x / F
///                      G     log(1 + m) + x log((1 + m) / m)                              (geometric)
///                      BE    -log(N - 1) - log e + s(N + F - 1, N + F - x - 2) - s(F, F - x)
///                            with s(u, v) = (v + 0.5) log(u / v) + (u - v) log u          (Bose-Einstein; `B` in names)
///                      In    x log((N + 1) / (n + 0.5))
///                      Ine   x log((N + 1) / (ne + 0.5)),  ne = N (1 - (1 - 1/N)^F)       (`In_exp` in Terrier's names)
///                      IF    x log((N + 1) / (F + 0.5))
///     after-effect     L     1 / (x + 1)
///                      B     (F + 1) / (n (x + 1))
///                      none  1                                                            (`0` in names)
///     normalisation    0     tf
///                      1     tf avgdl / |d|
///                      2     tf log(1 + c avgdl / |d|)
///                      3     mu (tf + mu F / tokens) / (|d| + mu)
///                      Z     tf (avgdl / |d|)^z
///
/// D and BE approximate counts of at most F; normalisation can push x above it, so x is held at F - 0.5 there. Both and IF, P
/// may give negative parts. Bounds of blocks for P, D, G and BE come from the first reading of a list: see ``WeightingModel``.
///
///     let model = DivergenceFromRandomness(.in, .l, .two(c: 1))     // InL2
public struct DivergenceFromRandomness: WeightingModel, Equatable {
  public enum BasicModel: String, Sendable, CaseIterable {
    case p, d, g, be, `in`, ine, `if`
  }

  public enum AfterEffect: String, Sendable, CaseIterable {
    case l, b
    case none = "0"
  }

  public enum Normalization: Sendable, Equatable {
    case none
    case one
    case two(c: Double = 1)
    case three(mu: Double = 800)
    case z(z: Double = 0.3)
  }

  public var basicModel: BasicModel
  public var afterEffect: AfterEffect
  public var normalization: Normalization

  public init(_ basicModel: BasicModel, _ afterEffect: AfterEffect, _ normalization: Normalization = .two()) {
    self.basicModel = basicModel
    self.afterEffect = afterEffect
    self.normalization = normalization
  }

  public var description: String {
    let name = basicModel.rawValue + afterEffect.rawValue
    return switch normalization {
    case .none: name + "0"
    case .one: name + "1"
    case .two(let c): name + "2(c=\(c))"
    case .three(let mu): name + "3(mu=\(mu))"
    case .z(let z): name + "z(z=\(z))"
    }
  }

  public func validate() throws(ModelSpecificationError) {
    switch normalization {
    case .none, .one: break
    case .two(let c): try ModelSpecificationError.check("c", c, c.isFinite && c > 0, "a number above 0")
    case .three(let mu): try ModelSpecificationError.check("mu", mu, mu.isFinite && mu > 0, "a number above 0")
    case .z(let z): try ModelSpecificationError.check("z", z, z >= 0 && z <= 1, "from 0 to 1")
    }
  }

  public var formula: ScoringFormula {
    let basicModel = basicModel, afterEffect = afterEffect
    var formula = ScoringFormula(GRD_DFR) { Self.term($0, basicModel, afterEffect) }
    switch basicModel {
    case .p: formula.basic = GRD_DFR_POISSON
    case .d: formula.basic = GRD_DFR_DIVERGENCE
    case .g: formula.basic = GRD_DFR_GEOMETRIC
    case .be: formula.basic = GRD_DFR_BOSE_EINSTEIN
    case .in, .ine, .if: formula.basic = GRD_DFR_LINEAR
    }
    formula.isMonotone = formula.basic == GRD_DFR_LINEAR
    switch basicModel {
    case .p, .d, .be, .if: formula.isSigned = true
    case .g, .in, .ine: break
    }
    formula.hasAfterEffect = afterEffect != .none
    switch normalization {
    case .none: break
    case .one: formula.normalization = GRD_DFR_DENSITY
    case .two(let c):
      formula.normalization = GRD_DFR_LOG_DENSITY
      formula.p = c
    case .three(let mu):
      formula.normalization = GRD_DFR_DIRICHLET
      formula.p = mu
    case .z(let z):
      formula.normalization = GRD_DFR_PARETO
      formula.p = z
    }
    return formula
  }

  private static func term(_ counts: TermCounts, _ basicModel: BasicModel, _ afterEffect: AfterEffect) -> grd_term {
    let documents = counts.documents, frequency = counts.collectionFrequency
    let mean = frequency / documents
    var term = grd_term(weight: counts.queryWeight, d: counts.collectionProbability)
    switch basicModel {
    case .p: term.a = mean
    case .g:
      term.a = binaryLogarithm(1 + mean)
      term.b = binaryLogarithm((1 + mean) / mean)
    case .d, .be:
      term.a = frequency
      // Both compare with the other documents: a collection of one counts as two.
      term.b = max(documents, 2)
    case .in: term.weight *= binaryLogarithm((documents + 1) / (counts.documentFrequency + 0.5))
    case .ine:
      let expected = documents * (1 - power(1 - 1 / documents, frequency))
      term.weight *= binaryLogarithm((documents + 1) / (expected + 0.5))
    case .if: term.weight *= binaryLogarithm((documents + 1) / (frequency + 0.5))
    }
    if afterEffect == .b { term.c = (frequency + 1) / counts.documentFrequency }
    return term
  }
}
