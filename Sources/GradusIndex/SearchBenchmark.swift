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
    public let queries: Int
    public let repeats: Int
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
    try measure {
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

  private func measure(_ pass: () throws -> Void, single: (Int) throws -> Void) throws -> Report {
    guard !queries.isEmpty else { throw IndexError.invalidQuery("no queries to measure with") }
    let clock = ContinuousClock()
    try pass()
    var rates: [Double] = []
    var times = [[Double]](repeating: [], count: queries.count)
    for _ in 0..<max(1, repeats) {
      rates.append(try Double(queries.count) / clock.measure(pass).inSeconds)
      for number in queries.indices {
        let duration = try clock.measure { try single(number) }
        times[number].append(1000 * duration.inSeconds)
      }
    }
    let latencies = times.map { Self.quantile($0, 0.5) }
    return Report(
      queriesPerSecond: Self.quantile(rates, 0.5), bestQueriesPerSecond: rates.max() ?? 0,
      p50Milliseconds: Self.quantile(latencies, 0.5), p99Milliseconds: Self.quantile(latencies, 0.99),
      queries: queries.count, repeats: rates.count)
  }

  /// The smallest value that at least the given part of the values does not exceed.
  private static func quantile(_ values: [Double], _ part: Double) -> Double {
    let sorted = values.sorted()
    return sorted[min(sorted.count - 1, max(0, Int((part * Double(sorted.count)).rounded(.up)) - 1))]
  }
}
