import ArgumentParser
import Gradus

struct PipelineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pipeline",
    abstract: "Run, print or draw a pipeline of stages from a file.",
    discussion: """
      FILE says in YAML which stages follow each other:

        printf '1\\tlaminar flow\\n2\\tflow of heat\\n3\\twings\\n' > tiny.tsv
        gradus index tiny.tsv --out tiny.index
        printf 'index: tiny.index\\npipeline:\\n' > plan.yaml
        printf '  - {stage: bm25, depth: 100}\\n  - {stage: cut, depth: 10}\\n' >> plan.yaml
        gradus pipeline plan.yaml --print
        gradus pipeline plan.yaml --query "heat flow" --explain
        printf 'q1\\theat flow\\n' > topics.tsv
        gradus pipeline plan.yaml --topics topics.tsv --cache cache --out best.run

      Stages that retrieve, and their keys:

        bm25              index, depth, k1, b
        search            index, depth, model, feedback (such as rm3)
        dense             model, corpus, depth; with index: depth, efSearch,
                          exact, feedback, filter
        sparse            index, depth, query-encoder
        late-interaction  index, depth, nprobe, ndocs, centroid-threshold, exact
        anncur            model, corpus, index, depth, anchor-queries,
                          anchor-split, anchor-query-count, anchor-items, seed,
                          solver, scores, budget, rounds
        run               file, depth
        fuse              method, norm, weights, of (a list of branches)

      Stages that read a list:

        rerank            model, top, first-stage-weight, index or corpus
        cut               depth
        scale             by
        filter            keep, drop, keep-file, drop-file, own, or metadata
                          with values
        linear            weights, bias

      'feedback' (docs, words) stands between two stages that retrieve: the second gets the query with the first documents' \
      words behind it. Branches under 'of' also make sum, union, intersection, concatenation and features; a branch of several \
      stages is {stage: chain, stages: ...}. 'index' or 'corpus' at the top is where documents are.

      With --cache, outputs of stages are kept under hashes of everything that decides them; the next run reads them.
      """)

  @Argument(help: ArgumentHelp("Pipeline in YAML or JSON.", valueName: "file"))
  var file: String

  @Option(help: ArgumentHelp("Topics file or collection; '-' is standard input.", valueName: "file"))
  var topics: String?

  @Option(help: ArgumentHelp("With --topics: only the queries of this split's judgements.", valueName: "split"))
  var split: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("One query, whose list is printed.", valueName: "text"))
  var query: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("Run file to write; standard output by default.", valueName: "run"))
  var out: String?

  @Option(help: ArgumentHelp("Name of the run, its last column.", valueName: "tag"))
  var tag = "gradus-pipeline"

  @Option(help: ArgumentHelp("Folder that keeps the outputs of stages.", valueName: "dir"))
  var cache: String?

  @Flag(name: .customLong("print"), help: "Print the plan.")
  var printsPlan = false

  @Flag(name: .customLong("plan-json"), help: "Print the plan as JSON.")
  var printsJSON = false

  @Option(help: ArgumentHelp("Draw the plan as a picture.", valueName: "file"))
  var svg: String?

  @Option(help: ArgumentHelp("Write the plan in Mermaid's language.", valueName: "file"))
  var mermaid: String?

  @Flag(help: "Say what each stage did; with --query also where each document stood after it.")
  var explain = false

  @OptionGroup var arithmetic: PrecisionOption
  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  private var isDrawn: Bool { printsPlan || printsJSON || svg != nil || mermaid != nil }

  func validate() throws {
    if topics != nil, query != nil { throw ValidationError("give either --topics FILE or --query TEXT") }
    guard topics != nil || query != nil || isDrawn else {
      throw ValidationError("nothing to do: give --topics FILE, --query TEXT, --print, --plan-json, --svg or --mermaid")
    }
    try RunChecks.check(tag: tag)
    if topics == nil {
      for (name, isGiven) in [("--split", split != nil), ("--out", out != nil)] where isGiven {
        throw ValidationError("\(name) goes with --topics")
      }
    }
    if query == nil, topics == nil {
      for (name, isGiven) in [("--explain", explain), ("--json", output.json), ("--cache", cache != nil)] where isGiven {
        throw ValidationError("\(name) goes with --topics or --query")
      }
    }
    if topics != nil {
      let toOutput = [printsPlan, printsJSON, svg == "-", mermaid == "-", output.json, out == nil || out == "-"]
      guard toOutput.count(where: { $0 }) <= 1 else {
        throw ValidationError("only one thing can go to standard output: give --out FILE for the run")
      }
    }
  }

  func run() throws {
    _ = threads.apply()
    let pipeline = try PipelineFile(path: file, resources: CommandResources(arithmetic: arithmetic)).pipeline
    if printsPlan { try printOutput(pipeline.planText) }
    if printsJSON { try printOutput(try pipeline.planJSON()) }
    if let svg { try writeText(pipeline.svg(), to: svg) }
    if let mermaid { try writeText(pipeline.mermaid(), to: mermaid) }
    let options = RunOptions(cache: cache.map(StageCache.init))
    if let query {
      try answer(try pipeline.trace(Query(qid: "query", text: query), options: options))
    } else if let topics {
      try answer(pipeline, queries: try InputNames.queries(topics, split: split), options)
    }
  }

  private func answer(_ pipeline: RetrievalPipeline, queries: [Query], _ options: RunOptions) throws {
    let result = try pipeline.run(queries, options: options)
    try TrecRunWriter.write(result.run(name: tag), to: out ?? "-")
    let empty = zip(queries, result.outputs).filter { $1.documents.isEmpty }.map(\.0.qid)
    if output.json {
      return try printJSON(
        Summary(
          out: out ?? "-", pipeline: pipeline.description, queries: queries.count, without_candidates: empty,
          stages: result.stages.map(Summary.Stage.init)))
    }
    let damaged = result.stages.compactMap { report -> String? in
      if case .recomputed(let problem) = report.source { "\(report.stage) (\(problem))" } else { nil }
    }
    for stage in damaged { printToStandardError("gradus: a damaged entry of the cache was computed again: \(stage)") }
    if !empty.isEmpty {
      let shown = empty.prefix(5).joined(separator: ", ") + (empty.count > 5 ? ", ..." : "")
      printToStandardError("gradus: \(empty.count) of \(queries.count) queries have an empty list: \(shown)")
    }
    if explain { printToStandardError(Self.table(result.stages)) }
  }

  private func answer(_ trace: RetrievalPipeline.Trace) throws {
    guard let list = trace.result.outputs.first else { return }
    if output.json {
      return try printJSON(
        Answer(
          documents: list.documents.map { Answer.Document(docno: $0.docno, score: $0.score) },
          stages: trace.result.stages.map(Summary.Stage.init)))
    }
    if list.documents.isEmpty { try printOutput("No document is left.\n") }
    guard explain else {
      var table = TextTable(header: ["rank", "docno", "score"], rightAligned: [0, 2])
      for (position, document) in list.documents.enumerated() {
        table.append(["\(position + 1)", document.docno, document.score.fixed(4)])
      }
      if !list.documents.isEmpty { try printOutput(table.text) }
      return
    }
    // Where the final documents stood after each part of the plan: the way of each through the stages.
    let places = trace.steps.map { step in
      Dictionary(
        step.list.documents.enumerated().map { ($1.docno, $0 + 1) }, uniquingKeysWith: { first, _ in first })
    }
    let numbers = trace.steps.indices.map { "(\($0 + 1))" }
    var table = TextTable(header: ["rank", "docno", "score"] + numbers, rightAligned: Set([0] + (2..<(3 + numbers.count))))
    for (position, document) in list.documents.enumerated() {
      let ranks = places.map { $0[document.docno].map(String.init) ?? "-" }
      table.append(["\(position + 1)", document.docno, document.score.fixed(4)] + ranks)
    }
    let legend = trace.steps.enumerated().map { "(\($0 + 1)) \($1.stage)\n" }.joined()
    try printOutput(table.text + "\nRank after each part of the plan:\n" + legend + "\n" + Self.table(trace.result.stages) + "\n")
  }

  /// What each stage did, a stage on each line.
  private static func table(_ stages: [StageReport]) -> String {
    var table = TextTable(
      header: ["stage", "from", "seconds", "queries", "documents in", "out", "tokens cut"], rightAligned: [2, 3, 4, 5, 6])
    for stage in stages {
      table.append([
        stage.stage, sourceText(stage.source), stage.seconds.fixed(3), stage.inputs.grouped, stage.documentsIn.grouped,
        stage.documentsOut.grouped, stage.truncatedTokens.grouped,
      ])
    }
    return String(table.text.dropLast())
  }

  private static func sourceText(_ source: StageReport.Source) -> String {
    switch source {
    case .computed: "computed"
    case .shared: "shared"
    case .cached: "cache"
    case .recomputed: "recomputed"
    }
  }

  /// Names are those of the JSON object.
  private struct Summary: Encodable {
    struct Stage: Encodable {
      let stage: String
      let source: String
      let seconds: Double
      let documents_in: Int
      let documents_out: Int
      let truncated_tokens: Int

      init(_ report: StageReport) {
        stage = report.stage
        source = PipelineCommand.sourceText(report.source)
        seconds = report.seconds
        documents_in = report.documentsIn
        documents_out = report.documentsOut
        truncated_tokens = report.truncatedTokens
      }
    }

    let out: String
    let pipeline: String
    let queries: Int
    let without_candidates: [String]
    let stages: [Stage]
  }

  private struct Answer: Encodable {
    struct Document: Encodable {
      let docno: String
      let score: Double
    }

    let documents: [Document]
    let stages: [Summary.Stage]
  }
}
