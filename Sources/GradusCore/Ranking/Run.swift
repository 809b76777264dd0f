/// What one system returned for a set of queries, in the order in which the queries were given.
///
///     var run = Run(name: "bm25")
///     run.append(Ranking(qid: "1", documents: [ScoredDocument(docno: "d1", score: 3.5)]))
///     run["1"]?.documents.first?.docno   // "d1"
public struct Run: Sendable, Equatable {
  /// The tag in the last column of a TREC run file.
  public var name: String
  public private(set) var rankings: [Ranking] = []
  private var positions: [String: Int] = [:]

  public init(name: String, rankings: [Ranking] = []) {
    self.name = name
    self.rankings.reserveCapacity(rankings.count)
    for ranking in rankings { append(ranking) }
  }

  /// Adds a query's ranking; a later ranking for the same qid replaces the earlier one in place.
  public mutating func append(_ ranking: Ranking) {
    if let position = positions[ranking.qid] {
      rankings[position] = ranking
    } else {
      positions[ranking.qid] = rankings.count
      rankings.append(ranking)
    }
  }

  /// The ranking of one query, or nil where the run does not have it. O(1).
  public subscript(qid: String) -> Ranking? { positions[qid].map { rankings[$0] } }

  public var qids: [String] { rankings.map(\.qid) }

  /// The run cut to `depth` documents a query.
  public func prefix(_ depth: Int) -> Run {
    Run(name: name, rankings: rankings.map { $0.prefix(depth) })
  }
}
