import ArgumentParser
import Gradus

struct BenchSearchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Queries per second and latencies of an index.",
    discussion: """
        gradus bench search faq.index --topics faq -k 10 --json

      Queries per second are over all queries with --threads; latencies are of single queries on one thread. In an impact index \
      queries are encoded before the clock runs.
      """)

  @Argument(help: ArgumentHelp("Folder that 'gradus index' or 'gradus sparse' made.", valueName: "index"))
  var index: String

  @Option(help: ArgumentHelp("Topics file or collection.", valueName: "file"))
  var topics: String

  @Option(help: ArgumentHelp("Only the queries of this split's judgements.", valueName: "split"))
  var split: String?

  @Option(help: ArgumentHelp("Retrieval model with its parameters.", valueName: "model"))
  var model = "bm25(k1=0.9,b=0.4)"

  @Option(help: ArgumentHelp("With an impact index: splade, tokens, words or vectors.", valueName: "kind"))
  var queryEncoder: SparseQueryEncoding?

  @Option(help: ArgumentHelp("With an impact index: model of the queries.", valueName: "model"))
  var encoder: String?

  @Option(name: .customShort("k"), help: ArgumentHelp("Documents for each query.", valueName: "k"))
  var depth = 10

  @Option(help: ArgumentHelp("Threads to use.", valueName: "n"))
  var threads = 1

  @Option(help: ArgumentHelp("Timed passes over all queries.", valueName: "n"))
  var repeats = 7

  @OptionGroup var output: JSONOption

  func validate() throws {
    for (name, value) in [("-k", depth), ("--threads", threads), ("--repeats", repeats)] where value < 1 {
      throw ValidationError("\(name) must be at least 1, found \(value)")
    }
  }

  func run() throws {
    WorkerPool.shared.threadLimit = threads
    if ImpactIndex.isPresent(at: index) { return try measureImpacts() }
    guard queryEncoder == nil, encoder == nil else {
      throw UsageError("\(index) is no impact index: --query-encoder and --encoder have no meaning for it")
    }
    let model = try WeightingModels.parse(model)
    let queries = try InputNames.queries(topics, split: split)
    let benchmark = SearchBenchmark(queries: queries, k: depth, model: model, threads: threads, repeats: repeats)
    try show(try benchmark.measure(try InvertedIndex(path: index)), model: model.description)
  }

  /// The time from weighted terms to docnos: queries are encoded before.
  private func measureImpacts() throws {
    let search = try SparseSearch(index: index, encoding: queryEncoder, model: encoder, topics: topics)
    let queries = try SparseSearch.queries(topics, encoding: search.encoding, split: split, field: .title)
    let benchmark = SearchBenchmark(queries: queries, k: depth, threads: threads, repeats: repeats)
    try show(try benchmark.measure(search.index, terms: try search.terms(of: queries)), model: search.description)
  }

  private func show(_ report: SearchBenchmark.Report, model: String) throws {
    if output.json {
      return try printJSON(
        Figures(
          queries_per_second: report.queriesPerSecond, best_queries_per_second: report.bestQueriesPerSecond,
          p50_ms: report.p50Milliseconds, p99_ms: report.p99Milliseconds, queries: report.queries, repeats: report.repeats,
          k: depth, threads: WorkerPool.shared.threadLimit, model: model, peak_mb: PeakMemory.megabytes))
    }
    try printOutput(
      "\(report.queriesPerSecond.fixed(0)) queries/s (best \(report.bestQueriesPerSecond.fixed(0))), one query "
        + "\(report.p50Milliseconds.fixed(3)) ms (p99 \(report.p99Milliseconds.fixed(3)) ms); \(report.queries) queries, "
        + "\(report.repeats) repeats, k \(depth), threads: \(WorkerPool.shared.threadLimit)\n")
  }

  /// Names are those of the JSON object.
  private struct Figures: Encodable {
    let queries_per_second: Double
    let best_queries_per_second: Double
    let p50_ms: Double
    let p99_ms: Double
    let queries: Int
    let repeats: Int
    let k: Int
    let threads: Int
    let model: String
    let peak_mb: Double
  }
}
