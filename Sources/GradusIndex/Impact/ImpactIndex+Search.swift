import GradusCore

extension ImpactIndex {
  /// The `k` best documents for weighted terms; only documents that hold one of them.
  ///
  /// - Parameters:
  ///   - query: A term that is listed several times counts with the sum of its weights.
  ///   - k: At least 0; with more than there are matching documents, all of those are returned.
  ///   - pruning: Changes the time, never the result.
  ///   - filter: Where given, only these documents are retrieved. Scores stay what they are.
  /// - Throws: ``ImpactIndexError/invalidQueryWeight(term:weight:)``, ``IndexError/invalidQuery(_:)`` for a negative `k` and a
  ///   filter of another index, ``IndexError/corrupted(path:section:)`` where damaged postings are met.
  /// - Complexity: At most the length of the query terms' posting lists.
  public func search(
    _ query: [WeightedTerm], k: Int = 1000, pruning: Pruning = .blockMaxScore, filter: DocumentSet? = nil
  ) throws -> SearchResult {
    guard k >= 0 else { throw IndexError.invalidQuery("k is \(k); expected 0 or more documents") }
    try filter?.requireSize(statistics.documents)
    let resolved = try ImpactQuery(query, in: self)
    let depth = min(k, statistics.documents)
    var best: [SegmentHit] = []
    if depth > 0, !resolved.terms.isEmpty {
      best = try withSearcher { try search(resolved, $0, k: depth, pruning: pruning, filter: filter) }
    }
    return SearchResult(
      documents: best.map(\.document), queryLength: resolved.count, unknownTerms: resolved.unknownTerms,
      hasKnownTerms: !resolved.terms.isEmpty)
  }

  /// The best of all segments, one after the other: scores that are too low by then are not looked for any more.
  private func search(
    _ query: ImpactQuery, _ searcher: ImpactSearcher, k: Int, pruning: Pruning, filter: DocumentSet?
  ) throws -> [SegmentHit] {
    var best: [SegmentHit] = []
    // The segment with most documents first: what it has is the hardest to beat.
    let order = segments.indices.sorted { (segments[$0].live.count, $1) > (segments[$1].live.count, $0) }
    for number in order {
      let segment = segments[number]
      guard segment.live.count > 0, query.terms.contains(where: { $0.numbers[number] != nil }) else { continue }
      let hits = try searcher.search(
        query.terms, in: segment, number, k: min(k, segment.live.count), pruning: pruning,
        filter: segment.live.allowed(filter, from: segment.firstDocument, of: statistics.documents),
        floor: best.count == k ? best[k - 1].score : nil)
      let found = try hits.map {
        SegmentHit(score: $0.score, docno: try segment.docnos.bytes(Int($0.doc)), segment: number, doc: Int($0.doc))
      }
      best = best.isEmpty ? found : SegmentHit.merge(best, found, k: k)
    }
    return best
  }

  /// Searches for many queries, in their order.
  ///
  /// - Parameter threads: At most as many as `WorkerPool.shared` has take part.
  public func search(
    _ queries: [[WeightedTerm]], k: Int = 1000, pruning: Pruning = .blockMaxScore, filter: DocumentSet? = nil,
    threads: Int = WorkerPool.shared.threads
  ) throws -> [SearchResult] {
    try SearchResult.all(queries.count, threads: threads) { number in
      try self.search(queries[number], k: k, pruning: pruning, filter: filter)
    }
  }

  /// Scores of given documents for weighted terms, in the order of `docnos`, the same bits as in a search; 0 where a document
  /// holds no term of the query.
  ///
  /// - Throws: ``IndexError/unknownDocno(_:)``.
  /// - Complexity: For each term, the blocks of 128 postings that hold one of the documents.
  public func score(_ query: [WeightedTerm], docnos names: [String]) throws -> [Double] {
    let places = try names.map { try place(of: $0) }
    let order = places.indices.sorted { (places[$0].segment, places[$0].doc, $0) < (places[$1].segment, places[$1].doc, $1) }
    let resolved = try ImpactQuery(query, in: self)
    var scores = [Double](repeating: 0, count: names.count)
    try withSearcher { searcher in
      for (number, segment) in segments.enumerated() {
        let here = order.filter { places[$0].segment == number }
        guard !here.isEmpty else { continue }
        let ascending = try searcher.score(here.map { places[$0].doc }, resolved.terms, in: segment, number)
        for (place, number) in here.enumerated() { scores[number] = ascending[place] }
      }
    }
    return scores
  }

  /// Where a document lies.
  private func place(of docno: String) throws -> (segment: Int, doc: UInt32) {
    for (number, segment) in segments.enumerated() {
      if let row = try segment.row(docno: docno) { return (number, UInt32(row)) }
    }
    throw IndexError.unknownDocno(docno)
  }

  /// Term by term, why a document has its score.
  ///
  /// - Throws: ``IndexError/unknownDocno(_:)``.
  public func explain(_ query: [WeightedTerm], docno: String) throws -> ImpactExplanation {
    let (segment, doc) = try place(of: docno)
    let resolved = try ImpactQuery(query, in: self)
    let impacts = try withSearcher { try $0.impacts(doc, resolved.terms, in: segments[segment], segment) }
    var score = 0.0
    let terms = zip(resolved.terms, impacts).map { term, impact in
      let contribution = term.weight * Double(impact)
      score += contribution
      return ImpactExplanation.Term(
        term: term.text, queryWeight: term.queryWeight,
        documentWeight: Double(statistics.scale) * Double(impact), impact: Int(impact), contribution: contribution)
    }
    return ImpactExplanation(docno: docno, terms: terms, unknownTerms: resolved.unknownTerms, score: score)
  }
}

/// How a document's score in an impact index comes about.
public struct ImpactExplanation: Sendable, Equatable, CustomStringConvertible {
  /// One query term's part.
  public struct Term: Sendable, Equatable {
    public let term: String
    public let queryWeight: Double
    /// As it is stored; 0 where the document does not hold the term.
    public let documentWeight: Double
    /// The same in steps of the index's scale.
    public let impact: Int
    public let contribution: Double
  }

  public let docno: String
  /// In the order in which the contributions are added; terms that the document does not hold included.
  public let terms: [Term]
  public let unknownTerms: [String]
  /// The sum of the contributions in their order, the same bits as in a search.
  public let score: Double

  public var description: String {
    var lines = ["\(docno): \(score), sum of query weight * document weight"]
    for term in terms where term.impact > 0 {
      lines.append("  \(term.contribution)  \(term.term): \(term.queryWeight) * \(term.documentWeight)")
    }
    let absent = terms.filter { $0.impact == 0 }.map(\.term)
    if !absent.isEmpty { lines.append("  not in the document: \(absent.joined(separator: ", "))") }
    if !unknownTerms.isEmpty { lines.append("  not in the index: \(unknownTerms.joined(separator: ", "))") }
    return lines.joined(separator: "\n")
  }
}
