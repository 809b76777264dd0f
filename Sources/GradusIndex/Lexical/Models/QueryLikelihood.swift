import CGradusKernels
import GradusCore

/// Query likelihood: the probability that a document's language model, smoothed with the collection's, generates the query
/// (Zhai and Lafferty, SIGIR 2001).
///
/// Scores are natural logarithms less the part that is the same for all documents, `sum of ln p(t|C)` (and, for
/// Jelinek-Mercer, `n ln lambda`). With n the sum of the weights of the query's terms that the collection holds:
///
///     ql-dirichlet   sum over matching t of ln(1 + tf / (mu p(t|C)))  +  n ln(mu / (mu + |d|))
///     ql-jm          sum over matching t of ln(1 + (1 - lambda) tf / (lambda |d| p(t|C)))
///
/// Terms that the collection does not hold are left out. Dirichlet's scores may be negative and rank as they are; some engines
/// set them to 0 or count the second part for matching terms only, which is another ranking.
///
///     let model = QueryLikelihood(.dirichlet(mu: 1500))
public struct QueryLikelihood: WeightingModel, Equatable {
  public enum Smoothing: Sendable, Equatable {
    /// `mu`: how many tokens of the collection's model each document is given, positive.
    case dirichlet(mu: Double = 1000)
    /// `lambda`: weight of the collection's model, between 0 and 1; 0.1 suits short queries, 0.7 long ones.
    case jelinekMercer(lambda: Double = 0.1)
  }

  public var smoothing: Smoothing

  public init(_ smoothing: Smoothing = .dirichlet()) { self.smoothing = smoothing }

  public var description: String {
    switch smoothing {
    case .dirichlet(let mu): "ql-dirichlet(mu=\(mu))"
    case .jelinekMercer(let lambda): "ql-jm(lambda=\(lambda))"
    }
  }

  public func validate() throws(ModelSpecificationError) {
    switch smoothing {
    case .dirichlet(let mu):
      try ModelSpecificationError.check("mu", mu, mu.isFinite && mu > 0, "a number above 0")
    case .jelinekMercer(let lambda):
      try ModelSpecificationError.check("lambda", lambda, lambda > 0 && lambda < 1, "between 0 and 1, ends left out")
    }
  }

  public var formula: ScoringFormula {
    switch smoothing {
    case .dirichlet(let mu):
      var formula = ScoringFormula(GRD_DIRICHLET) { term in
        grd_term(weight: term.queryWeight, a: mu * term.collectionProbability)
      }
      formula.documentSmoothing = mu
      return formula
    case .jelinekMercer(let lambda):
      return ScoringFormula(GRD_JELINEK_MERCER) { term in
        grd_term(weight: term.queryWeight, a: (1 - lambda) / (lambda * term.collectionProbability))
      }
    }
  }
}
