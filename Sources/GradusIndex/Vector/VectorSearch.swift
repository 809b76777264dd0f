import GradusCore

/// How a vector index is to be searched.
public struct VectorSearchOptions: Sendable, Hashable {
  public enum Strategy: String, Sendable, CaseIterable {
    /// The graph, but exact search where that costs no more: few vectors, or a narrow filter.
    case automatic
    /// Every allowed vector is scored.
    case exact
    /// The graph in any case: a narrow filter may then find fewer than k.
    case graph
  }

  /// Candidates that a walk keeps; the larger, the better the recall and the slower. Raised to k where it is less.
  public var efSearch: Int
  public var strategy: Strategy

  public init(efSearch: Int = 64, strategy: Strategy = .automatic) {
    self.efSearch = efSearch
    self.strategy = strategy
  }
}

/// How a search was done.
public enum VectorSearchMethod: Sendable, Hashable {
  public enum ExactReason: String, Sendable {
    /// The index has no graph, or nothing to search.
    case flat
    case asked
    /// A walk would have looked at as many vectors as there are.
    case few
    /// A walk would have looked at as many vectors as the filter allows.
    case narrowFilter
    /// The walk met fewer than k allowed vectors.
    case tooFewFound
  }

  /// With the number of candidates that were kept, which a filter raises.
  case graph(efSearch: Int)
  case exact(ExactReason)

  public var isExact: Bool { if case .exact = self { true } else { false } }
}

/// What a search found, and how.
public struct VectorSearchResult: Sendable, Equatable {
  /// Best first, by the tie rule.
  public let documents: [ScoredDocument]
  /// Of each segment of the index, in order.
  public let methods: [VectorSearchMethod]
  /// Scores that were computed: what the search cost.
  public let scoredVectors: Int

  /// Whether no vector that should be in the result can be missing.
  public var isExact: Bool { methods.allSatisfy(\.isExact) }

  /// The result as a ranking of a run.
  public func ranking(qid: String) -> Ranking { Ranking(qid: qid, alreadyOrdered: documents) }
}

/// Where the vectors that a search walks through lie.
public enum VectorResidency: String, Sendable, CaseIterable {
  /// In the files, mapped: the index opens in milliseconds and processes share the pages.
  case mapped
  /// Copied into private memory on large pages, where the system has them: opening takes as long as the copy, searches are
  /// faster.
  case resident
}

/// Which documents of an index a search may return. Made once, used for any number of searches.
///
///     let filter = try index.filter(docnos: ["d1", "d7"])
///     let result = try index.search(vector, k: 10, filter: filter)
public struct VectorFilter: Sendable {
  let generation: Int
  let path: String
  /// By segment; live rows alone.
  let rows: [DocumentSet]
  let counts: [Int]

  /// Documents that the filter allows.
  public var count: Int { counts.reduce(0, +) }
}
