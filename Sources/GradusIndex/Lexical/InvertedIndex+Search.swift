import CGradusKernels
import GradusCore
import GradusText
import Synchronization

extension InvertedIndex {
  /// The `k` best documents for a query text.
  ///
  ///     try index.search("boundary layer", k: 10, model: BM25(k1: 1.2, b: 0.75))
  ///
  /// - Parameters:
  ///   - k: At least 0; with more than there are matching documents, all of those are returned.
  ///   - pruning: Changes the time, never the result.
  ///   - filter: Where given, only these documents are retrieved. Scores stay what they are.
  /// - Throws: ``ModelSpecificationError/outOfRange(parameter:value:allowed:)``, ``IndexError/invalidQuery(_:)`` for a
  ///   negative `k`, ``IndexError/corrupted(path:section:)`` where damaged postings are met.
  /// - Complexity: At most the length of the query terms' posting lists.
  public func search(
    _ query: String, k: Int = 1000, model: any WeightingModel = BM25(), pruning: Pruning = .blockMaxScore,
    filter: DocumentSet? = nil
  ) throws -> SearchResult {
    try withSearcher { searcher in
      try search(
        AnalyzedQuery(query, in: self, analyzer: searcher.analyzer), searcher, k: k, model: model, pruning: pruning,
        filter: filter)
    }
  }

  /// The `k` best documents for terms as the analyzer makes them, each with a weight that multiplies its part of the score.
  ///
  /// A term that is listed several times counts with the sum of its weights.
  public func search(
    terms: [WeightedTerm], k: Int = 1000, model: any WeightingModel = BM25(), pruning: Pruning = .blockMaxScore,
    filter: DocumentSet? = nil
  ) throws -> SearchResult {
    let query = try AnalyzedQuery(terms, in: self)
    return try withSearcher { try search(query, $0, k: k, model: model, pruning: pruning, filter: filter) }
  }

  /// Searches for many queries, in their order.
  ///
  /// - Parameter threads: At most as many as `WorkerPool.shared` has take part.
  public func search(
    _ queries: [Query], k: Int = 1000, model: any WeightingModel = BM25(), pruning: Pruning = .blockMaxScore,
    filter: DocumentSet? = nil, threads: Int = WorkerPool.shared.threads
  ) throws -> [SearchResult] {
    try searchAll(queries.count, threads: threads) { number in
      try self.search(queries[number].text, k: k, model: model, pruning: pruning, filter: filter)
    }
  }

  /// Runs searches on several threads and gives their results in order.
  func searchAll(
    _ count: Int, threads: Int, _ search: @escaping @Sendable (Int) throws -> SearchResult
  ) throws -> [SearchResult] {
    var results = [Result<SearchResult, any Error>?](repeating: nil, count: count)
    let next = Atomic<Int>(0)
    let grain = 8
    results.withUnsafeMutableBufferPointer { results in
      WorkerPool.shared.forEach(count: min(max(1, threads), (count + grain - 1) / grain)) { _ in
        while true {
          let start = next.add(grain, ordering: .relaxed).oldValue
          guard start < count else { return }
          for number in start..<min(start + grain, count) { results[number] = Result { try search(number) } }
        }
      }
    }
    return try results.map { result in
      // Every number was handed out: each place is filled.
      try result!.get()
    }
  }

  /// Searches for many queries and names the result, ready for evaluation or a run file.
  public func run(
    _ queries: [Query], name: String, k: Int = 1000, model: any WeightingModel = BM25(),
    threads: Int = WorkerPool.shared.threads
  ) throws -> Run {
    let results = try search(queries, k: k, model: model, threads: threads)
    return Run(name: name, rankings: zip(queries, results).map { $1.ranking(qid: $0.qid) })
  }

  /// Scores of given documents for a query, in the order of `docnos`; where a document holds no term of it, 0, or the part
  /// that depends on its length where the model has one.
  ///
  /// The scores of documents that hold a term are those of ``search(_:k:model:pruning:filter:)``, bit for bit.
  ///
  /// - Throws: ``IndexError/unknownDocno(_:)``.
  public func score(_ query: String, docnos: [String], model: any WeightingModel = BM25()) throws -> [Double] {
    let documents = try docnos.map { docno in
      guard let doc = try docIndex(of: docno) else { throw IndexError.unknownDocno(docno) }
      return doc.rawValue
    }
    let order = documents.indices.sorted { (documents[$0], $0) < (documents[$1], $1) }
    let scoring = try Scoring(model, in: self)
    let ascending = try withSearcher { searcher in
      let query = try AnalyzedQuery(query, in: self, analyzer: searcher.analyzer)
      return try searcher.score(order.map { documents[$0] }, query.terms, in: self, scoring: scoring)
    }
    var scores = [Double](repeating: 0, count: docnos.count)
    for (place, number) in order.enumerated() { scores[number] = ascending[place] }
    return scores
  }

  func search(
    _ query: AnalyzedQuery, _ searcher: Searcher, k: Int, model: any WeightingModel, pruning: Pruning,
    filter: DocumentSet? = nil
  ) throws -> SearchResult {
    guard k >= 0 else { throw IndexError.invalidQuery("k is \(k); expected 0 or more documents") }
    if let filter, filter.documents != statistics.documents {
      throw IndexError.invalidQuery("the filter is of \(filter.documents) documents, the index of \(statistics.documents)")
    }
    let scoring = try Scoring(model, in: self)
    let depth = min(k, documentTable.count)
    var documents: [ScoredDocument] = []
    if depth > 0, !query.terms.isEmpty {
      let hits = try searcher.search(query.terms, in: self, scoring: scoring, k: depth, pruning: pruning, filter: filter)
      documents.reserveCapacity(hits.count)
      for hit in hits {
        documents.append(ScoredDocument(docno: try documentTable.docno(Int(hit.doc)), score: hit.score))
      }
    }
    return SearchResult(
      documents: documents, queryLength: query.length, unknownTerms: query.unknownTerms,
      hasKnownTerms: !query.terms.isEmpty)
  }
}
