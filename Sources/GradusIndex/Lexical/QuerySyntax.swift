import GradusCore

/// How the text of a query is meant.
public enum QuerySyntax: String, Sendable, CaseIterable {
  /// Words, of which any may match.
  case words
  /// ``BooleanQuery``.
  case boolean
  /// ``SequentialDependence`` with its usual weights.
  case dependence
}

extension InvertedIndex {
  /// The `k` best documents for a query text in a syntax.
  ///
  /// - Throws: What the searches of the syntaxes throw.
  public func search(
    _ query: String, syntax: QuerySyntax, k: Int = 1000, model: any WeightingModel = BM25(), filter: DocumentSet? = nil
  ) throws -> SearchResult {
    switch syntax {
    case .words: try search(query, k: k, model: model, filter: filter)
    case .boolean: try search(BooleanQuery(parsing: query), k: k, model: model, filter: filter)
    case .dependence: try search(query, dependence: SequentialDependence(), k: k, model: model, filter: filter)
    }
  }

  /// Searches for many queries, in their order.
  ///
  /// - Parameter threads: At most as many as `WorkerPool.shared` has take part.
  public func search(
    _ queries: [Query], syntax: QuerySyntax, k: Int = 1000, model: any WeightingModel = BM25(), filter: DocumentSet? = nil,
    threads: Int = WorkerPool.shared.threads
  ) throws -> [SearchResult] {
    if syntax == .words { return try search(queries, k: k, model: model, filter: filter, threads: threads) }
    return try SearchResult.all(queries.count, threads: threads) { number in
      try self.search(queries[number].text, syntax: syntax, k: k, model: model, filter: filter)
    }
  }

  /// Term by term, why a document has its score for a query text in a syntax.
  public func explain(
    _ query: String, syntax: QuerySyntax, docno: String, model: any WeightingModel = BM25()
  ) throws -> ScoreExplanation {
    switch syntax {
    case .words: try explain(query, docno: docno, model: model)
    case .boolean: try explain(BooleanQuery(parsing: query), docno: docno, model: model)
    case .dependence: try explain(query, dependence: SequentialDependence(), docno: docno, model: model)
    }
  }
}
