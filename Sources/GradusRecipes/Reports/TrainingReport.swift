#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusEval
import GradusText

/// What training gained, on one page: figures with paired tests, training curves, differences query by query, and
/// questions with their best answers before and after.
///
///     var report = try TrainingReport(evaluation: evaluationReport, runs: runs, qrels: qrels)
///     try report.addTraining("my-ranker")
///     try report.addExamples(queries: queries, document: index.document(docno:))
///     page = report.html
///
/// "Before" is the first run, "after" the last one.
public struct TrainingReport {
  /// A question with the best answers of both runs.
  public struct Example: Sendable, Equatable {
    /// A document that a run gives for an example question.
    public struct Answer: Sendable, Equatable {
      public let rank: Int
      public let document: Document
      /// Nil where unjudged.
      public let grade: Int?
    }

    /// Why this question was chosen.
    public let reason: String
    public let query: Query
    public let difference: Double
    public let before: [Answer]
    public let after: [Answer]
  }

  public let evaluation: EvaluationReport
  private let runs: [Run]
  private let qrels: Qrels
  private var trainings: [(name: String, history: TrainingHistory)] = []
  public private(set) var examples: [Example] = []

  /// - Parameters:
  ///   - runs: At least two; the first is the baseline.
  ///   - measures: The first one orders the examples.
  public init(runs: [Run], qrels: Qrels, measures: [MeasureSpecification]) throws {
    guard let first = runs.first, runs.count > 1 else { throw TrainingReportError.oneRun }
    evaluation = try EvaluationReport(
      try runs.map { try evaluate(qrels: qrels, run: $0, measures: measures) }, baseline: first.name)
    self.runs = runs
    self.qrels = qrels
  }

  /// Adds the curves of a folder that a training left.
  public mutating func addTraining(_ folder: String) throws {
    let history = try JSONFile.read(TrainingHistory.self, from: folder + "/history.json")
    trainings.append((String(folder.split(separator: "/").last ?? "training"), history))
  }

  /// Chooses the questions of largest gain, median change and largest loss from the first to the last run.
  public mutating func addExamples(
    queries: [Query], answers: Int = 2, document: (String) throws -> Document?
  ) throws {
    guard let comparison = evaluation.comparisons.last(where: { $0.measure == evaluation.comparisons.first?.measure }) else {
      return
    }
    let order = comparison.differences.indices.sorted { (comparison.differences[$0], $0) < (comparison.differences[$1], $1) }
    guard let lowest = order.first, let highest = order.last else { return }
    let byQid = Dictionary(queries.map { ($0.qid, $0) }, uniquingKeysWith: { first, _ in first })
    var chosen: Set<Int> = []
    for (reason, position) in [
      ("largest gain", highest), ("median change", order[order.count / 2]), ("largest loss", lowest),
    ] where chosen.insert(position).inserted {
      let qid = comparison.qids[position]
      guard let query = byQid[qid] else { throw TrainingReportError.unknownQuery(qid: qid) }
      func best(_ run: Run) throws -> [Example.Answer] {
        try (run[qid]?.documents.prefix(answers) ?? []).enumerated().map { rank, scored in
          guard let text = try document(scored.docno) else { throw TrainingReportError.unknownDocument(docno: scored.docno) }
          return Example.Answer(rank: rank + 1, document: text, grade: qrels.grade(qid: qid, docno: scored.docno))
        }
      }
      examples.append(
        Example(
          reason: reason, query: query, difference: comparison.differences[position], before: try best(runs[0]),
          after: try best(runs[runs.count - 1])))
    }
  }

  /// The report as a page that stands alone.
  public var html: String {
    get throws {
      var page = HTMLPage(title: "Training report")
      page.heading("Figures")
      page.table(["run"] + evaluation.runs[0].figures.map(\.measure.description), evaluation.runs.map(row))
      page.paragraph("Brackets hold 95 % intervals over \(evaluation.runs[0].evaluation.qids.count) queries.")
      page.heading("Against \(runs[0].name)")
      page.table(
        ["run", "measure", "difference", "95 % interval", "p, corrected", "wins / ties / losses"],
        evaluation.comparisons.map(Self.row))
      page.paragraph("Paired t-test over queries, corrected by Holm for the number of runs.")
      if !trainings.isEmpty { addTrainings(to: &page) }
      page.heading("Query by query")
      let measure = evaluation.comparisons.first?.measure
      page.charts(evaluation.comparisons.filter { $0.measure == measure }.map { comparison in
        DifferenceChart(
          title: "\(comparison.measure): \(comparison.run) - \(comparison.baseline)",
          differences: zip(comparison.qids, comparison.differences).map { ($0, $1) }).svg
      })
      if !examples.isEmpty {
        page.heading("Questions before and after")
        let analyzer = try Analyzer(.english)
        for example in examples { page.raw(markup(example, analyzer)) }
      }
      return page.html
    }
  }

  private func row(_ run: EvaluationReport.RunSummary) -> [String] {
    [run.name] + run.figures.map { figure in
      let interval = figure.interval.map {
        " [\(NumberText.fixed($0.lower, 4)), \(NumberText.fixed($0.upper, 4))]"
      } ?? ""
      return NumberText.fixed(figure.value, 4) + interval
    }
  }

  private static func row(_ comparison: EvaluationReport.Comparison) -> [String] {
    [
      comparison.run, comparison.measure.description,
      NumberText.signed(comparison.test.meanDifference, 4) + (comparison.isSignificant ? " *" : ""),
      comparison.interval.map { "[\(NumberText.signed($0.lower, 4)), \(NumberText.signed($0.upper, 4))]" } ?? "-",
      NumberText.p(comparison.correctedP), "\(comparison.wins) / \(comparison.ties) / \(comparison.losses)",
    ]
  }

  private func addTrainings(to page: inout HTMLPage) {
    page.heading("Training")
    page.table(
      ["training", "best epoch", "dev measure", "first stage", "model", "with first stage", "weight"],
      trainings.map { name, history in
        let development = history.development
        return [
          name, "\(history.bestEpoch + 1) of \(history.epochs.count)", development.measure,
          NumberText.fixed(development.firstStage, 4), NumberText.fixed(development.model, 4),
          development.interpolated.map { NumberText.fixed($0, 4) } ?? "-",
          development.firstStageWeight.map { "\($0)" } ?? "-",
        ]
      })
    let measure = trainings[0].history.development.measure
    page.charts(TrainingCurves.charts(trainings.map { ($0.name, [TrainingCurves.curves($0.history.epochs, measure: measure)]) }))
  }

  private func markup(_ example: Example, _ analyzer: Analyzer) -> String {
    let terms = Set(analyzer.terms(example.query.text))
    func column(_ name: String, _ answers: [Example.Answer]) -> String {
      let items = answers.map { answer in
        let grade = answer.grade.map { $0 > 0 ? "relevant" : "judged not relevant" } ?? "not judged"
        let text = answer.document.contents
        let shown = text.count > 600 ? String(text.prefix(600)) + " ..." : text
        return "<div class=\"answer\((answer.grade ?? 0) > 0 ? " relevant" : "")\"><small>\(answer.rank). "
          + "\(HTMLPage.escaped(answer.document.docno)), \(grade)</small><br>\(Self.highlighted(shown, terms, analyzer))</div>\n"
      }
      return "<div><strong>\(HTMLPage.escaped(name))</strong>\n\(items.joined())</div>\n"
    }
    let change = NumberText.signed(example.difference, 4)
    return "<h3>\(HTMLPage.escaped(example.query.text))</h3>\n<p>\(HTMLPage.escaped(example.reason)): \(change)</p>\n"
      + "<div class=\"pair\">\n" + column(runs[0].name, example.before)
      + column(runs[runs.count - 1].name, example.after) + "</div>\n"
  }

  /// The text escaped, with the words that share a stem with a query term marked.
  static func highlighted(_ text: String, _ terms: Set<String>, _ analyzer: Analyzer) -> String {
    var result = ""
    var word = ""
    func flush() {
      guard !word.isEmpty else { return }
      let isMatch = analyzer.terms(word).contains(where: terms.contains)
      result += isMatch ? "<mark>\(HTMLPage.escaped(word))</mark>" : HTMLPage.escaped(word)
      word = ""
    }
    for character in text {
      if character.isLetter || character.isNumber || character == "_" {
        word.append(character)
      } else {
        flush()
        result += HTMLPage.escaped(String(character))
      }
    }
    flush()
    return result
  }
}

/// A report that cannot be made as asked.
public enum TrainingReportError: GradusError, Equatable {
  case oneRun
  case unknownQuery(qid: String)
  case unknownDocument(docno: String)

  public var failureKind: FailureKind {
    switch self {
    case .oneRun: .usage
    case .unknownQuery, .unknownDocument: .badData
    }
  }

  public var description: String {
    switch self {
    case .oneRun: "a report compares runs: give at least two, the first as the baseline"
    case .unknownQuery(let qid): "query \(qid) is judged but not in the topics; give the topics that the run was made from"
    case .unknownDocument(let docno):
      "document \(docno) is in a run but not in the corpus; give the corpus that the run was made from"
    }
  }
}
