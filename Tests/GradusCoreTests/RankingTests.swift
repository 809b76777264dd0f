import GradusCore
import Testing

@Suite struct RankingTests {
  @Test("Equal scores stand by docno descending, by bytes")
  func tieRule() {
    let ranking = Ranking(
      qid: "1",
      documents: [
        ScoredDocument(docno: "a", score: 1), ScoredDocument(docno: "b", score: 1), ScoredDocument(docno: "B", score: 1),
        ScoredDocument(docno: "z", score: 0.5), ScoredDocument(docno: "é", score: 1), ScoredDocument(docno: "c", score: 2),
      ])
    #expect(ranking.documents.map(\.docno) == ["c", "é", "b", "a", "B", "z"])
  }

  @Test("The best of a collection are those of the whole order, ties included", arguments: [0, 1, 7, 300, 5000])
  func bestOf(depth: Int) {
    var generator = SeededGenerator(seed: 5)
    let scored = (0..<3000).map { ScoredDocument(docno: "d\($0)", score: Double(generator.integer(below: 40))) }
    let best = Ranking(qid: "1", bestOf: scored.count, depth: depth) { scored[$0] }
    #expect(best == Ranking(qid: "1", documents: scored).prefix(depth))
  }

  @Test("Canonically equal docnos of different bytes keep a fixed order")
  func docnoOrderIsByBytes() {
    #expect(ScoredDocument.docnoPrecedes("\u{E9}", "e\u{301}"))
    #expect(!ScoredDocument.docnoPrecedes("e\u{301}", "\u{E9}"))
  }

  @Test("A run keeps the order of its queries and replaces a query in place")
  func runOrder() {
    var run = Run(name: "r")
    run.append(Ranking(qid: "2", documents: []))
    run.append(Ranking(qid: "1", documents: []))
    run.append(Ranking(qid: "2", documents: [ScoredDocument(docno: "d", score: 1)]))
    #expect(run.qids == ["2", "1"])
    #expect(run["2"]?.documents.count == 1)
    #expect(run["3"] == nil)
  }

  @Test("Relevant documents come ordered by bytes")
  func relevantIsOrdered() {
    var qrels = Qrels()
    for docno in ["b", "a", "c"] { qrels.judge(qid: "1", docno: docno, grade: docno == "c" ? 0 : 1) }
    #expect(qrels.relevant(qid: "1") == ["a", "b"])
    #expect(qrels.relevant(qid: "none").isEmpty)
  }

  @Test("SHA-256 of 'abc' is the standard's")
  func sha256() {
    #expect(SHA256Digest.hex(of: Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  @Test("The progress line gives rate and time left")
  func progressLine() {
    #expect(
      Progress.line(label: "indexing", done: 1200, total: 5000, unit: "passages", seconds: 2)
        == "indexing  1200/5000 passages  24%  600/s  6 s left")
    #expect(
      Progress.line(label: "indexing", done: 1200, total: nil, unit: "documents", seconds: 2, part: 0.25)
        == "indexing  1200 documents  25%  600/s  6 s left")
    #expect(
      Progress.line(label: "indexing", done: 1200, total: nil, unit: "documents", seconds: 2)
        == "indexing  1200 documents  600/s")
  }
}
