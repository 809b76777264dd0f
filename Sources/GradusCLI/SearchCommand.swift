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

      An index that 'gradus dense --index' made is searched by vectors: queries are encoded as the documents were. One of \
      token vectors (--late-interaction) is searched by MaxSim: centroids near the query's tokens (--nprobe) choose documents, \
      the best of them by centroids (--ndocs) are decompressed and scored exactly. One that 'gradus sparse' made is searched by \
      weighted terms; --query-encoder says how queries become such.

      Models: bm25(k1,b), bm25-robertson, bm25-atire, bm25+(k1,b,delta), bm25l(k1,b,delta), ql-dirichlet(mu), ql-jm(lambda), \
      dph, dfi-standardized, dfi-saturated, dfi-chisquared, tfidf, tfidf-classic, tfidf-pivoted(s), coordinate, and \
      divergence from randomness by its three parts, such as inl2(c), pl2(c), bb2(c), in_expb2(c).

      Of an index that was made with --fields, bm25f(k1,b,FIELD=WEIGHT,FIELD.b=B) weighs title, text and further fields, each \
      with its own length normalisation; --explain then shows the fields of each term:

        gradus index corpus.jsonl --fields title,text,keywords --out corpus.index
        gradus search corpus.index --query "laminar flow" --model "bm25f(title=3,title.b=0.5)" --explain

      Feedback takes the first documents as relevant and searches again with a wider query, which --explain and --json show:

        gradus search faq.index --query "sort a hash" --feedback rm3 --explain

      A vector index takes rocchio(docs,alpha,beta,gamma,negatives), average(docs) and ance-prf(docs,query,passage,tokens), \
      which encodes the query anew together with its first documents.

      Parameters go in brackets, as in "rm3(docs=10,terms=10,weight=0.5)". Phrases and neighbours need an index that was \
      made with --positions, filters one that was made with --columns (vectors and impacts have them without columns too, read \
      from the stored documents):

        gradus search faq.index --syntax boolean --query '+hash "by value"~2 -array'
      """)

  @Argument(help: ArgumentHelp("Folder that 'gradus index', 'gradus dense' or 'gradus sparse' made.", valueName: "index"))
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
    help: ArgumentHelp(
      "Widen each query by its first documents: rm3, bo1, kl, rocchio or axiomatic; of vectors: rocchio, average, ance-prf.",
      valueName: "method"))
  var feedback: String?

  @Option(
    help: ArgumentHelp(
      "words, boolean (+must -not \"a phrase\"~3) or dependence (neighbours count too).", valueName: "syntax"))
  var syntax: QuerySyntax = .words

  @Option(
    help: ArgumentHelp("Only documents whose metadata fit, such as 'year>=1990 lang=en|de'.", valueName: "conditions"))
  var filter: String?

  @Option(
    name: .customShort("k"),
    help: ArgumentHelp("Documents for each query; default: 1000 for topics, 10 for one query.", valueName: "k"))
  var depth: Int?

  @Option(name: .shortAndLong, help: ArgumentHelp("Run file to write.", valueName: "run"))
  var out: String?

  @Option(help: ArgumentHelp("Name of the run, its last column; default: gradus- and the model's name.", valueName: "tag"))
  var tag: String?

  @Flag(help: "With --query: show how each score comes about.")
  var explain = false

  @Option(
    help: ArgumentHelp(
      "With an impact index: splade, tokens, words, or vectors (weighted topics); default: as the index was made.",
      valueName: "kind"))
  var queryEncoder: SparseQueryEncoding?

  @OptionGroup(title: "With a vector index") var vectors: VectorSearchArguments
  @OptionGroup(title: "With an index of token vectors") var tokens: TokenSearchArguments
  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (query == nil) != (topics == nil) else {
      throw ValidationError("give either --query TEXT or --topics FILE")
    }
    if feedback != nil, syntax != .words { throw ValidationError("--feedback goes with --syntax words") }
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
    if try searchesImpacts() { return }
    if try searchesVectors() { return }
    let model = try WeightingModels.parse(model)
    guard feedback == nil || filter == nil else {
      throw UsageError("--feedback of a lexical index goes without --filter")
    }
    let method = try feedback.map { text throws in try RelevanceFeedbackMethods.parse(text) }
    guard let topics else { return try answer(query ?? "", model, method) }
    let tag = tag ?? Self.tag(model.description, method?.description)
    guard !tag.isEmpty, !tag.contains(where: \.isWhitespace) else {
      throw UsageError("--tag must not be empty or hold white space: it is a column of the run")
    }
    let index = try InvertedIndex(path: index)
    let queries = try InputNames.queries(topics, split: split, field: field)
    var results: [SearchResult] = []
    let elapsed = try seconds {
      results = try search(index, queries, k: depth ?? 1000, model: model, method: method, threads: threadCount)
    }
    let run = Run(name: tag, rankings: zip(queries, results).map { $1.ranking(qid: $0.qid) })
    try TrecRunWriter.write(run, to: out ?? "-")
    let empty = zip(queries, results).filter { $1.documents.isEmpty }.map(\.0.qid)
    if output.json {
      return try printJSON(
        Summary(
          index: self.index, out: out ?? "-", model: model.description, feedback: method?.description, queries: queries.count,
          retrieved: results.reduce(0) { $0 + $1.documents.count }, without_candidates: empty, seconds: elapsed))
    }
    if !empty.isEmpty {
      let shown = empty.prefix(5).joined(separator: ", ") + (empty.count > 5 ? ", ..." : "")
      printToStandardError("gradus: \(empty.count) of \(queries.count) queries retrieved nothing: \(shown)")
    }
  }

  /// Searches in pieces, so that progress can be shown.
  private func search(
    _ index: InvertedIndex, _ queries: [Query], k: Int, model: any WeightingModel, method: (any RelevanceFeedback)?,
    threads: Int
  ) throws -> [SearchResult] {
    let allowed = try filteredDocuments(index)
    let progress = Progress("searching", total: queries.count, unit: "queries")
    defer { progress.finish() }
    var results: [SearchResult] = []
    results.reserveCapacity(queries.count)
    let piece = 512
    for start in stride(from: 0, to: queries.count, by: piece) {
      let part = Array(queries[start..<min(start + piece, queries.count)])
      if let method {
        results += try PseudoRelevanceFeedback(index: index, model: model, method: method).search(part, k: k)
      } else {
        results += try index.search(part, syntax: syntax, k: k, model: model, filter: allowed, threads: threads)
      }
      progress.advance(by: part.count)
    }
    return results
  }

  private func answer(_ query: String, _ model: any WeightingModel, _ method: (any RelevanceFeedback)?) throws {
    let index = try InvertedIndex(path: index)
    let k = depth ?? 10
    let result: SearchResult
    var expanded: PseudoRelevanceFeedback.ExpandedQuery?
    if let method {
      let retriever = PseudoRelevanceFeedback(index: index, model: model, method: method)
      let wider = try retriever.expand(Query(qid: "1", text: query))
      result = try retriever.search(wider, k: k)
      expanded = wider
    } else {
      result = try index.search(query, syntax: syntax, k: k, model: model, filter: try filteredDocuments(index))
    }
    let answers = AnswerList(
      query: query, result: result, index: index, model: model, syntax: syntax, expanded: expanded,
      isExplained: explain)
    if output.json {
      try printJSON(try answers.json())
    } else {
      try printOutput(try answers.text(.standardOutput))
    }
  }

  private func filteredDocuments(_ index: InvertedIndex) throws -> DocumentSet? {
    try filter.map { text throws in try index.documents(matching: MetadataFilter(parsing: text)) }
  }

  /// Names without parameters: a column of a run.
  private static func tag(_ names: String?...) -> String {
    (["gradus"] + names.compactMap { $0 }.map { $0.prefix { $0 != "(" } }).joined(separator: "-")
  }

  /// Names are those of the JSON object.
  struct Summary: Encodable {
    let index: String
    let out: String
    let model: String
    let feedback: String?
    let queries: Int
    let retrieved: Int
    let without_candidates: [String]
    let seconds: Double
  }
}

extension TopicField: ExpressibleByArgument {}
extension QuerySyntax: ExpressibleByArgument {}
