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
    let depth = min(k, docnos.count)
    var documents: [ScoredDocument] = []
    if depth > 0, !resolved.terms.isEmpty {
      documents = try withSearcher { searcher in
        try searcher.search(resolved.terms, in: self, k: depth, pruning: pruning, filter: filter).map { hit in
          ScoredDocument(docno: try docnos.docno(Int(hit.doc)), score: hit.score)
        }
      }
    }
    return SearchResult(
      documents: documents, queryLength: resolved.count, unknownTerms: resolved.unknownTerms,
      hasKnownTerms: !resolved.terms.isEmpty)
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
    let documents = try names.map { docno in
      guard let doc = try docnos.find(docno) else { throw IndexError.unknownDocno(docno) }
      return UInt32(doc)
    }
    let order = documents.indices.sorted { (documents[$0], $0) < (documents[$1], $1) }
    let resolved = try ImpactQuery(query, in: self)
    let ascending = try withSearcher { try $0.score(order.map { documents[$0] }, resolved.terms, in: self) }
    var scores = [Double](repeating: 0, count: names.count)
    for (place, number) in order.enumerated() { scores[number] = ascending[place] }
    return scores
  }

  /// Term by term, why a document has its score.
  ///
  /// - Throws: ``IndexError/unknownDocno(_:)``.
  public func explain(_ query: [WeightedTerm], docno: String) throws -> ImpactExplanation {
    guard let doc = try docnos.find(docno) else { throw IndexError.unknownDocno(docno) }
    let resolved = try ImpactQuery(query, in: self)
    let impacts = try withSearcher { try $0.impacts(UInt32(doc), resolved.terms, in: self) }
    var score = 0.0
    let terms = try zip(resolved.terms, impacts).map { term, impact in
      let contribution = term.weight * Double(impact)
      score += contribution
      return ImpactExplanation.Term(
        term: String(decoding: try self.terms.bytes(of: term.entry), as: UTF8.self), queryWeight: term.queryWeight,
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
