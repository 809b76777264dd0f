import GradusCore

/// What a search found, and what the query lost on the way.
public struct SearchResult: Sendable, Equatable {
  /// Best first, by the tie rule; only documents that hold a term of the query.
  public let documents: [ScoredDocument]
  /// Tokens of the query after analysis, repeats counted. 0: the query was empty or held stop words only.
  public let queryLength: Int
  /// Terms that no document holds, each once, in the order of the query.
  public let unknownTerms: [String]
  /// False where the query was empty or all its terms are unknown: `documents` is then empty for that reason.
  public let hasKnownTerms: Bool

  public init(documents: [ScoredDocument], queryLength: Int, unknownTerms: [String], hasKnownTerms: Bool) {
    self.documents = documents
    self.queryLength = queryLength
    self.unknownTerms = unknownTerms
    self.hasKnownTerms = hasKnownTerms
  }

  /// The result as a ranking of a run.
  public func ranking(qid: String) -> Ranking { Ranking(qid: qid, alreadyOrdered: documents) }
}

/// A term as the analyzer makes it, with its weight in a query: what feedback methods produce.
public struct WeightedTerm: Sendable, Equatable {
  public let term: String
  /// Finite and positive. A term that stands twice in a query has weight 2.
  public let weight: Double

  public init(_ term: String, weight: Double = 1) {
    self.term = term
    self.weight = weight
  }
}

/// How a search avoids work. Results have the same bits either way.
public enum Pruning: String, Sendable, CaseIterable {
  /// Scores every document that holds a query term.
  case exhaustive
  /// Block-Max MaxScore: skips documents and whole stretches that cannot reach the k-th score found so far (Turtle and
  /// Flood, 1995; Ding and Suel, SIGIR 2011).
  case blockMaxScore
}
