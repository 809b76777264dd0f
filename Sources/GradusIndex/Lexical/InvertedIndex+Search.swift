import GradusCore
import GradusText

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
    try QueryBatch.answers(queries.count, threads: threads) { try self.withSearcher($0) } answer: { searcher, number in
      try self.search(
        AnalyzedQuery(queries[number].text, in: self, analyzer: searcher.analyzer), searcher, k: k, model: model,
        pruning: pruning, filter: filter)
    }
  }

  /// Numbers and scores of the `k` best documents for queries that were analysed before, in their order: a search without its
  /// first and its last step.
  func numbers(
    for queries: [QueryTerms], k: Int, model: any WeightingModel, pruning: Pruning = .blockMaxScore,
    filter: DocumentSet? = nil, threads: Int
  ) throws -> [[NumberedDocument]] {
    try QueryBatch.answers(queries.count, threads: threads) { try self.withSearcher($0) } answer: { searcher, number in
      try self.best(
        AnalyzedQuery(queries[number], in: self), searcher, k: k, model: model, pruning: pruning, filter: filter
      ) { view, _, doc, score in NumberedDocument(doc: view.docIndex(doc), score: score) }
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
    let places = try docnos.map { docno in
      guard let place = try place(of: docno) else { throw IndexError.unknownDocno(docno) }
      return (segment: place.0.number, doc: UInt32(place.1))
    }
    let order = places.indices.sorted { (places[$0].segment, places[$0].doc, $0) < (places[$1].segment, places[$1].doc, $1) }
    let scoring = try Scoring(model, in: self)
    var scores = [Double](repeating: 0, count: docnos.count)
    try withSearcher { searcher in
      let query = try AnalyzedQuery(query, in: self, analyzer: searcher.analyzer)
      for view in segments {
        let here = order.filter { places[$0].segment == view.number }
        guard !here.isEmpty else { continue }
        let ascending = try searcher.score(here.map { places[$0].doc }, query, in: view, scoring: scoring)
        for (place, number) in here.enumerated() { scores[number] = ascending[place] }
      }
    }
    return scores
  }

  func search(
    _ query: AnalyzedQuery, _ searcher: Searcher, k: Int, model: any WeightingModel, pruning: Pruning,
    filter: DocumentSet? = nil
  ) throws -> SearchResult {
    let documents = try best(query, searcher, k: k, model: model, pruning: pruning, filter: filter) { _, docnos, doc, score in
      ScoredDocument(docno: try docnos.docno(doc), score: score)
    }
    return SearchResult(
      documents: documents, queryLength: query.length, unknownTerms: query.unknownTerms,
      hasKnownTerms: !query.terms.isEmpty)
  }

  /// The `k` best documents as `make` makes them, from the segment and its docnos, the number there, and the score.
  private func best<Found>(
    _ query: AnalyzedQuery, _ searcher: Searcher, k: Int, model: any WeightingModel, pruning: Pruning, filter: DocumentSet?,
    make: (SegmentView, DocnoTable, Int, Double) throws -> Found
  ) throws -> [Found] {
    guard k >= 0 else { throw IndexError.invalidQuery("k is \(k); expected 0 or more documents") }
    try filter?.requireSize(statistics.documents)
    let scoring = try Scoring(model, in: self, for: query)
    let depth = min(k, statistics.documents)
    guard depth > 0, !query.terms.isEmpty else { return [] }
    guard segments.count == 1 else {
      return try searchSegments(query, searcher, scoring, k: depth, pruning: pruning, filter: filter).map { hit in
        let view = segments[hit.segment]
        return try make(view, view.segment.documentTable.docnos, hit.doc, hit.score)
      }
    }
    let view = segments[0]
    let docnos = view.segment.documentTable.docnos
    let hits = try searcher.search(
      query, in: view, scoring: scoring, k: depth, pruning: pruning,
      filter: view.allowed(filter, documents: statistics.documents))
    return try hits.map { try make(view, docnos, Int($0.doc), $0.score) }
  }

  /// The best of all segments, merged from the best of each, one segment after the other: scores that are too low by then are not
  /// looked for any more.
  private func searchSegments(
    _ query: AnalyzedQuery, _ searcher: Searcher, _ scoring: Scoring, k: Int, pruning: Pruning, filter: DocumentSet?
  ) throws -> [SegmentHit] {
    var best: [SegmentHit] = []
    // The segment with most documents first: what it has is the hardest to beat.
    for view in segments.sorted(by: { ($0.live.count, $1.number) > ($1.live.count, $0.number) }) {
      guard query.hasLists(in: view.number), view.live.count > 0 else { continue }
      let hits = try searcher.search(
        query, in: view, scoring: scoring, k: min(k, view.live.count), pruning: pruning,
        filter: view.allowed(filter, documents: statistics.documents), floor: best.count == k ? best[k - 1].score : nil)
      guard !hits.isEmpty else { continue }
      let found = try hits.map { hit in
        SegmentHit(
          score: hit.score, docno: try view.segment.documentTable.docnos.bytes(Int(hit.doc)), segment: view.number,
          doc: Int(hit.doc))
      }
      best = SegmentHit.merge(best, found, k: k)
    }
    return best
  }
}

/// A document that was found, by its number in the index.
struct NumberedDocument: Equatable {
  let doc: DocIndex
  let score: Double
}
