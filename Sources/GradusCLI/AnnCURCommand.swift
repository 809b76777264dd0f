import ArgumentParser
import Gradus

struct AnnCURCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "anncur",
    abstract: "Retrieve with a cross-encoder itself, a few calls a query.",
    discussion: """
      ANNCUR scores all documents for some anchor queries once; a query is then scored against a few anchor documents, its \
      scores for all others are predicted by a CUR decomposition, and the most promising are scored exactly until --budget calls \
      are spent:

        gradus anncur faq --model my-ranker --anchor-queries faq --topics faq --out anncur.run

      MODEL is a trained re-ranker, whose scores cost time, or maxsim:ENCODER over an index of token vectors (--index). With \
      --scores FILE the anchor queries' scores are kept; a file that is there is read, and refused if it is of another model, \
      corpus or set of queries. --rounds decomposes anew after each of so many rounds (ADACUR).
      """)

  @Argument(help: ArgumentHelp("Documents: collection, folder or file.", valueName: "corpus"))
  var corpus: String

  @Option(name: .shortAndLong, help: ArgumentHelp("Trained re-ranker, or maxsim:ENCODER.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("Index of token vectors, for maxsim:ENCODER.", valueName: "dir"))
  var index: String?

  @Option(help: ArgumentHelp("Topics that all documents are scored for, once.", valueName: "file"))
  var anchorQueries: String

  @Option(help: ArgumentHelp("Only the anchor queries of this split's judgements.", valueName: "split"))
  var anchorSplit: String?

  @Option(help: ArgumentHelp("Anchor queries that are used, the first ones.", valueName: "n"))
  var anchorQueryCount = 100

  @Option(help: ArgumentHelp("Anchor documents, drawn at random. Default: half of --budget.", valueName: "n"))
  var anchorItems: Int?

  @Option(help: ArgumentHelp("Seed of the anchor documents.", valueName: "n"))
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("truncated(tolerance), ridge(lambda) or pinv.", valueName: "solver"))
  var solver = "truncated(tolerance=0.01)"

  @Option(help: ArgumentHelp("Keep the anchor queries' scores in this file, or take them from it.", valueName: "file"))
  var scores: String?

  @Option(help: ArgumentHelp("Topics file or collection.", valueName: "file"))
  var topics: String

  @Option(help: ArgumentHelp("Only the queries of this split's judgements.", valueName: "split"))
  var split: String?

  @Option(help: ArgumentHelp("Calls of the model a query, those for the anchors included.", valueName: "calls"))
  var budget = 100

  @Option(help: ArgumentHelp("Rounds in which the budget is spent.", valueName: "n"))
  var rounds = 1

  @Option(name: .customShort("k"), help: ArgumentHelp("Documents for each query, at most the budget.", valueName: "k"))
  var depth = 100

  @Option(name: .shortAndLong, help: ArgumentHelp("Run file to write; standard output by default.", valueName: "run"))
  var out: String?

  @Option(help: ArgumentHelp("Name of the run, its last column.", valueName: "tag"))
  var tag = "gradus-anncur"

  @OptionGroup var arithmetic: PrecisionOption
  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    for (name, value) in [
      ("-k", depth), ("--budget", budget), ("--rounds", rounds), ("--anchor-query-count", anchorQueryCount),
      ("--anchor-items", anchorItems ?? 1),
    ] where value < 1 {
      throw ValidationError("\(name) must be at least 1, found \(value)")
    }
    guard budget > anchorCount else {
      throw ValidationError("--budget \(budget) is used up by \(anchorCount) anchor documents; give more or fewer anchors")
    }
    try RunChecks.check(tag: tag)
    try RunChecks.checkSummary(output, out: out)
  }

  private var anchorCount: Int { anchorItems ?? max(1, budget / 2) }

  func run() throws {
    _ = threads.apply()
    let solver = try PseudoInverse(parsing: solver)
    let queries = try InputNames.queries(topics, split: split)
    let setup = CURSetup(
      corpus: corpus, model: model, index: index, anchorQueries: anchorQueries, anchorSplit: anchorSplit,
      anchorQueryCount: anchorQueryCount, anchorItems: anchorCount, seed: seed, solver: solver, scores: scores,
      precision: arithmetic.choice)
    var built: (retriever: CURRetriever, scorerCalls: Int)?
    let indexSeconds = try seconds { built = try setup.retriever() }
    guard let built else { return }
    let search = CURSearch(built.retriever, budget: budget, rounds: rounds)
    var rankings: [Ranking] = []
    let progress = Progress("searching", total: queries.count, unit: "queries")
    let searchSeconds = try seconds {
      for query in queries {
        rankings += try search.retrieve([query], depth: depth)
        progress.advance(by: 1)
      }
    }
    progress.finish()
    try TrecRunWriter.write(Run(name: tag, rankings: rankings), to: out ?? "-")
    let summary = Summary(
      out: out ?? "-", model: model, documents: built.retriever.items.count,
      anchor_queries: built.retriever.anchorQueryCount, anchor_items: built.retriever.anchors.count,
      solver: solver.specification, budget: budget, rounds: rounds, queries: queries.count,
      anchor_scorer_calls: built.scorerCalls, is_underdetermined: built.retriever.isUnderdetermined,
      index_seconds: indexSeconds, search_seconds: searchSeconds)
    if output.json { return try printJSON(summary) }
    printToStandardError(summary.text)
  }

  /// Names are those of the JSON object.
  private struct Summary: Encodable {
    let out: String
    let model: String
    let documents: Int
    let anchor_queries: Int
    let anchor_items: Int
    let solver: String
    let budget: Int
    let rounds: Int
    let queries: Int
    /// Calls that the anchor queries took now; 0 where their scores were read.
    let anchor_scorer_calls: Int
    let is_underdetermined: Bool
    let index_seconds: Double
    let search_seconds: Double

    var text: String {
      let weak = is_underdetermined
        ? "; fewer anchor queries than anchor documents, which predicts weakly: give more anchor queries" : ""
      return "gradus: \(documents.grouped) documents, \(anchor_queries) anchor queries, \(anchor_items) anchor documents "
        + "(\(solver)), \(anchor_scorer_calls.grouped) calls in \(index_seconds.fixed(1)) s; \(queries.grouped) queries of "
        + "\(budget) calls in \(search_seconds.fixed(1)) s\(weak)"
    }
  }
}
