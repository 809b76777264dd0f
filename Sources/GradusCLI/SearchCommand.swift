import ArgumentParser
import Gradus

struct SearchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Search an index: answer one query, or write a run for a topic set.",
    discussion: """
      One query shows passages with the words that were found; topics give a run in TREC's format:

        gradus search faq.index --query "how do I sort a hash by value"
        gradus search faq.index --topics faq --split test --out bm25.run
        gradus evaluate faq bm25.run

      Topics are BEIR's queries.jsonl, tab-separated lines, TREC topics, or a collection; with --split, the queries that \
      the split's judgements name. Without --out the run goes to standard output. A query without known terms retrieves \
      nothing; how many there were is said on stderr.

      An index that 'gradus dense --index' made is searched by vectors: queries are encoded as the documents were.
      """)

  @Argument(help: ArgumentHelp("Folder that 'gradus index' made.", valueName: "index"))
  var index: String

  @Option(name: .shortAndLong, help: ArgumentHelp("A question or some words.", valueName: "text"))
  var query: String?

  @Option(help: ArgumentHelp("Topics file or collection; '-' is standard input.", valueName: "file"))
  var topics: String?

  @Option(
    help: ArgumentHelp("With --topics: only the queries of this split's judgements (train, dev, test).", valueName: "split"))
  var split: String?

  @Option(help: ArgumentHelp("Part of TREC topics that is the query.", valueName: "field"))
  var field: TopicField = .title

  @Option(help: ArgumentHelp("Retrieval model with its parameters.", valueName: "model"))
  var model = "bm25(k1=0.9,b=0.4)"

  @Option(
    name: .customShort("k"),
    help: ArgumentHelp("Documents for each query; default: 1000 for topics, 10 for one query.", valueName: "k"))
  var depth: Int?

  @Option(name: .shortAndLong, help: ArgumentHelp("Run file to write.", valueName: "run"))
  var out: String?

  @Option(help: ArgumentHelp("Name of the run, its last column.", valueName: "tag"))
  var tag = "gradus-bm25"

  @Flag(help: "With --query: show how each score comes about.")
  var explain = false

  @OptionGroup(title: "With a vector index") var vectors: VectorSearchArguments
  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (query == nil) != (topics == nil) else {
      throw ValidationError("give either --query TEXT or --topics FILE")
    }
    if let depth, depth < 1 { throw ValidationError("-k must be at least 1, found \(depth)") }
    if query != nil {
      for (name, isGiven) in [("--split", split != nil), ("--out", out != nil)] where isGiven {
        throw ValidationError("\(name) goes with --topics, not with --query")
      }
    } else {
      if explain { throw ValidationError("--explain goes with --query, not with --topics") }
      if output.json, out == nil || out == "-" {
        throw ValidationError("--json with --topics prints a summary and needs --out FILE for the run itself")
      }
    }
  }

  func run() throws {
    let threadCount = threads.apply()
    if VectorIndex.isPresent(at: index) { return try searchVectors() }
    guard !vectors.isGiven else {
      throw UsageError("\(index) is no vector index: --encoder, --efSearch, --exact and --feedback have no meaning for it")
    }
    let model = try BM25(parsing: model)
    guard let topics else { return try answer(query ?? "", model) }
    guard !tag.isEmpty, !tag.contains(where: \.isWhitespace) else {
      throw UsageError("--tag must not be empty or hold white space: it is a column of the run")
    }
    let index = try InvertedIndex(path: index)
    let queries = try InputNames.queries(topics, split: split, field: field)
    var results: [SearchResult] = []
    let elapsed = try seconds {
      results = try Self.search(index, queries, k: depth ?? 1000, model: model, threads: threadCount)
    }
    let run = Run(name: tag, rankings: zip(queries, results).map { $1.ranking(qid: $0.qid) })
    try TrecRunWriter.write(run, to: out ?? "-")
    let empty = zip(queries, results).filter { $1.documents.isEmpty }.map(\.0.qid)
    if output.json {
      return try printJSON(
        Summary(
          index: self.index, out: out ?? "-", model: model.description, queries: queries.count,
          retrieved: results.reduce(0) { $0 + $1.documents.count }, without_candidates: empty, seconds: elapsed))
    }
    if !empty.isEmpty {
      let shown = empty.prefix(5).joined(separator: ", ") + (empty.count > 5 ? ", ..." : "")
      printToStandardError("gradus: \(empty.count) of \(queries.count) queries retrieved nothing: \(shown)")
    }
  }

  private func searchVectors() throws {
    guard !explain else { throw UsageError("--explain shows terms, which a vector index has none of") }
    let search = try DenseSearch(index: index, vectors)
    if let query {
      let answers = try search.answers(query, k: depth ?? 10)
      return try output.json ? printJSON(answers) : printOutput(answers.text(.standardOutput))
    }
    guard let topics else { return }
    let queries = try InputNames.queries(topics, split: split, field: field)
    var results: [VectorSearchResult] = []
    let elapsed = try seconds { results = try search.retriever.search(queries, depth: depth ?? 1000) }
    let run = Run(
      name: tag == "gradus-bm25" ? "gradus-dense" : tag, rankings: zip(queries, results).map { $1.ranking(qid: $0.qid) })
    try TrecRunWriter.write(run, to: out ?? "-")
    guard output.json else { return }
    try printJSON(
      Summary(
        index: index, out: out ?? "-", model: search.description, queries: queries.count,
        retrieved: results.reduce(0) { $0 + $1.documents.count },
        without_candidates: zip(queries, results).filter { $1.documents.isEmpty }.map(\.0.qid), seconds: elapsed))
  }

  /// Searches in pieces, so that progress can be shown.
  private static func search(
    _ index: InvertedIndex, _ queries: [Query], k: Int, model: BM25, threads: Int
  ) throws -> [SearchResult] {
    let progress = Progress("searching", total: queries.count, unit: "queries")
    defer { progress.finish() }
    var results: [SearchResult] = []
    results.reserveCapacity(queries.count)
    let piece = 512
    for start in stride(from: 0, to: queries.count, by: piece) {
      let part = Array(queries[start..<min(start + piece, queries.count)])
      results += try index.search(part, k: k, model: model, threads: threads)
      progress.advance(by: part.count)
    }
    return results
  }

  private func answer(_ query: String, _ model: BM25) throws {
    let index = try InvertedIndex(path: index)
    let result = try index.search(query, k: depth ?? 10, model: model)
    let answers = AnswerList(query: query, result: result, index: index, model: model, isExplained: explain)
    if output.json {
      try printJSON(try answers.json())
    } else {
      try printOutput(try answers.text(.standardOutput))
    }
  }

  /// Names are those of the JSON object.
  private struct Summary: Encodable {
    let index: String
    let out: String
    let model: String
    let queries: Int
    let retrieved: Int
    let without_candidates: [String]
    let seconds: Double
  }
}

extension TopicField: ExpressibleByArgument {}
