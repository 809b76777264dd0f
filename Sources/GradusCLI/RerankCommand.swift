import ArgumentParser
import Gradus

struct RerankCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rerank",
    abstract: "Re-order the candidates of a run with a model.",
    discussion: """
      MODEL is a folder that 'gradus train' made, a cross-encoder in Hugging Face's layout, or a pretrained encoder \
      (minilm-l6), whose similarity of query and document is then the score:

        gradus rerank bm25.run --topics faq --corpus faq --model my-ranker --out reranked.run

      tildev2:DIR re-ranks by the token weights that 'gradus sparse' stored in DIR, without a network.

      'maxsim:' before an encoder compares token by token (late interaction); vectors that an index of 'gradus dense' holds are \
      not made again:

        gradus rerank bm25.run --topics faq --index faq.tokens --model maxsim:minilm-l6 --out maxsim.run

      The first --top candidates get new scores; the rest follows in its old order. A trained model adds the first stage's \
      score with the weight that did best on its development queries; --first-stage-weight 0 leaves it out. How many \
      candidates were longer than the model reads is said on stderr. Long documents can be read in overlapping passages:

        gradus rerank bm25.run --topics t.jsonl --corpus c.jsonl --model my-ranker --passages max --window 150 --stride 75

      --budget-ms gives the best list that fits into so many milliseconds a query, and says on stderr what it did; which \
      candidates are still scored then depends on the machine and its load. --budget-tokens limits what is read instead, \
      and gives the same list everywhere. --cascade puts cheaper models before MODEL, each with the number of candidates \
      that it passes on:

        gradus rerank bm25.run --topics faq --corpus faq --cascade minilm-l6:40,small-ranker:15 --model my-ranker --budget-ms 50

      --early-exit stops reading a candidate as soon as an exit of the model is sure that it is not relevant. What was read \
      to the end stands before what left; of that, what left later stands before what left earlier. Probabilities are those \
      of even odds, as the development queries taught them: 0.1 means that other candidates are nine times as likely to look so:

        gradus train --model minilm-l6 --data faq --exits 2,4 --out exiting
        gradus rerank bm25.run --topics faq --corpus faq --model exiting --early-exit 0.1
      """)

  @Argument(help: ArgumentHelp("Run to re-rank; '-' is standard input.", valueName: "run"))
  var input: String

  @Option(help: ArgumentHelp("Topics file or collection.", valueName: "file"))
  var topics: String

  @Option(help: ArgumentHelp("With a collection as topics: only queries of this split.", valueName: "split"))
  var split: String?

  @Option(help: ArgumentHelp("Documents: collection, folder or file.", valueName: "corpus"))
  var corpus: String?

  @Option(help: ArgumentHelp("Index of any kind that holds the documents, instead of --corpus.", valueName: "dir"))
  var index: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("Trained folder, or encoder by name or folder.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("Candidates a query that are scored again.", valueName: "n"))
  var top = 100

  @Option(
    help: ArgumentHelp("Weight of the first stage's score; default: as stored with the model, else 0.", valueName: "weight"))
  var firstStageWeight: Double?

  @Option(name: .shortAndLong, help: ArgumentHelp("Run file to write; standard output by default.", valueName: "run"))
  var out: String?

  @Option(help: ArgumentHelp("Name of the run, its last column.", valueName: "tag"))
  var tag = "gradus-rerank"

  @Option(help: ArgumentHelp("Encoder's prompt before queries; default: 'query', else the folder's default.", valueName: "name"))
  var queryPrompt: String?

  @Option(help: ArgumentHelp("Prompt before documents; default: 'document' or 'passage', else the default.", valueName: "name"))
  var documentPrompt: String?

  @Option(
    help: ArgumentHelp(
      "Score documents by their passages: first, max, sum, avg, or top:N for the mean of the best N.", valueName: "name"))
  var passages: String?

  @Option(help: ArgumentHelp("Words of a passage. Default: 150.", valueName: "words"))
  var window: Int?

  @Option(help: ArgumentHelp("Words from one passage's start to the next. Default: half a window.", valueName: "words"))
  var stride: Int?

  @OptionGroup var budget: BudgetOptions
  @OptionGroup var earlyExit: EarlyExitOptions
  @OptionGroup var states: DocumentStatesOptions
  @OptionGroup var arithmetic: PrecisionOption
  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (corpus == nil) != (index == nil) else { throw ValidationError("give either --corpus or --index") }
    guard top >= 1 else { throw ValidationError("--top must be at least 1, found \(top)") }
    if let weight = firstStageWeight, !(weight >= 0 && weight.isFinite) {
      throw ValidationError("--first-stage-weight must be a number from 0 up")
    }
    if try passageReading() != nil, states.path != nil {
      throw ValidationError("--document-states are of whole documents; leave --passages out")
    }
    if passages != nil, try earlyExit.thresholds != nil {
      throw ValidationError("--early-exit reads whole documents: scores of passages that left in different places do not add up")
    }
    try RunChecks.check(tag: tag)
    try RunChecks.checkSummary(output, out: out)
  }

  /// How documents are cut, nil where they are read whole.
  private func passageReading() throws -> PassageReading? {
    guard let passages else {
      guard window == nil, stride == nil else { throw ValidationError("--window and --stride need --passages") }
      return nil
    }
    guard let aggregation = PassageAggregation(name: passages) else {
      throw ValidationError("--passages '\(passages)' is unknown; expected first, max, sum, avg or top:N")
    }
    let size = window ?? 150
    guard size >= 1 else { throw ValidationError("--window must be at least 1, found \(size)") }
    let step = stride ?? (size + 1) / 2
    guard (1...size).contains(step) else {
      throw ValidationError("--stride must be from 1 to the window's \(size) words, found \(step)")
    }
    return PassageReading(windows: PassageWindows(size: size, stride: step), aggregation: aggregation)
  }

  func run() throws {
    _ = threads.apply()
    let queries = try InputNames.queries(topics, split: split)
    var candidates = try TrecRunReader.read(input)
    if split != nil {
      let wanted = Set(queries.map(\.qid))
      candidates = Run(name: candidates.name, rankings: candidates.rankings.filter { wanted.contains($0.qid) })
    }
    let stored = try index.map(DocumentIndex.init(path:))
    let groups = try candidates.candidateGroups(
      queries: queries, depth: .max, document: try documents(of: candidates, in: stored))
    let settings = RankerSettings(
      firstStageWeight: firstStageWeight, arithmetic: arithmetic, queryPrompt: queryPrompt.map(PromptChoice.named),
      documentPrompt: documentPrompt.map(PromptChoice.named), passages: try passageReading(), earlyExit: earlyExit,
      states: states, documents: { differentDocuments(groups) }, stored: passages == nil ? stored : nil)
    let ranker = try BudgetedReranker(
      try budget.cascade().map { try settings.stage($0.model, passing: .best($0.count), isBefore: true) }
        + [try settings.stage(model)],
      budget: budget.budget)
    if let first = groups.first(where: { !$0.candidates.isEmpty }) { try ranker.calibrate(on: first) }
    let total = groups.reduce(0) { $0 + min($1.candidates.count, top) }
    var results: [BudgetedGroup] = []
    let elapsed = try seconds {
      let progress = Progress("re-ranking", total: total, unit: "candidates")
      defer { progress.finish() }
      results = try groups.map { group in
        defer { progress.advance(by: min(group.candidates.count, top)) }
        return try ranker.rerank(group, depth: top)
      }
    }
    try TrecRunWriter.write(Run(name: tag, rankings: results.map(\.reranked.ranking)), to: out ?? "-")
    let summary = RerankSummary(
      out: out ?? "-", model: model, stages: ranker.stages, results: results, seconds: elapsed,
      budget: budget.isGiven ? budget : nil, exitsEarly: try earlyExit.thresholds != nil)
    if output.json { return try printJSON(summary) }
    printToStandardError(summary.text)
  }

  /// Each of the first candidates' documents once.
  private func differentDocuments(_ groups: [CandidateGroup]) -> [Document] {
    var met: Set<String> = []
    return groups.flatMap { $0.candidates.prefix(top) }.map(\.document).filter { met.insert($0.docno).inserted }
  }

  /// The texts of the run's documents: from the index, or read once from the corpus.
  private func documents(of run: Run, in stored: DocumentIndex?) throws -> (String) throws -> Document? {
    if let stored { return { try stored.document(docno: $0) } }
    var wanted = Set(run.rankings.flatMap { $0.documents.map(\.docno) })
    var texts: [String: Document] = [:]
    let reader = try CorpusReader(path: try InputNames.corpus(corpus ?? ""))
    while !wanted.isEmpty, let document = try reader.next() {
      if wanted.remove(document.docno) != nil { texts[document.docno] = document }
    }
    return { texts[$0] }
  }
}
