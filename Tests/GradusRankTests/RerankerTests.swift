import GradusCore
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
    let run = Run(name: "r", rankings: [Ranking(qid: "1", documents: [ScoredDocument(docno: "a", score: 2), ScoredDocument(docno: "b", score: 1)])])
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
