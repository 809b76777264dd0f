import GradusCore

/// Comparison of two methods that were each run with several seeds on the same queries.
///
/// Two questions, two tests. *Over queries*: would another set of queries show the difference? Each query's value is its
/// mean over the seeds, then a paired test over queries; seeds are averaged, not counted as further queries, which would
/// make p far too small. *Over seeds*: would another set of seeds show it? The mean over queries of each seed, then a
/// paired t-test over seeds (seed i of one method against seed i of the other, as they share data order and sampling).
///
///     let comparison = try SeedComparison(first: [[0.5, 0.4], [0.6, 0.4]], second: [[0.6, 0.5], [0.6, 0.6]])
///     comparison.overQueries.meanDifference   // 0.1
public struct SeedComparison: Sendable, Equatable {
  /// Mean over seeds of second minus first, for each query.
  public let queryDifferences: [Double]
  /// Mean over queries of second minus first, for each seed.
  public let seedDifferences: [Double]
  public let overQueries: PairedTestResult
  public let overSeeds: PairedTestResult
  /// 95 % interval of the mean difference from its spread over queries; nil for fewer than two queries.
  public let interval: ConfidenceInterval?

  /// - Parameters:
  ///   - first: `[seed][query]`.
  ///   - second: `[seed][query]`, with as many seeds and queries.
  ///   - test: For the queries; the seeds always get the t-test.
  public init(
    first: [[Double]], second: [[Double]], test: PairedTest = .t, pool: WorkerPool = .shared
  ) throws(SignificanceError) {
    guard first.count == second.count else { throw .lengths(first: first.count, second: second.count) }
    let queries = first.first?.count ?? 0
    for values in [first, second] {
      for (seed, row) in values.enumerated() where row.count != queries {
        throw .queriesPerSeed(seed: seed, expected: queries, found: row.count)
      }
    }
    var rows: [[Double]] = []
    for (a, b) in zip(first, second) { rows.append(try SignificanceError.differences(a, b)) }
    let seeds = Double(max(1, rows.count))
    queryDifferences = (0..<queries).map { query in rows.reduce(0) { $0 + $1[query] } / seeds }
    seedDifferences = queries == 0 ? [] : rows.map { $0.reduce(0, +) / Double(queries) }
    overQueries = try test.test(differences: queryDifferences, pool: pool)
    overSeeds = try PairedTest.t.test(differences: seedDifferences, pool: pool)
    interval = try ConfidenceInterval.ofMean(queryDifferences)
  }
}
