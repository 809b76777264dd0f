import GradusCore
import GradusModels
import GradusRank
import Testing

/// Scores a document by the number in its text.
private struct NumberReranker: Reranker {
  let scoreKind = ScoreKind.logit

  func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
    candidates.map { CandidateScore(score: Double($0.document.text) ?? 0, truncatedTokens: $0.document.text == "7" ? 3 : 0) }
  }
}

@Suite struct RerankerTests {
  private func group(_ texts: [String]) -> CandidateGroup {
    CandidateGroup(
      query: Query(qid: "1", text: "q"),
      candidates: texts.enumerated().map { Candidate(document: Document(docno: "d\($0)", text: $1), firstStageRank: $0 + 1) })
  }

  @Test("The tail keeps its order and never overtakes the re-scored head")
  func tailStaysBehind() throws {
    let result = try NumberReranker().rerank(group(["-5", "7", "99", "98", "100"]), depth: 2)
    #expect(result.ranking.documents.map(\.docno) == ["d1", "d0", "d2", "d3", "d4"])
    #expect(result.ranking.documents == Ranking(qid: "1", documents: result.ranking.documents).documents)
    #expect(result.group.candidates.map(\.document.docno) == result.ranking.documents.map(\.docno))
    #expect(result.rescoredCount == 2)
    #expect(result.truncatedTokens == 3)
    #expect(result.truncatedCandidates == 1)
  }

  @Test("Equal scores stand by docno descending")
  func tiesInTheHead() throws {
    let result = try NumberReranker().rerank(group(["1", "1", "2"]))
    #expect(result.ranking.documents.map(\.docno) == ["d2", "d1", "d0"])
  }

  @Test("No candidates, and a depth beyond the list, are fine")
  func oddDepths() throws {
    #expect(try NumberReranker().rerank(group([])).ranking.documents.isEmpty)
    #expect(try NumberReranker().rerank(group(["1", "2"]), depth: 100).rescoredCount == 2)
    #expect(try NumberReranker().rerank(group(["1", "2"]), depth: 0).ranking.documents.map(\.docno) == ["d0", "d1"])
  }

  @Test("A run meets its texts; what is missing is named")
  func candidateGroups() throws {
    let documents = [ScoredDocument(docno: "a", score: 2), ScoredDocument(docno: "b", score: 1)]
    let run = Run(name: "r", rankings: [Ranking(qid: "1", documents: documents)])
    let texts = ["a": Document(docno: "a", text: "A"), "b": Document(docno: "b", text: "B")]
    var qrels = Qrels()
    qrels.judge(qid: "1", docno: "b", grade: 1)
    let groups = try run.candidateGroups(queries: [Query(qid: "1", text: "q")], depth: 5, qrels: qrels) { texts[$0] }
    #expect(groups[0].candidates.map(\.firstStageRank) == [1, 2])
    #expect(groups[0].candidates.map(\.label) == [nil, 1])
    #expect(throws: CandidateError.unknownQuery(qid: "1")) { try run.candidateGroups(queries: [], depth: 5) { texts[$0] } }
    #expect(throws: CandidateError.unknownDocument(qid: "1", docno: "b")) {
      try run.candidateGroups(queries: [Query(qid: "1", text: "q")], depth: 5) { $0 == "a" ? texts["a"] : nil }
    }
  }
}

@Suite struct InterpolatedRerankerTests {
  @Test("base + weight * first stage; a missing first-stage score counts as the lowest")
  func worked() throws {
    let candidates = [
      Candidate(document: Document(docno: "a", text: "1"), firstStageScore: 10),
      Candidate(document: Document(docno: "b", text: "2"), firstStageScore: 4),
      Candidate(document: Document(docno: "c", text: "3")),
    ]
    let scores = try InterpolatedReranker(base: NumberReranker(), weight: 0.5)
      .scores(of: candidates, for: Query(qid: "1", text: "q"))
    #expect(scores.map(\.score) == [6, 4, 5])
  }
}

@Suite("Candidates that left a model early")
struct EarlyExitOrderTests {
  /// A text of "score layer r" left after that layer as relevant, "score layer n" as not relevant, "score" went to the end.
  private struct Leaving: MeteredReranker {
    let scoreKind = ScoreKind.logit
    func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
      candidates.map { candidate in
        let parts = candidate.document.text.split(separator: " ")
        let exit = parts.count < 3 ? nil : EarlyExit(layer: Int(parts[1]) ?? 0, isRelevant: parts[2] == "r")
        return CandidateScore(score: Double(parts[0]) ?? 0, exit: exit)
      }
    }
    func read(_ candidate: Candidate, for query: Query) -> Candidate { candidate }
    func tokens(of read: Candidate) -> Int { 1 }
    func scores(ofRead read: [Candidate], for query: Query) -> [CandidateScore] { scores(of: read, for: query) }
  }

  private static let texts = ["9 2 n", "1", "8 4 n", "-3", "7 4 n", "0 2 r", "5 4 r", "99 2 n", "0.5"]

  private static func group(_ order: [Int]) -> CandidateGroup {
    CandidateGroup(
      query: Query(qid: "1", text: "q"),
      candidates: order.map { Candidate(document: Document(docno: "d\($0)", text: texts[$0]), firstStageScore: Double($0)) })
  }

  @Test("What was read to the end stands above what left as not relevant, that in the order of the layers, deepest first")
  func order() throws {
    let found = try Leaving().rerank(Self.group(Array(0..<9)), depth: 8)
    #expect(found.ranking.documents.map(\.docno) == ["d5", "d6", "d1", "d3", "d2", "d4", "d7", "d0", "d8"])
    // From the scores of those that went on one up or down a candidate; the tail behind them all.
    #expect(found.ranking.documents.map(\.score) == [3, 2, 1, -3, -4, -5, -6, -7, -8])
    #expect(found.ranking.documents == Ranking(qid: "1", documents: found.ranking.documents).documents)
    #expect(found.rescoredCount == 8)
    // Also where nobody went on.
    let none = try Leaving().rerank(Self.group([0, 5, 2]))
    #expect(none.ranking.documents.map(\.docno) == ["d5", "d2", "d0"] && none.ranking.documents.map(\.score) == [1, -1, -2])
  }

  @Test("The order is the same however the candidates come, in pieces under a budget, and with the first stage's score added")
  func pieces() throws {
    let reranker = try BudgetedReranker([CascadeStage("leaving", Leaving())], budget: .unlimited)
    let whole = try reranker.rerank(Self.group(Array(0..<9)))
    #expect(whole.reranked.ranking == (try Leaving().rerank(Self.group([8, 3, 5, 1, 0, 7, 2, 6, 4])).ranking))
    let exits = try #require(whole.report.stages.first).exits
    #expect(exits.map(\.exit.layer) == [2, 2, 4, 4] && exits.map(\.exit.isRelevant) == [false, true, false, true])
    #expect(exits.map(\.candidates) == [2, 1, 2, 1])
    // A hundred times the first stage turns the order of those that left in one place, and no more.
    let weighted = try BudgetedReranker([CascadeStage("leaving", Leaving(), firstStageWeight: 100)], budget: .unlimited)
    let found = try weighted.rerank(Self.group(Array(0..<9))).reranked
    #expect(found.ranking.documents.map(\.docno) == ["d5", "d6", "d8", "d3", "d1", "d4", "d2", "d7", "d0"])
    // A budget of five tokens scores the first five, which then stand above the rest, also where they left.
    let short = try BudgetedReranker([CascadeStage("leaving", Leaving())], budget: .tokens(5)).rerank(Self.group(Array(0..<9)))
    #expect(short.reranked.ranking.documents.map(\.docno) == ["d1", "d3", "d2", "d4", "d0", "d5", "d6", "d7", "d8"])
  }

  /// A word of "score:layer:r" left after that layer as relevant, "score:layer:n" as not relevant, "score" went to the end.
  private struct LeavingWords: MeteredReranker {
    let scoreKind = ScoreKind.logit
    func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
      candidates.map { candidate in
        let parts = candidate.document.text.split(separator: ":")
        let exit = parts.count < 3 ? nil : EarlyExit(layer: Int(parts[1]) ?? 0, isRelevant: parts[2] == "r")
        return CandidateScore(score: Double(parts[0]) ?? 0, truncatedTokens: 1, exit: exit)
      }
    }
    func read(_ candidate: Candidate, for query: Query) -> Candidate { candidate }
    func tokens(of read: Candidate) -> Int { 1 }
    func scores(ofRead read: [Candidate], for query: Query) -> [CandidateScore] { scores(of: read, for: query) }
  }

  @Test("A document stands where its best passage does; scores of passages that left do not add up")
  func passages() throws {
    let texts = ["9:2:n 1 8:4:n", "9:2:n 3:4:n", "1 0:2:r 5:4:r", "2 7", "5:2:r nan"]
    let candidates = texts.enumerated().map { Candidate(document: Document(docno: "d\($0)", text: $1)) }
    let query = Query(qid: "1", text: "q")
    func scores(_ aggregation: PassageAggregation) throws -> [CandidateScore] {
      let reranker = PassageReranker(
        base: LeavingWords(), windows: PassageWindows(size: 1, stride: 1), aggregation: aggregation)
      let found = try reranker.scores(of: candidates, for: query)
      let read = try reranker.scores(ofRead: candidates.map { try reranker.read($0, for: query) }, for: query)
      // The last one's score is no number.
      #expect(read.dropLast() == found.dropLast())
      return found
    }
    for aggregation in [PassageAggregation.maximum, .meanOfBest(count: 1)] {
      let best = try scores(aggregation)
      #expect(best.map(\.exit) == [
        nil, EarlyExit(layer: 4, isRelevant: false), EarlyExit(layer: 2, isRelevant: true), nil, nil,
      ])
      #expect(best.prefix(4).map(\.score) == [1, 3, 0, 7] && best[4].score.isNaN)
      #expect(best.map(\.truncatedTokens) == [3, 2, 3, 2, 2])
    }
    let first = try scores(.first)
    #expect(first.map(\.score) == [9, 9, 1, 2, 5] && first.map { $0.exit?.layer } == [2, 2, nil, nil, 2])
    for aggregation in [PassageAggregation.sum, .mean, .meanOfBest(count: 2)] {
      #expect(!aggregation.picksOne)
      #expect(throws: ModelError.exitsDoNotAdd) { try scores(aggregation) }
    }
    let whole = PassageReranker(base: LeavingWords(), windows: PassageWindows(size: 1, stride: 1), aggregation: .sum)
    #expect(try whole.scores(of: [candidates[3]], for: query).map(\.score) == [9])
  }
}
