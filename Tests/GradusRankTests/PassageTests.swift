import GradusCore
import GradusRank
import Testing

/// Scores a text by its number of words, and says that each title word was cut off.
private struct WordCountReranker: Reranker {
  let scoreKind = ScoreKind.logit

  func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
    candidates.map {
      CandidateScore(
        score: Double($0.document.text.split(separator: " ").count), truncatedTokens: $0.document.title.isEmpty ? 0 : 1)
    }
  }
}

@Suite("Long documents by their passages") struct PassageTests {
  private func scores(_ aggregation: PassageAggregation, _ texts: [String], title: String = "") throws -> [CandidateScore] {
    let reranker = PassageReranker(
      base: WordCountReranker(), windows: PassageWindows(size: 4, stride: 2), aggregation: aggregation)
    let candidates = texts.enumerated().map {
      Candidate(document: Document(docno: "d\($0)", title: title, text: $1), firstStageRank: $0 + 1)
    }
    return try reranker.scores(of: candidates, for: Query(qid: "1", text: "q"))
  }

  @Test("Windows cover every word, keep what is between words, and end with the text")
  func windows() {
    let windows = PassageWindows(size: 3, stride: 2)
    #expect(windows.passages(of: "a b c d e f") == ["a b c", "c d e", "e f"])
    #expect(windows.passages(of: " a  b\n c ") == ["a  b\n c"])
    #expect(windows.passages(of: "a b c d e") == ["a b c", "c d e"])
    #expect(windows.passages(of: "a b c d e f", atMost: 1) == ["a b c"])
    #expect(windows.passages(of: " \n") == [""])
    #expect(windows.passages(of: "") == [""])
    #expect(PassageWindows(size: 2, stride: 2).passages(of: "a b c") == ["a b", "c"])
  }

  @Test("First, max, sum, avg and the best two of windows of 4, 4 and 3 words", arguments: [
    ("first", 4.0), ("max", 4.0), ("sum", 11.0), ("avg", 11.0 / 3), ("top:2", 4.0), ("top:9", 11.0 / 3),
  ] as [(String, Double)])
  func aggregations(name: String, expected: Double) throws {
    let aggregation = try #require(PassageAggregation(name: name))
    #expect(try scores(aggregation, ["a b c d e f g"])[0].score == expected)
    #expect(aggregation.score(of: [-3]) == -3)
  }

  @Test("A document of one window has the base's score; empty documents and no candidates are fine")
  func shortDocuments() throws {
    for name in ["first", "max", "sum", "avg", "top:3"] {
      let aggregation = try #require(PassageAggregation(name: name))
      #expect(try scores(aggregation, ["a b", "", "a b c d"]).map(\.score) == [2, 0, 4])
      #expect(try scores(aggregation, []).isEmpty)
    }
  }

  @Test("A document's score does not depend on its neighbours; cut tokens add up over the passages")
  func alone() throws {
    let texts = ["a b c d e f g", "h", "i j k l m"]
    let together = try scores(.mean, texts, title: "t")
    for (text, score) in zip(texts, together) { #expect(try scores(.mean, [text], title: "t") == [score]) }
    #expect(together.map(\.truncatedTokens) == [3, 1, 2])
  }

  @Test("Names that are none", arguments: ["", "maxp", "top:", "top:0", "top:-1", "top:x", "Max"])
  func unknownNames(name: String) {
    #expect(PassageAggregation(name: name) == nil)
  }
}
