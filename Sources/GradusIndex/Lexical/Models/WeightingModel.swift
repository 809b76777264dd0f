import GradusCore

/// A ranking model: what a term's occurrences in a document are worth.
///
///     let model = try WeightingModels.parse("ql-dirichlet(mu=1500)")
///     let hits = try index.search("heat transfer", k: 10, model: model)
///
/// A score is a sum over the query's terms that the document holds, each weighted by how often it stands in the query, and
/// for ``QueryLikelihood`` with Dirichlet smoothing a part that depends on the document's length. Documents that hold no term
/// of the query are not retrieved; those that do are, also with a score of 0 or less where the model gives such scores.
///
/// All models run through the same pruned search, which returns the very bits of an exhaustive one. What bounds a block of
/// postings: where a model never falls with the term frequency and never rises with the length, the pairs of both that the
/// index stores; otherwise (``BM25F``, ``DPH``, and ``DivergenceFromRandomness`` with the models P, D, G and BE) the block's
/// greatest contribution, which the first search for a term with that model finds by reading the term's list once, and which the
/// open index keeps (8 bytes per 128 postings).
///
/// The formulas are a closed set, because they are computed in kernels: other types cannot conform usefully.
public protocol WeightingModel: Sendable, CustomStringConvertible {
  /// Name and all parameters; ``WeightingModels/parse(_:)`` reads it back.
  var description: String { get }
  /// What the kernels compute for the model.
  var formula: ScoringFormula { get }
  /// - Throws: ``ModelSpecificationError/outOfRange(parameter:value:allowed:)``.
  func validate() throws(ModelSpecificationError)
}

/// Counts of a term from which models compute its weight.
struct TermCounts {
  /// How often the term stands in the query, or its weight there.
  let queryWeight: Double
  let documentFrequency: Double
  let collectionFrequency: Double
  /// Documents of the collection.
  let documents: Double
  /// Tokens of the collection.
  let tokens: Double
  let averageLength: Double

  /// Probability of the term in the collection.
  var collectionProbability: Double { collectionFrequency / tokens }
}
