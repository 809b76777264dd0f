import ArgumentParser
import Gradus

struct BenchVectorsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vectors", abstract: "Recall, queries per second and build time of a vector index.",
    discussion: """
      Vectors and queries are NumPy arrays of float32 (.npy), one row each; an index can give its vectors as such an array:

        gradus bench vectors base.npy --queries queries.npy --efSearch 16,32,64 --json
        gradus bench vectors faq.vectors --export base.npy

      Recall is against the exact search of the same vectors in float32; --exact-out writes its row numbers, one query a line.

      --allowed measures filtered searches, too: of each share of the vectors, drawn at random, alone may be found. The search \
      then chooses itself between the graph and comparing with all that is allowed:

        gradus bench vectors base.npy --queries queries.npy --efSearch 64 --allowed 0.001,0.01,0.1,0.5 --json
      """)

  @Argument(help: ArgumentHelp("Vectors (.npy), or the folder of a vector index.", valueName: "vectors"))
  var vectors: String

  @Option(help: ArgumentHelp("Query vectors (.npy).", valueName: "file"))
  var queries: String?

  @Option(help: ArgumentHelp("Write the index's vectors here and end.", valueName: "file"))
  var export: String?

  @Option(help: ArgumentHelp("cosine, dot or l2.", valueName: "metric"))
  var metric: VectorMetric = .cosine

  @Option(name: .customLong("efSearch"), help: ArgumentHelp("Candidates of a walk, a list.", valueName: "n,..."))
  var efSearch = "10,20,40,80,160,320"

  @Option(name: .customShort("k"), help: ArgumentHelp("Vectors for each query.", valueName: "k"))
  var depth = 10

  @Option(help: ArgumentHelp("Shares of the vectors that filters allow, a list.", valueName: "share,..."))
  var allowed: String?

  @Option(help: ArgumentHelp("Where the vectors lie while they are searched: mapped or resident.", valueName: "where"))
  var residency: VectorResidency = .resident

  @Option(help: ArgumentHelp("Timed passes over all queries, for each efSearch.", valueName: "n"))
  var repeats = 5

  @Option(help: ArgumentHelp("Write the exact answers' row numbers here.", valueName: "file"))
  var exactOut: String?

  @OptionGroup var storage: VectorStorageOptions
  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (queries == nil) != (export == nil) else { throw ValidationError("give either --queries FILE or --export FILE") }
    guard depth >= 1, repeats >= 1 else { throw ValidationError("-k and --repeats must be at least 1") }
    guard !widths.isEmpty, widths.count == efSearch.split(separator: ",").count, widths.allSatisfy({ $0 >= 1 }) else {
      throw ValidationError("--efSearch must be a list of positive numbers, found '\(efSearch)'")
    }
    if let allowed {
      guard !shares.isEmpty, shares.count == allowed.split(separator: ",").count, shares.allSatisfy({ $0 > 0 && $0 <= 1 }) else {
        throw ValidationError("--allowed must be a list of shares above 0, up to 1, found '\(allowed)'")
      }
    }
  }

  private var widths: [Int] { efSearch.split(separator: ",").compactMap { Int($0) } }
  private var shares: [Double] { (allowed ?? "").split(separator: ",").compactMap { Double($0) } }

  func run() throws {
    let threadCount = threads.apply()
    if let export {
      var rows: [[Float]] = []
      try VectorIndex(path: vectors).forEachVector { rows.append($1) }
      return try NpyFile.write(rows, to: export)
    }
    guard let queries else { return }
    let asked = try NpyFile(path: queries)
    let queryVectors = (0..<asked.rows).map(asked.row)
    guard !queryVectors.isEmpty else { throw UsageError("\(queries): no queries to measure with") }
    let folder = try TemporaryIndexFolder()
    let base = try NpyFile(path: vectors)
    let buildSeconds = try build(base, in: folder.path, threadCount)
    let index = try VectorIndex(path: folder.path, residency: residency)
    let exactPath = folder.path + "-exact"
    defer { folder.remove(exactPath) }
    let flat = try exactIndex(base, in: exactPath)
    let exact = try flat.search(queryVectors, k: depth).map { $0.documents.map(\.docno) }
    if let exactOut { try write(exact, to: exactOut) }
    var points = try widths.map { try measure(index, queryVectors, ef: $0, exact: exact, filter: nil) }
    for share in shares {
      let documents = drawn(share, of: base.rows)
      let answers = try flat.search(queryVectors, k: depth, filter: flat.filter(documents: documents))
      let filter = (share: share, filter: index.filter(documents: documents))
      points += try widths.map {
        try measure(index, queryVectors, ef: $0, exact: answers.map { $0.documents.map(\.docno) }, filter: filter)
      }
    }
    let figures = Figures(
      vectors: base.rows, dimension: base.columns, queries: queryVectors.count, k: depth, metric: metric.rawValue,
      storage: storage.encoding.rawValue, traversal: storage.traversal.rawValue, M: storage.M,
      ef_construction: storage.efConstruction, threads: threadCount, residency: residency.rawValue, build_seconds: buildSeconds,
      points: points, peak_mb: PeakMemory.megabytes)
    if output.json { return try printJSON(figures) }
    try printOutput(figures.text)
  }

  private func build(_ base: NpyFile, in folder: String, _ threadCount: Int) throws -> Double {
    let fingerprint = EncoderFingerprint(name: vectors, digest: "of no known encoder")
    return try seconds {
      let writer = try VectorIndexWriter(
        creating: folder, configuration: storage.configuration(dimension: base.columns, metric: metric, encoder: fingerprint),
        memoryBudgetBytes: storage.memory << 20, threads: threadCount)
      for row in 0..<base.rows { try writer.add(docno: String(row), vector: base.row(row)) }
      try writer.commit()
    }
  }

  /// An index over float32 whose every search is exact.
  private func exactIndex(_ base: NpyFile, in path: String) throws -> VectorIndex {
    let fingerprint = EncoderFingerprint(name: vectors, digest: "of no known encoder")
    let writer = try VectorIndexWriter(
      creating: path,
      configuration: VectorIndexConfiguration(dimension: base.columns, metric: metric, encoder: fingerprint, graph: nil))
    for row in 0..<base.rows { try writer.add(docno: String(row), vector: base.row(row)) }
    try writer.commit()
    return try VectorIndex(path: path)
  }

  private func write(_ answers: [[String]], to path: String) throws {
    let file = try OutputFile(path: path)
    for answer in answers { try file.write(Array((answer.joined(separator: " ") + "\n").utf8)) }
    try file.commit()
  }

  /// Some of the rows, the same ones in every call; at least one where there is any.
  private func drawn(_ share: Double, of rows: Int) -> Set<DocIndex> {
    let count = min(rows, max(1, Int((share * Double(rows)).rounded())))
    var generator = SeededGenerator(seed: 1).stream("allowed", count)
    var order = Array(0..<rows)
    for place in 0..<count { order.swapAt(place, place + generator.integer(below: rows - place)) }
    return Set(order.prefix(count).map { DocIndex($0) })
  }

  private func measure(
    _ index: VectorIndex, _ queries: [[Float]], ef: Int, exact: [[String]], filter: (share: Double, filter: VectorFilter)?
  ) throws -> Figures.Point {
    let strategy: VectorSearchOptions.Strategy = storage.flat ? .exact : filter == nil ? .graph : .automatic
    let options = VectorSearchOptions(efSearch: ef, strategy: strategy)
    var results = try index.search(queries, k: depth, options: options, filter: filter?.filter)
    var times: [Double] = []
    for _ in 0..<repeats {
      times.append(try seconds { results = try index.search(queries, k: depth, options: options, filter: filter?.filter) })
    }
    let recall = zip(results, exact).reduce(0.0) { sum, pair in
      let wanted = Set(pair.1)
      return sum + Double(pair.0.documents.count { wanted.contains($0.docno) }) / Double(max(1, wanted.count))
    } / Double(queries.count)
    let median = MedianAndBest(times) { $0.first }.median
    return Figures.Point(
      allowed: filter?.share, ef_search: ef, recall: recall, queries_per_second: Double(queries.count) / median,
      scored_vectors: Double(results.reduce(0) { $0 + $1.scoredVectors }) / Double(queries.count),
      exact_share: Double(results.count(where: \.isExact)) / Double(queries.count))
  }

  /// Names are those of the JSON object.
  private struct Figures: Encodable {
    struct Point: Encodable {
      /// Share of the vectors that may be found; nil where all may.
      let allowed: Double?
      let ef_search: Int
      let recall: Double
      let queries_per_second: Double
      let scored_vectors: Double
      /// Of the queries, those that were compared with all that may be found.
      let exact_share: Double
    }

    let vectors: Int
    let dimension: Int
    let queries: Int
    let k: Int
    let metric: String
    let storage: String
    let traversal: String
    let M: Int
    let ef_construction: Int
    let threads: Int
    let residency: String
    let build_seconds: Double
    let points: [Point]
    let peak_mb: Double

    var text: String {
      var table = TextTable(
        header: ["allowed", "efSearch", "recall@\(k)", "queries/s", "vectors scored", "exactly"],
        rightAligned: [0, 1, 2, 3, 4, 5])
      for point in points {
        table.append([
          point.allowed.map { (100 * $0).fixed(1) + " %" } ?? "all", String(point.ef_search), point.recall.fixed(4),
          point.queries_per_second.fixed(0), point.scored_vectors.fixed(0), (100 * point.exact_share).fixed(0) + " %",
        ])
      }
      return "\(vectors.grouped) vectors of \(dimension) numbers, built in \(build_seconds.fixed(1)) s, threads: \(threads)\n"
        + table.text
    }
  }
}
