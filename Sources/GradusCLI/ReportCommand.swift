import ArgumentParser
import Gradus

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Write a page on what training gained.",
    discussion: """
      Figures with paired tests against the first run, training curves, differences query by query, and questions with the \
      best answers of the first run and of the last:

        gradus report faq bm25.run reranked.run --training my-ranker --topics faq --corpus faq --out report.html
      """)

  @Argument(help: ArgumentHelp("Judgements: a file or a collection.", valueName: "qrels"))
  var qrels: String

  @Argument(help: ArgumentHelp("Runs; the first is the baseline.", valueName: "run"))
  var runs: [String]

  @Option(help: ArgumentHelp("With a collection as qrels; default: test.", valueName: "split"))
  var split: String?

  @Option(help: ArgumentHelp("Folder of 'gradus train'; may be repeated.", valueName: "dir"))
  var training: [String] = []

  @Option(help: ArgumentHelp("Topics, for the example questions: file or collection.", valueName: "file"))
  var topics: String?

  @Option(help: ArgumentHelp("Documents, for the example questions: collection, folder or file.", valueName: "corpus"))
  var corpus: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("Measures; the first one orders the examples.", valueName: "names"))
  var measures = "nDCG@10 RR@10 P@1"

  @Option(name: .shortAndLong, help: ArgumentHelp("Page to write.", valueName: "file"))
  var out: String

  func validate() throws {
    guard runs.count >= 2 else { throw ValidationError("give at least two runs, the first as the baseline") }
    guard (topics == nil) == (corpus == nil) else {
      throw ValidationError("example questions need both --topics and --corpus")
    }
  }

  func run() throws {
    let judgements = try InputNames.qrels(qrels, split: split)
    let names = EvaluateCommand.shortNames(runs)
    let read = try zip(runs, names).map { path, name in
      Run(name: name, rankings: try TrecRunReader.read(path).rankings)
    }
    var report = try TrainingReport(runs: read, qrels: judgements, measures: try MeasureSpecification.list(measures))
    for folder in training { try report.addTraining(folder) }
    if let topics, let corpus {
      let depth = 2
      var wanted = Set<String>()
      for run in [read[0], read[read.count - 1]] {
        for ranking in run.rankings { wanted.formUnion(ranking.documents.prefix(depth).map(\.docno)) }
      }
      var texts: [String: Document] = [:]
      let reader = try CorpusReader(path: try InputNames.corpus(corpus))
      while !wanted.isEmpty, let document = try reader.next() {
        if wanted.remove(document.docno) != nil { texts[document.docno] = document }
      }
      try report.addExamples(queries: try InputNames.queries(topics, split: nil), answers: depth) { texts[$0] }
    }
    try writeText(try report.html, to: out)
    if out != "-" { try printOutput("\(out)\n") }
  }
}
