import Gradus

extension BenchSearchCommand {
  /// The time from token vectors to docnos, and what the search finds of the best by exact MaxSim.
  func measureTokens() throws {
    guard queryEncoder == nil else { throw UsageError("\(index) is no impact index: --query-encoder has no meaning for it") }
    let options = tokens.options(depth: depth)
    let search = try TokenSearch(index: index, encoder: encoder, strategy: .pruned(options))
    let queries = try InputNames.queries(topics, split: split)
    let allowed = try allowedDocuments { text throws in
      try search.index.documents(matching: MetadataFilter(parsing: text))
    }
    let vectors = try search.retriever.vectors(of: queries)
    let benchmark = SearchBenchmark(
      queries: queries, k: depth, filter: allowed?.documents, threads: threads, repeats: repeats)
    let report = try benchmark.measure(search.index, vectors: vectors, options: options)
    let exact = try search.index.exhaustive(vectors, k: depth, filter: allowed?.documents)
    let found = try search.index.search(vectors, k: depth, options: options, filter: allowed?.documents)
    let recall = zip(found, exact).reduce(0.0) { sum, pair in
      let wanted = Set(pair.1.map(\.docno))
      // Where nothing can be found nothing is missed.
      guard !wanted.isEmpty else { return sum + 1 }
      return sum + Double(pair.0.documents.count { wanted.contains($0.docno) }) / Double(wanted.count)
    }
    try show(
      Measured(
        report: report, model: search.description, allowed: allowed,
        opening: try openingMilliseconds { try TokenIndex(path: index) }, recall: recall / Double(queries.count),
        scored: Double(found.reduce(0) { $0 + $1.scoredDocuments }) / Double(queries.count)))
  }
}
