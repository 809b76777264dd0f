import Foundation
import GradusCore
@testable import GradusRank
import GradusTensor
import Testing

/// Scores from a table: query q and document d have `rows[q][d]`.
private struct TableScorer: Reranker {
  let rows: [[Double]]
  var noise: Guarded<Double>?
  let calls = Guarded<Int>(0)

  var scoreKind: ScoreKind { .logit }

  init(_ rows: [[Double]], noise: Guarded<Double>? = nil) {
    self.rows = rows
    self.noise = noise
  }

  func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
    calls.withLock { $0 += candidates.count }
    let extra = noise?.withLock { value -> Double in
      value += 1
      return value
    }
    return candidates.map { CandidateScore(score: rows[Int(query.qid)!][Int($0.document.docno)!] + (extra ?? 0)) }
  }
}

@Suite("ANNCUR")
struct CURRetrieverTests {
  private static func items(_ count: Int) -> [Document] { (0..<count).map { Document(docno: String($0), text: "") } }
  private static func queries(_ range: Range<Int>) -> [Query] { range.map { Query(qid: String($0), text: "") } }

  private static func build(
    _ rows: [[Double]], anchorQueries: Int, anchors: CURRetriever.AnchorItems, solver: PseudoInverse
  ) throws -> (CURRetriever, TableScorer) {
    let scorer = TableScorer(rows)
    let retriever = try CURRetriever.build(
      scorer: scorer, scorerName: "table", items: items(rows[0].count), anchorQueries: queries(0..<anchorQueries),
      anchorItems: anchors, solver: solver)
    return (retriever, scorer)
  }

  private static func isClose(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-12) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < tolerance }
  }

  @Test("Rank 1, worked example")
  func rankOne() throws {
    let (retriever, _) = try Self.build([[2, 4, 6, 8]], anchorQueries: 1, anchors: .docnos(["0"]), solver: .exact)
    #expect(Self.isClose(retriever.predicted(fromAnchorScores: [3]), [3, 6, 9, 12]))
  }

  @Test("Rank 2, worked example; what the decomposition cannot see shows only in exact scores")
  func rankTwo() throws {
    let rows: [[Double]] = [[1, 2, 3, 4], [2, 1, 0, 5], [0, 3, 6, 3], [0, 3, 6.5, 3]]
    let (retriever, scorer) = try Self.build(rows, anchorQueries: 2, anchors: .docnos(["0", "1"]), solver: .exact)
    #expect(Self.isClose(retriever.predicted(fromAnchorScores: [1, 0]), [1, 0, -1, 2]))
    #expect(Self.isClose(retriever.predicted(fromAnchorScores: [0, 1]), [0, 1, 2, 1]))
    #expect(Self.isClose(try retriever.predict(Query(qid: "2", text: "")), [0, 3, 6, 3]))
    #expect(Self.isClose(try retriever.predict(Query(qid: "3", text: "")), [0, 3, 6, 3]))
    scorer.calls.withLock { $0 = 0 }
    let result = try retriever.search(Query(qid: "3", text: ""), k: 2, budget: 3)
    #expect(result.documents == [ScoredDocument(docno: "2", score: 6.5), ScoredDocument(docno: "1", score: 3)])
    #expect(result.scorerCalls == 3 && scorer.calls.withLock { $0 } == 3)
  }

  private static func normal(_ rows: Int, _ columns: Int, _ generator: inout SeededGenerator) -> Matrix {
    Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in generator.normal() })
  }

  @Test("A matrix of rank 3 is predicted exactly from 3 anchors; with the plain inverse, anchors always are")
  func lowRank() throws {
    var generator = SeededGenerator(seed: 1)
    let m = Self.normal(60, 3, &generator) * Self.normal(3, 200, &generator)
    let rows = (0..<60).map { row in (0..<200).map { m[row, $0] } }
    for solver in [PseudoInverse.exact, .truncated(relativeTolerance: 1e-6)] {
      let (retriever, _) = try Self.build(rows, anchorQueries: 20, anchors: .random(count: 3, seed: 2), solver: solver)
      #expect(retriever.anchors.count == 3 && !retriever.isUnderdetermined)
      for query in 20..<60 {
        #expect(Self.isClose(try retriever.predict(Query(qid: String(query), text: "")), rows[query], 1e-9))
      }
      let free = retriever.predicted(fromAnchorScores: [5, -7, 11])
      #expect(Self.isClose(retriever.anchors.map { free[$0] }, [5, -7, 11], 1e-9))
    }
  }

  @Test("The whole budget gives the exact order")
  func wholeBudget() throws {
    var generator = SeededGenerator(seed: 3)
    let m = Self.normal(6, 40, &generator)
    let rows = (0..<6).map { row in (0..<40).map { m[row, $0] } }
    let (retriever, _) = try Self.build(rows, anchorQueries: 5, anchors: .random(count: 4, seed: 1), solver: .ridge(lambda: 1))
    let expected = (0..<40).map { ScoredDocument(docno: String($0), score: rows[5][$0]) }.sorted(by: ScoredDocument.precedes)
    let result = try retriever.search(Query(qid: "5", text: ""), k: 40, budget: 40)
    #expect(result.documents == expected && result.scorerCalls == 40)
    let all = try Self.build(rows, anchorQueries: 5, anchors: .random(count: 40, seed: 1), solver: .exact).0
    #expect(try all.search(Query(qid: "5", text: ""), k: 3, budget: 40).documents == Array(expected.prefix(3)))
    #expect(all.isUnderdetermined)
  }

  @Test("The plain inverse collapses where anchor items are as many as anchor queries; truncation and a ridge do not")
  func conditioning() throws {
    var generator = SeededGenerator(seed: 4)
    let signal = Self.normal(140, 10, &generator) * Self.normal(10, 500, &generator)
    let m = Matrix(rows: 140, columns: 500, values: signal.values.map { $0 + 0.05 * generator.normal() })
    let items = Self.items(500)
    let anchorQueries = 60
    let scores = Matrix((0..<anchorQueries).map { row in (0..<500).map { m[row, $0] } })
    let order = generator.permutation(500)
    let scorer = TableScorer([])
    func recall(_ anchorItems: Int, _ solver: PseudoInverse) throws -> Double {
      let anchors = Array(order.prefix(anchorItems))
      let retriever = try CURRetriever(
        scorer: scorer, scorerName: "table", items: items, anchors: anchors, scores: scores, solver: solver)
      var sum = 0.0
      for query in anchorQueries..<140 {
        let prediction = retriever.predicted(fromAnchorScores: anchors.map { m[query, $0] })
        func top(_ score: (Int) -> Double) -> Set<Int> { Set((0..<500).sorted { score($0) > score($1) }.prefix(10)) }
        sum += Double(top { prediction[$0] }.intersection(top { m[query, $0] }).count) / 10
      }
      return sum / 80
    }
    let plain = try [30, 60, 120].map { try recall($0, .exact) }
    #expect(plain[1] < plain[0] - 0.1 && plain[1] < plain[2] - 0.1, "\(plain)")
    for solver in [PseudoInverse.truncated(relativeTolerance: 1e-2), .truncated(relativeTolerance: 5e-2), .ridge(lambda: 1)] {
      let recalls = try [30, 60, 120].map { try recall($0, solver) }
      #expect(recalls.allSatisfy { $0 > 0.9 }, "\(solver): \(recalls)")
    }
  }

  @Test("One round from the index's anchors is the plain search; any number of rounds keeps to the budget", arguments: [
    PseudoInverse.exact, .truncated(relativeTolerance: 1e-2), .ridge(lambda: 0.5),
  ])
  func rounds(solver: PseudoInverse) throws {
    var generator = SeededGenerator(seed: 5)
    let signal = Self.normal(50, 6, &generator) * Self.normal(6, 80, &generator)
    let rows = (0..<50).map { row in (0..<80).map { signal[row, $0] + 0.1 * generator.normal() } }
    let (retriever, scorer) = try Self.build(rows, anchorQueries: 30, anchors: .random(count: 8, seed: 1), solver: solver)
    for number in 30..<50 {
      let query = Query(qid: String(number), text: "")
      let plain = try retriever.search(query, k: 10, budget: 20)
      #expect(try retriever.search(query, k: 10, budget: 20, rounds: 1) == plain)
      let direct = try retriever.predict(query)
      let combined = try retriever.predicted(from: retriever.anchors.map { rows[number][$0] }, of: retriever.anchors)
      #expect(Self.isClose(direct, combined, 1e-6))
      for rounds in [2, 5, 12, 50] {
        scorer.calls.withLock { $0 = 0 }
        let result = try retriever.search(query, k: 80, budget: 20, rounds: rounds)
        #expect(result.scorerCalls == 20 && scorer.calls.withLock { $0 } == 20)
        #expect(Set(result.documents.map(\.docno)).count == 20)
        #expect(result.documents.allSatisfy { $0.score == rows[number][Int($0.docno)!] })
      }
      // The first items are among the answers, and nothing is scored twice.
      let own = try retriever.search(query, k: 80, budget: 12, rounds: 3, first: ["7", "70", "33"])
      #expect(Set(own.documents.map(\.docno)).isSuperset(of: ["7", "70", "33"]) && own.scorerCalls == 12)
      let all = try retriever.search(query, k: 80, budget: 500, rounds: 4)
      #expect(all.scorerCalls == 80)
    }
    let query = Query(qid: "30", text: "")
    #expect(throws: CURError.rounds(0)) { try retriever.search(query, k: 1, budget: 20, rounds: 0) }
    #expect(throws: CURError.budget(found: 8, anchors: 8)) { try retriever.search(query, k: 1, budget: 8, rounds: 2) }
    #expect(throws: CURError.unknownAnchor(docno: "x")) {
      try retriever.search(query, k: 1, budget: 8, rounds: 2, first: ["x"])
    }
    #expect(throws: CURError.anchorItems(count: 2, items: 80)) {
      try retriever.search(query, k: 1, budget: 8, rounds: 2, first: ["1", "1"])
    }
  }

  @Test("With few calls, several rounds find more of the best than one")
  func adaptive() throws {
    var generator = SeededGenerator(seed: 6)
    let signal = Self.normal(160, 12, &generator) * Self.normal(12, 400, &generator)
    let rows = (0..<160).map { row in (0..<400).map { signal[row, $0] + 0.3 * generator.normal() } }
    let (retriever, _) = try Self.build(
      rows, anchorQueries: 100, anchors: .random(count: 10, seed: 3), solver: .ridge(lambda: 1))
    func recall(_ rounds: Int) throws -> Double {
      try (100..<160).reduce(0.0) { sum, number in
        let best = Set((0..<400).sorted { rows[number][$0] > rows[number][$1] }.prefix(10).map(String.init))
        let found = try retriever.search(Query(qid: String(number), text: ""), k: 10, budget: 30, rounds: rounds)
        return sum + Double(best.intersection(found.documents.map(\.docno)).count) / 600
      }
    }
    let (one, five) = (try recall(1), try recall(5))
    #expect(five > one + 0.05, "\(one) \(five)")
  }

  @Test("Scores are kept in a file, and refused for another scorer, other items or other anchor queries")
  func files() throws {
    let path = NSTemporaryDirectory() + "gradus-cur-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    let rows: [[Double]] = [[1, 2.1, 3, 4], [2, 1, 0, 5], [0, 3, 6, 3]]
    let items = Self.items(4), queries = Self.queries(0..<2)
    let computed = try CURScores(scorer: TableScorer(rows), scorerName: "table", items: items, anchorQueries: queries)
    try computed.write(to: path)
    let read = try CURScores(path: path, scorerName: "table", items: items, anchorQueries: queries)
    #expect(read.scores == computed.scores)
    #expect(read.scores.values == Array(rows[..<2].joined()))
    let retriever = try CURRetriever(
      scorer: TableScorer(rows), items: items, anchorItems: .docnos(["0", "2"]), scores: read, solver: .exact)
    #expect(retriever.anchors == [0, 2] && retriever.anchorQueryCount == 2)
    func refusal(_ name: String, _ items: [Document], _ queries: [Query]) -> CURError? {
      do {
        _ = try CURScores(path: path, scorerName: name, items: items, anchorQueries: queries)
        return nil
      } catch { return error as? CURError }
    }
    #expect(refusal("other", items, queries) == .otherScores(path: path, what: "another scorer"))
    #expect(refusal("table", Self.items(3), queries) == .otherScores(path: path, what: "other items"))
    #expect(refusal("table", items, Self.queries(1..<3)) == .otherScores(path: path, what: "other anchor queries"))
  }

  @Test("What cannot be is refused")
  func refusals() throws {
    let rows: [[Double]] = [[1, 2, 3], [2, 1, 0]]
    func build(_ rows: [[Double]], _ queries: Int, _ anchors: CURRetriever.AnchorItems) throws {
      _ = try Self.build(rows, anchorQueries: queries, anchors: anchors, solver: .exact)
    }
    #expect(throws: CURError.noAnchorQueries) { try build(rows, 0, .docnos(["0"])) }
    #expect(throws: CURError.anchorItems(count: 4, items: 3)) { try build(rows, 1, .random(count: 4, seed: 1)) }
    #expect(throws: CURError.anchorItems(count: 0, items: 3)) { try build(rows, 1, .docnos([])) }
    #expect(throws: CURError.anchorItems(count: 2, items: 3)) { try build(rows, 1, .docnos(["1", "1"])) }
    #expect(throws: CURError.unknownAnchor(docno: "9")) { try build(rows, 1, .docnos(["9"])) }
    #expect(throws: CURError.scoreNotFinite) { try build([[1, .infinity, 2]], 1, .docnos(["0"])) }
    let (retriever, _) = try Self.build(rows, anchorQueries: 1, anchors: .docnos(["0", "1"]), solver: .exact)
    #expect(throws: CURError.budget(found: 2, anchors: 2)) { try retriever.search(Query(qid: "1", text: ""), k: 1, budget: 2) }
    #expect(throws: CURError.notDeterministic(qid: "0")) {
      try CURRetriever.build(
        scorer: TableScorer(rows, noise: Guarded(0)), scorerName: "noisy", items: Self.items(3),
        anchorQueries: Self.queries(0..<1), anchorItems: .docnos(["0"]))
    }
  }
}
