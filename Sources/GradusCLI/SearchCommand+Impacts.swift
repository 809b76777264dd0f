import Gradus

extension SearchCommand {
  /// Searches where the index is one of learned term weights.
  ///
  /// - Returns: False for an index of another kind.
  func searchesImpacts() throws -> Bool {
    guard ImpactIndex.isPresent(at: index) else {
      guard queryEncoder == nil else {
        throw UsageError("\(index) is no impact index: --query-encoder has no meaning for it")
      }
      return false
    }
    guard feedback == nil, syntax == .words, !tokens.isGiven, !vectors.isOfVectorsAlone else {
      throw UsageError(
        "\(index) is an impact index: of the options for other indexes (--feedback, --syntax, --exact and others) "
          + "only --encoder has a meaning for it")
    }
    try searchImpacts()
    return true
  }

  private func searchImpacts() throws {
    let search = try SparseSearch(index: index, encoding: queryEncoder, model: vectors.encoder, topics: topics, filter: filter)
    if let query {
      let answers = try search.answers(query, k: depth ?? 10, isExplained: explain)
      return try output.json ? printJSON(answers) : printOutput(answers.text(.standardOutput, isFiltered: filter != nil))
    }
    guard let topics else { return }
    let queries = try SparseSearch.queries(topics, encoding: search.encoding, split: split, field: field)
    var results: [SearchResult] = []
    let elapsed = try seconds { results = try search.retriever.search(queries, depth: depth ?? 1000) }
    let run = Run(name: tag ?? "gradus-sparse", rankings: zip(queries, results).map { $1.ranking(qid: $0.qid) })
    try TrecRunWriter.write(run, to: out ?? "-")
    guard output.json else { return }
    try printJSON(
      Summary(
        index: index, out: out ?? "-", model: search.description, feedback: nil, queries: queries.count,
        retrieved: results.reduce(0) { $0 + $1.documents.count },
        without_candidates: zip(queries, results).filter { $1.documents.isEmpty }.map(\.0.qid), seconds: elapsed))
  }
}

extension VectorSearchArguments {
  /// Whether an option is given that has a meaning for vectors alone.
  fileprivate var isOfVectorsAlone: Bool { efSearch != nil || exact || vectorFeedback != nil }
}
