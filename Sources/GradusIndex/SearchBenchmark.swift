import GradusCore

/// Speed of searches on one index: what `gradus bench search` reports.
///
///     let report = try SearchBenchmark(queries: queries, k: 10, threads: 1).measure(index)
///     print(report.queriesPerSecond)
public struct SearchBenchmark: Sendable {
  /// What was measured.
  public struct Report: Sendable, Equatable, Codable {
    /// Median over the repeats of queries per second, all queries from the text to the docnos.
    public let queriesPerSecond: Double
    /// Best repeat.
    public let bestQueriesPerSecond: Double
    /// Of single queries on one thread: the median over the repeats of each query's time, and of those the median.
    public let p50Milliseconds: Double
    public let p99Milliseconds: Double
    /// The same of the search alone, in an index of words: from the terms of analysed queries, whose look-up is a part of it, to
    /// the numbers and scores of documents. Nil for other indexes.
    public let search: SearchOnly?
    public let queries: Int
    public let repeats: Int
  }

  /// Rates and latencies of searches without the analysis of the text before and the names of the documents after.
  public struct SearchOnly: Sendable, Equatable, Codable {
    public let queriesPerSecond: Double
    public let p50Milliseconds: Double
    public let p99Milliseconds: Double
  }

  public var queries: [Query]
  public var k: Int
  public var model: any WeightingModel
  public var pruning: Pruning
  /// Documents that may be found; nil for all.
  public var filter: DocumentSet?
  public var threads: Int
  /// Passes over all queries that are measured, after one that is not; at least 1.
  public var repeats: Int

  public init(
    queries: [Query], k: Int = 10, model: any WeightingModel = BM25(), pruning: Pruning = .blockMaxScore,
    filter: DocumentSet? = nil, threads: Int = 1, repeats: Int = 7
  ) {
    self.queries = queries
    self.k = k
    self.model = model
    self.pruning = pruning
    self.filter = filter
    self.threads = threads
    self.repeats = repeats
  }

  /// - Throws: ``IndexError/invalidQuery(_:)`` without queries, and what the searches throw.
  public func measure(_ index: InvertedIndex) throws -> Report {
    let analyzed = try index.withSearcher { searcher in queries.map { QueryTerms($0.text, analyzer: searcher.analyzer) } }
    let singles = analyzed.map { [$0] }
    let searches = Passes {
      _ = try index.numbers(for: analyzed, k: k, model: model, pruning: pruning, filter: filter, threads: threads)
    } single: { number in
      _ = try index.numbers(for: singles[number], k: k, model: model, pruning: pruning, filter: filter, threads: 1)
    }
    return try measure(searches) {
      _ = try index.search(queries, k: k, model: model, pruning: pruning, filter: filter, threads: threads)
    } single: { number in
      _ = try index.search(queries[number].text, k: k, model: model, pruning: pruning, filter: filter)
    }
  }

  /// The same with queries as weighted terms, parallel to `queries`, on an impact index; `model` takes no part.
  public func measure(_ index: ImpactIndex, terms: [[WeightedTerm]]) throws -> Report {
    try measure {
      _ = try index.search(terms, k: k, pruning: pruning, filter: filter, threads: threads)
    } single: { number in
      _ = try index.search(terms[number], k: k, pruning: pruning, filter: filter)
    }
  }

  /// The same with queries as token vectors, parallel to `queries`, on a late-interaction index; `model` and `pruning` take no
  /// part. All threads of `WorkerPool.shared` take part in passes over all queries.
  public func measure(_ index: TokenIndex, vectors: [[Float]], options: TokenSearchOptions) throws -> Report {
    try measure {
      _ = try index.search(vectors, k: k, options: options, filter: filter)
    } single: { number in
      _ = try index.search(vectors[number], k: k, options: options, filter: filter)
    }
  }

  /// What is measured: all queries at once, and one of them.
  private struct Passes {
    let all: () throws -> Void
    let single: (Int) throws -> Void
    /// Queries per second of each repeat.
    var rates: [Double] = []
    /// By query, milliseconds of each repeat.
    var times: [[Double]] = []

    init(_ all: @escaping () throws -> Void, single: @escaping (Int) throws -> Void) {
      self.all = all
      self.single = single
    }

    mutating func measure(_ queries: Int) throws {
      let clock = ContinuousClock()
      rates.append(try Double(queries) / clock.measure(all).inSeconds)
      if times.isEmpty { times = [[Double]](repeating: [], count: queries) }
      for number in 0..<queries {
        let duration = try clock.measure { try single(number) }
        times[number].append(1000 * duration.inSeconds)
      }
    }

    /// Over the queries, a quantile of the medians of their times.
    func latency(_ part: Double) -> Double {
      SearchBenchmark.quantile(times.map { SearchBenchmark.quantile($0, 0.5) }, part)
    }
  }

  private func measure(
    _ searches: Passes? = nil, pass: @escaping () throws -> Void, single: @escaping (Int) throws -> Void
  ) throws -> Report {
    guard !queries.isEmpty else { throw IndexError.invalidQuery("no queries to measure with") }
    var whole = Passes(pass, single: single), searches = searches
    try whole.all()
    try searches?.all()
    for _ in 0..<max(1, repeats) {
      try whole.measure(queries.count)
      try searches?.measure(queries.count)
    }
    return Report(
      queriesPerSecond: Self.quantile(whole.rates, 0.5), bestQueriesPerSecond: whole.rates.max() ?? 0,
      p50Milliseconds: whole.latency(0.5), p99Milliseconds: whole.latency(0.99),
      search: searches.map {
        SearchOnly(
          queriesPerSecond: Self.quantile($0.rates, 0.5), p50Milliseconds: $0.latency(0.5), p99Milliseconds: $0.latency(0.99))
      }, queries: queries.count, repeats: whole.rates.count)
  }

  /// The smallest value that at least the given part of the values does not exceed.
  private static func quantile(_ values: [Double], _ part: Double) -> Double {
    let sorted = values.sorted()
    return sorted[min(sorted.count - 1, max(0, Int((part * Double(sorted.count)).rounded(.up)) - 1))]
  }
}
