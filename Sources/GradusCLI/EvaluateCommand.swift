import ArgumentParser
import Gradus

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Evaluate runs against judgements, with intervals and significance tests.",
    discussion: """
      QRELS is a file in TREC's or BEIR's columns, a file of features with grades (LETOR), or a collection (its test split, or \
      --split).

        printf '1 0 a 1\\n1 0 b 0\\n2 0 c 1\\n' > tiny.qrels
        printf '1 Q0 b 1 9.5 x\\n1 Q0 a 2 8.0 x\\n2 Q0 c 1 7.0 x\\n' > tiny.run
        gradus evaluate tiny.qrels tiny.run -m "nDCG@10 RR@10 AP"

      Names of measures follow ir_measures (nDCG@10, AP(rel=2)@100, RBP(p=0.8)); those of trec_eval and ranx work too. \
      Several runs are compared with the first one, or with --baseline. A judged query that a run lacks counts as 0; \
      --missing skip leaves it out. Values agree with trec_eval.
      """)

  @Argument(help: ArgumentHelp("Judgements: a file, or a collection.", valueName: "qrels"))
  var qrels: String

  @Argument(help: ArgumentHelp("Run files in TREC's format; '-' is standard input.", valueName: "run"))
  var runs: [String]

  @Option(name: [.customShort("m"), .long], help: ArgumentHelp("Measures, separated by spaces.", valueName: "names"))
  var measures = "nDCG@10 RR@10 P@1 R@100 AP"

  @Option(help: ArgumentHelp("Lowest grade that is relevant, for measures that do not say.", valueName: "grade"))
  var rel = 1

  @Option(help: ArgumentHelp("Split of a collection.", valueName: "split"))
  var split: String?

  @Flag(name: [.customShort("q"), .long], help: "Print the values of each query as well.")
  var perQuery = false

  @Option(help: ArgumentHelp("Run that the others are compared with; the first one by default.", valueName: "run"))
  var baseline: String?

  @Option(help: ArgumentHelp("Paired test.", valueName: "test"))
  var test: TestName = .t

  @Option(help: ArgumentHelp("Correction of p for several runs.", valueName: "method"))
  var correct: MultipleTesting = .holm

  @Option(help: ArgumentHelp("What to do with judged queries that a run lacks.", valueName: "policy"))
  var missing: MissingName = .zero

  @Flag(help: "Print a LaTeX table instead of text.")
  var latex = false

  @Option(help: ArgumentHelp("Also write a page with tables and charts.", valueName: "file"))
  var html: String?

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  enum TestName: String, ExpressibleByArgument, CaseIterable {
    case t, randomization, sign, wilcoxon

    var test: PairedTest {
      switch self {
      case .t: .t
      case .randomization: .randomization()
      case .sign: .sign
      case .wilcoxon: .wilcoxon
      }
    }
  }

  enum MissingName: String, ExpressibleByArgument, CaseIterable {
    case zero, skip

    var policy: MissingQueryPolicy { self == .zero ? .countAsZero : .leaveOut }
  }

  func validate() throws {
    if output.json, latex { throw ValidationError("give either --json or --latex") }
    if html == "-", !output.json, !latex { throw ValidationError("--html needs a file name: the table goes to standard output") }
    let inputs = [qrels] + runs + (baseline.map { runs.contains($0) ? [] : [$0] } ?? [])
    if inputs.count(where: { $0 == "-" }) > 1 { throw ValidationError("'-' can be read only once") }
  }

  func run() throws {
    _ = threads.apply()
    let specifications = try MeasureSpecification.list(measures, defaultRel: rel)
    let judgements = try InputNames.qrels(qrels, split: split)
    var files: [String] = []
    for file in runs {
      guard !files.contains(file) else { throw UsageError("run '\(file)' is given twice") }
      files.append(file)
    }
    let reference = try baseline.map { try baselineFile($0, among: files) }
    if let reference, !files.contains(reference) { files.insert(reference, at: 0) }
    let names = output.json ? files : Self.shortNames(files)
    var evaluations: [Evaluation] = []
    for (file, name) in zip(files, names) {
      // One run in memory at a time.
      var run = try TrecRunReader.read(file)
      run.name = name
      evaluations.append(
        try evaluate(qrels: judgements, run: run, measures: specifications, missingQueries: missing.policy))
    }
    let against = reference.flatMap { files.firstIndex(of: $0) } ?? (files.count > 1 ? 0 : nil)
    let report = try EvaluationReport(
      evaluations, baseline: against.map { names[$0] },
      settings: EvaluationReport.Settings(test: test.test, correction: correct))
    if let html { try writeText(report.html(title: "Evaluation"), to: html) }
    if output.json {
      try printOutput(report.json(perQuery: perQuery) + "\n")
    } else if latex {
      try printOutput(report.latex())
    } else {
      if perQuery {
        for evaluation in evaluations {
          try printOutput(TrecEvalOutput.text(evaluation, perQuery: true, names: .irMeasures) + "\n")
        }
      }
      try printOutput(report.text)
    }
  }

  /// The baseline may be named as it was given, by its short name, or be one more file.
  private func baselineFile(_ name: String, among files: [String]) throws -> String {
    if files.contains(name) { return name }
    if let position = Self.shortNames(files).firstIndex(of: name) { return files[position] }
    if name == "-" || InputNames.exists(name) { return name }
    throw UsageError("--baseline '\(name)' is none of the runs and no file; the runs are \(files.joined(separator: ", "))")
  }

  /// File names without folders and endings where they tell the runs apart, else the paths as given.
  static func shortNames(_ files: [String]) -> [String] {
    let names = files.map { file in
      var name = String(file.split(separator: "/").last ?? "-")
      for ending in [".gz", ".run", ".trec", ".txt", ".tsv"] where name.hasSuffix(ending) && name.count > ending.count {
        name.removeLast(ending.count)
      }
      return name
    }
    return Set(names).count == names.count ? names : files
  }
}

extension MultipleTesting: ExpressibleByArgument {}
