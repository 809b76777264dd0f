import ArgumentParser
import Gradus

struct FuseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fuse",
    abstract: "Make one run of several.",
    discussion: """
      Runs of systems that err differently are often better together than the best one alone:

        printf '1 Q0 a 1 9 x\\n1 Q0 b 2 8 x\\n' > one.run
        printf '1 Q0 b 1 0.7 y\\n1 Q0 c 2 0.6 y\\n' > two.run
        gradus fuse one.run two.run --method "rrf(k=60)" --out fused.run

      Methods by ranks: rrf(k=60), isr, log-isr, logn-isr(sigma=0.01), rbc(phi=0.9), borda, condorcet. By scores, which --norm \
      makes comparable: combsum, combmnz, combanz, combmed, combmin, combmax, combgmnz(gamma=1). rrf, combsum, borda and \
      condorcet take --weights, one for each run.

      With --tune, parameters or weights are chosen on judged queries by --measure, and 'bayesfuse' learns from them:

        printf '1 0 b 1\\n' > dev.qrels
        gradus fuse one.run two.run --method combsum --tune dev.qrels --measure nDCG@10 --out tuned.run

      Judge the result on other queries. Ties and thread counts change nothing: see 'gradus evaluate'.
      """)

  @Argument(help: ArgumentHelp("Run files in TREC's format; '-' is standard input.", valueName: "run"))
  var runs: [String]

  @Option(help: ArgumentHelp("Fusion method with its parameters.", valueName: "method"))
  var method = "rrf(k=60)"

  @Option(
    help: ArgumentHelp(
      "How scores are made comparable: none, min-max, min-max-inverted, max, sum, z-score, rank, borda. Default: min-max.",
      valueName: "name"))
  var norm: String?

  @Option(help: ArgumentHelp("Weights of the runs, separated by commas or spaces.", valueName: "numbers"))
  var weights: String?

  @Option(help: ArgumentHelp("Choose parameters on these judgements: a file, or a collection.", valueName: "qrels"))
  var tune: String?

  @Option(help: ArgumentHelp("With --tune and a collection: its split. Default: dev.", valueName: "split"))
  var split: String?

  @Option(help: ArgumentHelp("With --tune: the measure that decides. Default: nDCG@10.", valueName: "name"))
  var measure: String?

  @Option(help: ArgumentHelp("With --tune: step of the weights. Default: 0.1.", valueName: "number"))
  var step: Double?

  @Option(name: .customShort("k"), help: ArgumentHelp("Documents for each query; all by default.", valueName: "k"))
  var depth: Int?

  @Option(name: .shortAndLong, help: ArgumentHelp("Run file to write; standard output by default.", valueName: "run"))
  var out: String?

  @Option(help: ArgumentHelp("Name of the run, its last column.", valueName: "tag"))
  var tag = "gradus-fuse"

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    try RunChecks.check(tag: tag)
    if let depth, depth < 1 { throw ValidationError("-k must be at least 1, found \(depth)") }
    if runs.count(where: { $0 == "-" }) > 1 { throw ValidationError("'-' can be read only once") }
    if tune == nil {
      for (name, isGiven) in [("--split", split != nil), ("--measure", measure != nil), ("--step", step != nil)] where isGiven {
        throw ValidationError("\(name) goes with --tune")
      }
    } else if weights != nil {
      throw ValidationError("give either --weights or --tune, which chooses them")
    }
    try RunChecks.checkSummary(output, out: out)
  }

  func run() throws {
    _ = threads.apply()
    let normalization = try norm.map { try ScoreNormalization(parsing: $0) }
    let numbers = try weights.map(Self.weights)
    // What is wrong with the options shows before long files are read.
    let isTrained = method.lowercased().filter { !$0.isWhitespace } == "bayesfuse"
    if isTrained, tune == nil { throw UsageError("bayesfuse learns from judged queries: give them with --tune") }
    let parsed = isTrained ? nil : try FusionMethod(parsing: method)
    if let parsed { _ = try Fusion(parsed, normalization: normalization, weights: numbers) }
    if let numbers, numbers.count != runs.count { throw FusionError.weightCount(found: numbers.count, lists: runs.count) }
    let specification = try MeasureSpecification(measure ?? "nDCG@10")
    let names = EvaluateCommand.shortNames(runs)
    let lists = try zip(runs, names).map { file, name in
      var run = try TrecRunReader.read(file)
      run.name = name
      return run
    }
    let (fusion, tuning) = try chosen(parsed, normalization, numbers, lists, specification)
    var fused = Run(name: tag)
    let elapsed = try seconds { fused = try fusion.fuse(lists, name: tag) }
    if let depth { fused = fused.prefix(depth) }
    try TrecRunWriter.write(fused, to: out ?? "-")
    let summary = Summary(
      out: out ?? "-", fusion: fusion.description, runs: runs.count, queries: fused.rankings.count,
      documents: fused.rankings.reduce(0) { $0 + $1.documents.count }, seconds: elapsed,
      incomplete: zip(names, lists).filter { $1.rankings.count < fused.rankings.count }
        .map { Summary.Incomplete(run: $0, missing: fused.rankings.count - $1.rankings.count) },
      tuning: tuning.map(Summary.Tuning.init))
    if output.json { return try printJSON(summary) }
    printToStandardError(summary.text)
  }

  /// The fusion to apply, and how it was chosen.
  private func chosen(
    _ method: FusionMethod?, _ normalization: ScoreNormalization?, _ weights: [Double]?, _ runs: [Run],
    _ measure: MeasureSpecification
  ) throws -> (Fusion, FusionTuning?) {
    guard let tune else {
      guard let method else { throw FusionError.needsTraining }
      return (try Fusion(method, normalization: normalization, weights: weights), nil)
    }
    let isFile = InputNames.isFile(tune) || tune == "-"
    let qrels = try InputNames.qrels(tune, split: isFile ? split : split ?? "dev")
    guard let method else {
      return (try Fusion(.bayesFuse(try BayesFuse(training: runs, qrels: qrels)), normalization: normalization), nil)
    }
    let tuning = try FusionTuning(
      method, normalization: normalization, runs: runs, qrels: qrels, measure: measure, step: step ?? 0.1)
    return (tuning.best.fusion, tuning)
  }

  private static func weights(_ text: String) throws -> [Double] {
    try text.split { $0 == "," || $0.isWhitespace }.map { word in
      guard let weight = Double(word) else { throw UsageError("--weights: '\(word)' is not a number") }
      return weight
    }
  }

  /// Names are those of the JSON object.
  private struct Summary: Encodable {
    struct Incomplete: Encodable {
      let run: String
      /// Queries that other runs have.
      let missing: Int
    }

    struct Tuning: Encodable {
      let measure: String
      let value: Double
      let untuned: Double
      let p: Double
      let queries: Int
      let settings: Int

      init(_ tuning: FusionTuning) {
        measure = tuning.measure.description
        value = tuning.best.value
        untuned = tuning.untuned.value
        p = tuning.comparison.p
        queries = tuning.comparison.count
        settings = tuning.trials.count
      }
    }

    let out: String
    let fusion: String
    let runs: Int
    let queries: Int
    let documents: Int
    let seconds: Double
    let incomplete: [Incomplete]
    let tuning: Tuning?

    var text: String {
      var text = "gradus: \(runs) runs, \(queries.grouped) queries, \(documents.grouped) documents; \(fusion)"
      if let tuning {
        text += "\ngradus: best of \(tuning.settings) settings on \(tuning.queries) judged queries: \(tuning.measure) "
        text += "\(tuning.value.fixed(4)), untuned \(tuning.untuned.fixed(4)) (p \(tuning.p.fixed(4)) on the queries it was "
        text += "chosen on)"
      }
      for run in incomplete {
        text += "\ngradus: \(run.run) lacks \(run.missing) of the queries; they count as empty lists there"
      }
      return text
    }
  }
}
