import Foundation
import GradusCore
import GradusEval
@testable import GradusRecipes
import GradusText
import Testing

/// Every element is closed, in the right order, and no `<` or `&` stands by itself; void elements need no end.
func checkWellFormed(_ page: String) throws {
  let void: Set<String> = ["meta", "br", "!doctype"]
  var open: [String] = []
  var rest = page[...]
  while let start = rest.firstIndex(of: "<") {
    let end = try #require(rest[start...].firstIndex(of: ">"), "an unfinished tag")
    let tag = rest[rest.index(after: start)..<end]
    let name = tag.drop { $0 == "/" }.prefix { $0 != " " && $0 != "/" && $0 != "\n" }.lowercased()
    try #require(name.first.map { $0.isLetter || $0 == "!" } ?? false, "a stray < before '\(tag.prefix(20))'")
    if tag.hasPrefix("/") {
      #expect(open.popLast() == name)
    } else if !void.contains(name), !tag.hasSuffix("/") {
      open.append(name)
    }
    rest = rest[rest.index(after: end)...]
  }
  #expect(open.isEmpty)
}

@Suite struct TrainingReportTests {
  private func report() throws -> TrainingReport {
    var qrels = Qrels()
    var before = Run(name: "before <b>")
    var after = Run(name: "after")
    for (number, (old, new)) in [(2.0, 0.0), (2, 2), (0, 2)].enumerated() {
      let qid = "q\(number)"
      qrels.judge(qid: qid, docno: "right", grade: 1)
      before.append(
        Ranking(qid: qid, documents: [ScoredDocument(docno: "right", score: old), ScoredDocument(docno: "wrong", score: 1)]))
      after.append(
        Ranking(qid: qid, documents: [ScoredDocument(docno: "right", score: new), ScoredDocument(docno: "wrong", score: 1)]))
    }
    var report = try TrainingReport(runs: [before, after], qrels: qrels, measures: [try MeasureSpecification("RR@10")])
    let texts = [
      "right": Document(docno: "right", text: "Sorting <script>alert(1)</script> & \u{1} hashes"),
      "wrong": Document(docno: "wrong", text: "nothing"),
    ]
    let queries = (0..<3).map { Query(qid: "q\($0)", text: "how to sort <a> hash") }
    try report.addExamples(queries: queries) { texts[$0] }
    return report
  }

  @Test("Examples are the largest gain, a median change and the largest loss, with the best answers of both runs")
  func examples() throws {
    let examples = try report().examples
    #expect(examples.map(\.query.qid) == ["q2", "q1", "q0"])
    #expect(examples.map(\.difference) == [0.5, 0, -0.5])
    #expect(examples[0].before.map(\.document.docno) == ["wrong", "right"])
    #expect(examples[0].after.map(\.document.docno) == ["right", "wrong"])
    #expect(examples[0].after.map(\.grade) == [1, nil])
  }

  @Test("The page is well formed, whatever the texts hold, and marks the query's words in any form")
  func page() throws {
    let html = try report().html
    try checkWellFormed(html)
    #expect(!html.contains("<script") && html.contains("&lt;script&gt;") && !html.contains("\u{1}"))
    #expect(html.contains("<mark>Sorting</mark>") && html.contains("<mark>hashes</mark>"))
    #expect(html.contains("before &lt;b&gt;"))
  }

  @Test("One run, unknown queries and unknown documents are errors")
  func errors() throws {
    var qrels = Qrels()
    qrels.judge(qid: "q", docno: "d", grade: 1)
    let run = Run(name: "a", rankings: [Ranking(qid: "q", documents: [ScoredDocument(docno: "d", score: 1)])])
    var other = run
    other.name = "b"
    let measures = [try MeasureSpecification("RR@10")]
    #expect(throws: TrainingReportError.oneRun) { try TrainingReport(runs: [run], qrels: qrels, measures: measures) }
    var report = try TrainingReport(runs: [run, other], qrels: qrels, measures: measures)
    #expect(throws: TrainingReportError.unknownQuery(qid: "q")) { try report.addExamples(queries: []) { _ in nil } }
    #expect(throws: TrainingReportError.unknownDocument(docno: "d")) {
      try report.addExamples(queries: [Query(qid: "q", text: "?")]) { _ in nil }
    }
  }
}
