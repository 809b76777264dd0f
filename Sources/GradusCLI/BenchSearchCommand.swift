import ArgumentParser
import Gradus

struct BenchSearchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Queries per second and latencies of an index.",
    discussion: """
        gradus bench search faq.index --topics faq -k 10 --json

      Queries per second are over all queries with --threads; latencies are of single queries on one thread. Both are from a \
      query's text to the names of the documents; in an index of words also (search_...) of the search alone, from analysed \
      terms to numbers and scores of documents, which is what other engines' figures mostly are. In an impact index queries are \
      encoded before the clock runs. With --filter, the documents that fit are found once, which has a time of its own \
      (filter_ms); searches then leave the others out.

      Opening the index (open_ms) and reading stored documents by name, in no order (document_p50_us, document_p99_us), have \
      times of their own.

      In an index of token vectors queries are encoded before the clock runs, too, and recall is against comparing with all \
      documents:

        gradus bench search faq.tokens --topics faq --nprobe 2 -k 10 --json
      """)

  @Argument(
    help: ArgumentHelp(
      "Folder that 'gradus index', 'gradus sparse' or 'gradus dense --late-interaction' made.", valueName: "index"))
  var index: String

  @Option(help: ArgumentHelp("Topics file or collection.", valueName: "file"))
  var topics: String

  @Option(help: ArgumentHelp("Only the queries of this split's judgements.", valueName: "split"))
  var split: String?

  @Option(help: ArgumentHelp("Retrieval model with its parameters.", valueName: "model"))
  var model = "bm25(k1=0.9,b=0.4)"

  @Option(help: ArgumentHelp("Only documents whose metadata fit, such as 'year>=1990'.", valueName: "filter"))
  var filter: String?

  @Option(help: ArgumentHelp("With an impact index: splade, tokens, words or vectors.", valueName: "kind"))
  var queryEncoder: SparseQueryEncoding?

  @Option(help: ArgumentHelp("With an index of impacts or token vectors: model of the queries.", valueName: "model"))
  var encoder: String?

  @OptionGroup(title: "With an index of token vectors") var tokens: TokenSearchArguments

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
    if TokenIndex.isPresent(at: index) { return try measureTokens() }
    guard !tokens.isGiven else {
      throw UsageError("\(index) is no index of token vectors: --nprobe, --ndocs and --centroid-threshold have no meaning for it")
    }
    if ImpactIndex.isPresent(at: index) { return try measureImpacts() }
    guard queryEncoder == nil, encoder == nil else {
      throw UsageError("\(index) is no impact index: --query-encoder and --encoder have no meaning for it")
    }
    let model = try WeightingModels.parse(model)
    let queries = try InputNames.queries(topics, split: split)
    let opened = try InvertedIndex(path: index)
    let allowed = try allowedDocuments { text throws in try opened.documents(matching: MetadataFilter(parsing: text)) }
    let benchmark = SearchBenchmark(
      queries: queries, k: depth, model: model, filter: allowed?.documents, threads: threads, repeats: repeats)
    try show(
      Measured(
        report: try benchmark.measure(opened), model: model.description, allowed: allowed,
        opening: try openingMilliseconds { try InvertedIndex(path: index) }, documents: try documentMicroseconds(opened)))
  }

  /// What is to be shown.
  struct Measured {
    let report: SearchBenchmark.Report
    let model: String
    /// The documents that fit the filter, and the time of finding them.
    let allowed: (documents: DocumentSet, milliseconds: Double)?
    let opening: Double
    /// Microseconds, ascending; empty where they are not measured.
    var documents: [Double] = []
    /// Of an index of token vectors.
    var recall: Double?
    var scored: Double?
  }

  /// The median time of opening an index whose files the system has in memory.
  func openingMilliseconds<Index>(_ open: () throws -> Index) throws -> Double {
    let times = try (0..<repeats).map { _ in try 1000 * seconds { _ = try open() } }.sorted()
    return times[times.count / 2]
  }

  /// Times of reading a stored document by its name, ascending; of up to 2,000 documents from everywhere in the index.
  private func documentMicroseconds(_ index: InvertedIndex) throws -> [Double] {
    let count = index.statistics.documents
    // A step that meets every document once, far from the one before: a block that was just unpacked is of no use.
    let docnos = try (0..<min(count, 2000)).map { try index.docno(DocIndex($0 * 1_000_003 % count)) }
    return try docnos.map { docno in try 1e6 * seconds { _ = try index.document(docno: docno) } }.sorted()
  }

  /// The documents that fit `--filter`, and the median time of finding them; nil without it.
  func allowedDocuments(
    _ find: (String) throws -> DocumentSet
  ) throws -> (documents: DocumentSet, milliseconds: Double)? {
    guard let filter else { return nil }
    var documents = try find(filter)
    let times = try (0..<repeats).map { _ in try 1000 * seconds { documents = try find(filter) } }.sorted()
    return (documents, times[times.count / 2])
  }

  /// The time from weighted terms to docnos: queries are encoded before.
  private func measureImpacts() throws {
    let search = try SparseSearch(index: index, encoding: queryEncoder, model: encoder, topics: topics)
    let queries = try SparseSearch.queries(topics, encoding: search.encoding, split: split, field: .title)
    let allowed = try allowedDocuments { text throws in
      try search.index.documents(matching: MetadataFilter(parsing: text))
    }
    let benchmark = SearchBenchmark(
      queries: queries, k: depth, filter: allowed?.documents, threads: threads, repeats: repeats)
    try show(
      Measured(
        report: try benchmark.measure(search.index, terms: try search.terms(of: queries)), model: search.description,
        allowed: allowed, opening: try openingMilliseconds { try ImpactIndex(path: index) }))
  }

  func show(_ measured: Measured) throws {
    let (report, allowed, documents) = (measured.report, measured.allowed, measured.documents)
    func document(_ hundredth: Int) -> Double? {
      documents.isEmpty ? nil : documents[min(documents.count - 1, documents.count * hundredth / 100)]
    }
    if output.json {
      return try printJSON(
        Figures(
          queries_per_second: report.queriesPerSecond, best_queries_per_second: report.bestQueriesPerSecond,
          p50_ms: report.p50Milliseconds, p99_ms: report.p99Milliseconds,
          search_queries_per_second: report.search?.queriesPerSecond, search_p50_ms: report.search?.p50Milliseconds,
          search_p99_ms: report.search?.p99Milliseconds, queries: report.queries, repeats: report.repeats,
          k: depth, threads: WorkerPool.shared.threadLimit, model: measured.model, filter: filter,
          filter_documents: allowed?.documents.count, filter_ms: allowed?.milliseconds, open_ms: measured.opening,
          document_p50_us: document(50), document_p99_us: document(99), recall: measured.recall,
          scored_documents: measured.scored, peak_mb: PeakMemory.megabytes))
    }
    let filtered = allowed.map {
      ", \($0.documents.count.grouped) documents allowed (found in \($0.milliseconds.fixed(3)) ms)"
    } ?? ""
    let search = report.search.map {
      "; the search alone \($0.queriesPerSecond.fixed(0)) queries/s, \($0.p50Milliseconds.fixed(3)) ms "
        + "(p99 \($0.p99Milliseconds.fixed(3)) ms)"
    } ?? ""
    let recall = measured.recall.map { ", recall \($0.fixed(4))" } ?? ""
    try printOutput(
      "\(report.queriesPerSecond.fixed(0)) queries/s (best \(report.bestQueriesPerSecond.fixed(0))), one query "
        + "\(report.p50Milliseconds.fixed(3)) ms (p99 \(report.p99Milliseconds.fixed(3)) ms)\(search); "
        + "\(report.queries) queries, \(report.repeats) repeats, k \(depth), "
        + "threads: \(WorkerPool.shared.threadLimit)\(recall)\(filtered)\n")
  }

  /// Names are those of the JSON object.
  private struct Figures: Encodable {
    let queries_per_second: Double
    let best_queries_per_second: Double
    let p50_ms: Double
    let p99_ms: Double
    /// Of an index of words, without analysing queries and naming documents.
    let search_queries_per_second: Double?
    let search_p50_ms: Double?
    let search_p99_ms: Double?
    let queries: Int
    let repeats: Int
    let k: Int
    let threads: Int
    let model: String
    let filter: String?
    /// Documents that fit the filter, and the time of finding them.
    let filter_documents: Int?
    let filter_ms: Double?
    let open_ms: Double
    /// Of an index of words.
    let document_p50_us: Double?
    let document_p99_us: Double?
    /// Of an index of token vectors: the part of the k best by exact MaxSim, and documents that were scored exactly, a query.
    let recall: Double?
    let scored_documents: Double?
    let peak_mb: Double
  }
}
