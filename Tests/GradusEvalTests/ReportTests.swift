import Foundation
import GradusCore
import Testing

@testable import GradusEval

@Suite("Reports")
struct ReportTests {
  /// Two runs with names that need escaping, one missing query, one query without judgements.
  static func report(baseline: String? = "bm25_base & co") throws -> EvaluationReport {
    var qrels = Qrels()
    var base = Run(name: "bm25_base & co")
    var other = Run(name: "<reranked>")
    for query in 0..<12 {
      let qid = "q\(query)"
      for document in 0..<6 { qrels.judge(qid: qid, docno: "d\(document)", grade: (document + query) % 3) }
      if query != 11 {
        base.append(Ranking(qid: qid, documents: (0..<6).map {
          ScoredDocument(docno: "d\($0)", score: Double(($0 * 5 + query) % 7))
        }))
      }
      other.append(Ranking(qid: qid, documents: (0..<6).map {
        ScoredDocument(docno: "d\($0)", score: Double(($0 + query) % 3) + Double($0 * (query + 3) % 5))
      }))
    }
    other.append(Ranking(qid: "unjudged", documents: [ScoredDocument(docno: "d1", score: 1)]))
    let measures = try MeasureSpecification.list("nDCG@5 RR(rel=2) NumRelRet")
    return try EvaluationReport(
      [try evaluate(qrels: qrels, run: base, measures: measures), try evaluate(qrels: qrels, run: other, measures: measures)],
      baseline: baseline)
  }

  @Test("Text, JSON and LaTeX as committed", arguments: ["report.txt", "report.json", "report.tex"])
  func snapshots(file: String) throws {
    let report = try Self.report()
    let rendered = switch file {
    case "report.txt": report.text
    case "report.json": report.json(perQuery: true) + "\n"
    default: report.latex(caption: "Two runs", label: "tab:runs")
    }
    #expect(rendered == (try Fixture.text(file)), "\(rendered)")
  }

  @Test("JSON has the shape that scripts rely on")
  func json() throws {
    let parsed = try JSONSerialization.jsonObject(with: Data(Self.report().json().utf8))
    let root = try #require(parsed as? [String: Any])
    let runs = try #require(root["runs"] as? [[String: Any]])
    let comparisons = try #require(root["comparisons"] as? [[String: Any]])
    #expect(runs.compactMap { $0["name"] as? String } == ["bm25_base & co", "<reranked>"])
    let measures = try #require(runs[0]["measures"] as? [String: [String: Any]])
    let mean = try #require(measures["nDCG@5"]?["mean"] as? Double)
    let interval = try #require(measures["nDCG@5"]?["interval"] as? [Double])
    #expect(interval.count == 2 && interval[0] < mean && mean < interval[1])
    #expect(measures["NumRelRet"]?["interval"] is NSNull)
    #expect(comparisons.count == 2)
    let evaluations = try Self.report().runs.map(\.evaluation)
    // Readers may lose the last bit; the text has them all.
    let exact = try #require(evaluations[0].mean("nDCG@5"))
    #expect(isClose(mean, exact))
    #expect(try Self.report().json().contains("\"nDCG@5\": {\"mean\": \(exact), \"interval\": ["))
  }

  @Test("JSON escapes what must be escaped and has null for what is not a number")
  func jsonText() {
    let list: [OrderedJSON] = [.number(0.1), .number(.infinity), .integer(3), .boolean(true)]
    let value = OrderedJSON.object([("b\"\\\n\u{1}é", .array(list)), ("a", .null)])
    #expect(value.text == "{\"b\\\"\\\\\\n\\u0001é\": [0.1, null, 3, true], \"a\": null}")
  }

  @Test("Comparisons hold what was computed, wins and losses add up, the largest changes come first")
  func comparisons() throws {
    let report = try Self.report()
    let comparison = try #require(report.comparisons.first)
    let (base, other) = (report.runs[0].evaluation, report.runs[1].evaluation)
    let differences = zip(base.values[0], other.values[0]).map { $1 - $0 }
    #expect(comparison.differences == differences)
    #expect(comparison.test == (try PairedTest.t.test(differences: differences)))
    #expect(comparison.wins + comparison.ties + comparison.losses == 12)
    let changes = comparison.largestChanges(5)
    #expect(changes.count == 5)
    for (larger, smaller) in zip(changes, changes.dropFirst()) { #expect(abs(larger.difference) >= abs(smaller.difference)) }
    #expect(try Self.report(baseline: nil).comparisons.isEmpty)
  }

  @Test("Correction is over the runs of a measure: three equal runs multiply p by three")
  func correction() throws {
    let report = try Self.report()
    let base = report.runs[0].evaluation
    let other = report.runs[1].evaluation
    let copies = ["x", "y", "z"].map {
      Evaluation(
        runName: $0, missingQueries: other.missingQueries, measures: other.measures, qids: other.qids, values: other.values,
        counts: other.counts)
    }
    let three = try EvaluationReport([base] + copies, baseline: base.runName, settings: .init(correction: .bonferroni))
    let p = report.comparisons[0].test.p
    #expect(three.comparisons.count == 6)
    for comparison in three.comparisons.prefix(3) { #expect(isClose(comparison.correctedP, min(1, 3 * p))) }
  }

  @Test("Runs are compared on the queries that both have")
  func commonQueries() throws {
    let report = try Self.report()
    let base = report.runs[0].evaluation
    let cut = Evaluation(
      runName: "cut", missingQueries: .leaveOut, measures: base.measures, qids: Array(base.qids.reversed().prefix(5)),
      values: base.values.map { Array($0.reversed().prefix(5)) }, counts: base.counts)
    let comparison = try #require(try EvaluationReport([base, cut], baseline: base.runName).comparisons.first)
    #expect(comparison.qids == Array(base.qids.suffix(5)))
    #expect(comparison.differences == [0, 0, 0, 0, 0])
    #expect(comparison.test.note == .noDifference)
  }

  @Test("Reports that cannot be made say why")
  func refused() throws {
    let evaluation = try Self.report().runs[0].evaluation
    #expect(throws: EvaluationError.noRuns) { try EvaluationReport([]) }
    #expect(throws: EvaluationError.duplicateRun(evaluation.runName)) { try EvaluationReport([evaluation, evaluation]) }
    #expect(throws: EvaluationError.unknownRun("x", known: [evaluation.runName])) {
      try EvaluationReport([evaluation], baseline: "x")
    }
    #expect(throws: SignificanceError.level(0)) { try EvaluationReport([evaluation], settings: .init(level: 0)) }
  }

  @Test("The page stands alone, is well-formed and escapes names")
  func html() throws {
    let page = try Self.report().html(title: "A < B")
    for outside in ["http://", "https://", "src=", "@import", "url(", "<script"] {
      #expect(!page.replacingOccurrences(of: "http://www.w3.org/2000/svg", with: "").contains(outside), "\(outside)")
    }
    #expect(page.contains("prefers-color-scheme: dark"))
    #expect(page.contains("&lt;reranked&gt;"))
    #expect(!page.contains("<reranked>"))
    #expect(page.contains("<h1>A &lt; B</h1>"))
    for tag in ["table", "tr", "td", "svg", "details", "p", "ul", "li", "main", "body", "html", "text"] {
      let opened = page.components(separatedBy: "<\(tag)>").count + page.components(separatedBy: "<\(tag) ").count - 2
      #expect(opened == page.components(separatedBy: "</\(tag)>").count - 1, "\(tag)")
    }
    #expect(try Self.report().html(title: "A < B") == page)
  }
}

@Suite("Charts")
struct ChartTests {
  /// Every element is closed in the right order, and no bare `&` or `<` is left in text.
  private func isWellFormed(_ svg: String) -> Bool {
    var open: [Substring] = []
    for part in svg.split(separator: "<", omittingEmptySubsequences: true) {
      guard let end = part.firstIndex(of: ">") else { return false }
      let tag = part[..<end]
      if tag.hasPrefix("/") {
        guard open.popLast() == tag.dropFirst() else { return false }
      } else if !tag.hasSuffix("/") {
        open.append(tag.prefix { $0 != " " })
      }
      for entity in part.split(separator: "&", omittingEmptySubsequences: false).dropFirst() {
        guard ["amp;", "lt;", "gt;", "quot;", "#39;"].contains(where: entity.hasPrefix) else { return false }
      }
    }
    return open.isEmpty
  }

  @Test("Lines with bands, bars with whiskers, differences: well-formed, whatever they are given")
  func wellFormed() {
    let line = LineChart(
      title: "A & B", xLabel: "step", yLabel: "nDCG@10 <mean>",
      series: [
        .init(name: "one", points: [.init(x: 0, y: 0.3, lower: 0.2, upper: 0.4), .init(x: 100, y: 0.5, lower: 0.4, upper: 0.6)]),
        .init(name: "two", points: [.init(x: 0, y: .nan), .init(x: 50, y: 0.1)]), .init(name: "none", points: []),
      ])
    let bars = BarChart(title: "AP", bars: [
      .init(label: "x\"y", value: 0.4, interval: .init(lower: 0.3, upper: 0.5)), .init(label: "negative", value: -0.1),
    ])
    let differences = DifferenceChart(title: "d", differences: [("b", -0.2), ("a", 0.5), ("c", 0)])
    for svg in [
      line.svg, bars.svg, differences.svg, LineChart(title: "", xLabel: "", yLabel: "", series: []).svg,
      BarChart(title: "", bars: []).svg, DifferenceChart(title: "", differences: []).svg,
    ] {
      #expect(isWellFormed(svg), "\(svg)")
      #expect(!svg.contains("nan") && !svg.contains("inf"))
    }
    #expect(differences.differences.map(\.label) == ["a", "c", "b"])
    #expect(line.svg.components(separatedBy: "<polygon").count == 2)
  }

  @Test("Axes have round steps that cover the values")
  func ticks() {
    #expect(AxisTicks(from: 0, to: 0.47).values.count == 6)
    let ticks = AxisTicks(from: 0.31, to: 0.47)
    #expect(ticks.low <= 0.31 && ticks.high >= 0.47)
    #expect(ticks.values.map(ticks.label).first == "0.30")
    for (low, high) in [(0.0, 0.0), (5, 5), (-3, 8), (1e-9, 2e-9), (0, 1e12), (Double.nan, 1)] {
      let ticks = AxisTicks(from: low, to: high)
      #expect(ticks.values.count >= 2 && ticks.values.count < 20)
      #expect(ticks.low < ticks.high)
    }
  }

  @Test("Numbers are rounded as printf does")
  func numbers() {
    // 0.12345 is stored as 0.123450000000000004..., 0.00005 as 0.00005000000000000000104...
    #expect(fixed(0.12345, 4) == "0.1235")
    #expect(fixed(0.00005, 4) == "0.0001")
    #expect(fixed(2.5, 0) == "2")
    #expect(fixed(-0.00004, 4) == "-0.0000")
    #expect(fixed(.nan, 2) == "nan")
    #expect(pText(0.00001) == "<0.0001")
    #expect(signed(0.5, 2) == "+0.50")
  }
}
