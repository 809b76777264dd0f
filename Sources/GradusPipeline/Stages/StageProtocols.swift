import GradusCore

/// A stage Q -> Q: spelling, translation, synonyms, sub-questions. The query keeps its qid.
public protocol Rewriter: Sendable {
  func rewrite(_ query: Query) throws -> Query
}

/// A stage R -> R that takes documents out. It cannot reorder or re-score: it is asked document by document.
public protocol Filter: Sendable {
  func keeps(_ docno: String, for query: Query) throws -> Bool
}

/// A stage (Q, R) -> Q: a better query from what the first one found, such as pseudo-relevance feedback. Keeps the qid.
public protocol Feedback: Sendable {
  func query(after list: RankedList) throws -> Query
}

/// A stage D -> D, before indexing: predicted queries, summaries, cleaning. The document keeps its docno.
public protocol Expander: Sendable {
  func expand(_ document: Document) throws -> Document
}

/// A stage R -> A: an answer from the documents.
public protocol Generator: Sendable {
  func answer(_ group: CandidateGroup) throws -> Answer
}

/// Reads the features that a feature union made: a linear model, a tree, an ensemble.
public protocol FeatureScorer: Sendable {
  /// Features that it reads.
  var featureCount: Int { get }
  var scoreKind: ScoreKind { get }
  func score(_ features: [Double]) throws -> Double
}

extension FeatureScorer {
  public var scoreKind: ScoreKind { .unknown }
}

/// `bias + sum of weight * feature`, added in the order of the features.
///
///     let learned = (bm25 ** cosine) >>> ListPipeline.linear(LinearFeatureScorer(weights: [0.3, 0.7]))
public struct LinearFeatureScorer: FeatureScorer, Hashable {
  public let weights: [Double]
  public let bias: Double

  public init(weights: [Double], bias: Double = 0) {
    self.weights = weights
    self.bias = bias
  }

  public var featureCount: Int { weights.count }
  public func score(_ features: [Double]) -> Double { zip(weights, features).reduce(bias) { $0 + $1.0 * $1.1 } }
}

/// Where stages find the texts of documents.
public protocol DocumentSource: Sendable {
  /// The document of that name, or nil.
  func document(docno: String) throws -> Document?
}
