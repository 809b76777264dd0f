import ArgumentParser
import Gradus

struct CurriculumCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "curriculum", abstract: "Look into a training curriculum.", subcommands: [CurriculumExplainCommand.self])
}

struct CurriculumExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "List the easiest and the hardest training samples, by what the first stage says of them.",
    discussion: """
      The hardest samples are the place to look for wrong labels:

        gradus search faq.index --topics faq --split train -k 100 --out train.run
        gradus curriculum explain --run train.run --qrels faq --split train --heuristic kde

      phi is the heuristic's signal of a document, D the easiness of a sample: 1 is easiest.
      """)

  @Option(name: .customLong("run"), help: ArgumentHelp("First-stage run of the training queries.", valueName: "run"))
  var input: String

  @Option(help: ArgumentHelp("Judgements: a file or a collection.", valueName: "qrels"))
  var qrels: String

  @Option(help: ArgumentHelp("With a collection as qrels; default: train.", valueName: "split"))
  var split: String?

  @Option(help: ArgumentHelp("recip, norm or kde.", valueName: "name"))
  var heuristic = "recip"

  @Option(help: ArgumentHelp("Lowest grade that counts as positive.", valueName: "grade"))
  var positiveGrade = 1

  @Flag(help: "Single documents instead of pairs.")
  var pointwise = false

  @Option(help: ArgumentHelp("Samples at either end.", valueName: "n"))
  var count = 10

  @OptionGroup var output: JSONOption

  func validate() throws {
    guard count >= 1 else { throw ValidationError("--count must be at least 1, found \(count)") }
    guard positiveGrade >= 1 else { throw ValidationError("--positive-grade must be at least 1, found \(positiveGrade)") }
  }

  func run() throws {
    let heuristic = try CurriculumNames.heuristic(heuristic)
    let isFile = InputNames.isFile(qrels)
    let judgements = try InputNames.qrels(qrels, split: split ?? (isFile ? nil : "train"))
    let read = try TrecRunReader.read(input)
    let judged = Run(name: read.name, rankings: read.rankings.filter { judgements.judgements[$0.qid] != nil })
    let statistics = try FirstStageStatistics(run: judged)
    let explanation: CurriculumExplanation
    if pointwise {
      let sampler = try PointwiseSampler(run: judged, qrels: judgements, minimumPositiveGrade: positiveGrade, seed: 1)
      explanation = try CurriculumExplanation(
        of: sampler.everySample, heuristic: heuristic, statistics: statistics, count: count)
    } else {
      let sampler = try PairwiseSampler(run: judged, qrels: judgements, minimumPositiveGrade: positiveGrade, seed: 1)
      explanation = try CurriculumExplanation(of: sampler.everyPair, heuristic: heuristic, statistics: statistics, count: count)
    }
    if output.json { return try printJSON(explanation) }
    try printOutput(text(explanation))
  }

  private func text(_ explanation: CurriculumExplanation) -> String {
    var text = "\(explanation.samples.grouped) samples, mean D \(explanation.meanEasiness.fixed(4)), "
    text += "\((100 * explanation.hardShare).fixed(1)) % with D below 0.5\n"
    for (title, entries) in [("hardest", explanation.hardest), ("easiest", explanation.easiest)] {
      var table = TextTable(
        header: ["D", "QUERY", "PART", "DOCUMENT", "RANK", "SCORE", "PHI"], rightAligned: [0, 4, 5, 6])
      for entry in entries {
        for (position, signal) in entry.signals.enumerated() {
          table.append([
            position == 0 ? entry.easiness.fixed(4) : "", position == 0 ? entry.qid : "",
            signal.document.isPositive ? "positive" : "negative", signal.document.docno,
            signal.rank.map { "\($0)" } ?? "-", signal.score?.fixed(4) ?? "-", signal.phi.fixed(4),
          ])
        }
      }
      text += "\n\(title)\n\(table.text)"
    }
    return text
  }
}
