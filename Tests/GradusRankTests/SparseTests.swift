import Foundation
import GradusCore
import GradusIndex
import GradusModels
import GradusText
import Testing

@testable import GradusRank

@Suite("Learned sparse retrieval and re-ranking")
struct SparseTests {
  private static let documents: [(docno: String, terms: [(String, Double)])] = [
    ("d1", [("b", 2), ("c", 1)]), ("d2", [("b", 1), ("e", 2.5)]), ("d3", []), ("d4", [("c", 2.5)]), ("d5", [("z", 1)]),
  ]

  private func index(
    _ configuration: ImpactIndexConfiguration = ImpactIndexConfiguration(method: .tildev2, maximumQueryTokens: 8)
  ) throws -> ImpactIndex {
    let folder = NSTemporaryDirectory() + "gradus-sparse-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let builder = try ImpactIndexBuilder(creating: folder, configuration: configuration)
    for (docno, terms) in Self.documents {
      try builder.add(Document(docno: docno, text: docno), terms: terms.map { WeightedTerm($0.0, weight: $0.1) })
    }
    _ = try builder.finish()
    return try ImpactIndex(path: folder)
  }

  private func tokenizer() throws -> WordPieceTokenizer { try TinyModel.encoder().1 }

  private func group(_ text: String, _ docnos: [String] = ["d5", "d3", "d1", "d2", "d4"]) -> CandidateGroup {
    CandidateGroup(
      query: Query(qid: "q", text: text),
      candidates: docnos.enumerated().map { Candidate(document: Document(docno: $1, text: ""), firstStageRank: $0 + 1) })
  }

  @Test("Queries as tokens: counts, stops and the limit")
  func tokens() throws {
    let tokenizer = try tokenizer()
    func terms(_ text: String, stops: Set<Int32> = [], maximum: Int = .max) -> [WeightedTerm] {
      TokenQueryEncoder(tokenizer: tokenizer, stops: stops, maximumTokens: maximum).terms(of: [Query(qid: "q", text: text)])[0]
    }
    #expect(terms("b e b") == [WeightedTerm("b", weight: 2), WeightedTerm("e", weight: 1)])
    #expect(terms("b e b", stops: Set(tokenizer.encode("b"))) == [WeightedTerm("e", weight: 1)])
    #expect(terms("b e b", maximum: 2) == [WeightedTerm("b", weight: 1), WeightedTerm("e", weight: 1)])
    #expect(terms("").isEmpty)
    let words = try WordQueryEncoder().terms(of: [Query(qid: "q", text: "Heat, heat FLOW")])[0]
    #expect(words == [WeightedTerm("heat", weight: 2), WeightedTerm("flow", weight: 1)])
    let stored = StoredQueryEncoder(["q": [WeightedTerm("x", weight: 0.5)]])
    #expect(try stored.terms(of: [Query(qid: "q", text: "")]) == [[WeightedTerm("x", weight: 0.5)]])
    #expect(throws: SparseQueryError.unknownQuery(qid: "r")) { try stored.terms(of: [Query(qid: "r", text: "")]) }
  }

  @Test("A retriever over an impact index")
  func retriever() throws {
    let retriever = ImpactRetriever(index: try index(), encoder: TokenQueryEncoder(tokenizer: try tokenizer()))
    let queries = [Query(qid: "1", text: "b c"), Query(qid: "2", text: "x")]
    let rankings = try retriever.retrieve(queries, depth: 2)
    #expect(rankings.map(\.qid) == ["1", "2"])
    #expect(rankings[0].documents.map(\.docno) == ["d1", "d4"] && rankings[1].documents.isEmpty)
    #expect(try retriever.search(queries, depth: 10)[1].unknownTerms == ["x"])
  }

  @Test("Token weights order the candidates; those without a match keep their order below")
  func reranking() throws {
    let reranker = TILDEv2Reranker(index: try index(), tokenizer: try tokenizer())
    let result = try reranker.rerank(group("b c"))
    #expect(result.ranking.documents.map(\.docno) == ["d1", "d4", "d2", "d5", "d3"])
    let scores = result.ranking.documents.map(\.score)
    #expect(abs(scores[0] - 3) < 0.02 && abs(scores[1] - 2.5) < 0.02 && abs(scores[2] - 1) < 0.02)
    #expect(scores[3] < 0 && scores[4] < scores[3])
    // Only stop words, or words of no document: the order stays.
    for text in ["a i", "x", ""] {
      #expect(try reranker.rerank(group(text)).ranking.documents.map(\.docno) == ["d5", "d3", "d1", "d2", "d4"])
    }
    // A repeated token counts twice.
    let once = try reranker.scores(of: group("b", ["d1"]).candidates, for: Query(qid: "q", text: "b"))[0].score
    let twice = try reranker.scores(of: group("b b", ["d1"]).candidates, for: Query(qid: "q", text: "b b"))[0].score
    #expect(twice == 2 * once)
    // Of 8 tokens with [CLS] and [SEP] six are read.
    let long = try reranker.scores(of: group("x", ["d1"]).candidates, for: Query(qid: "q", text: "x x x x x x b"))
    #expect(long[0].score < 0)
  }

  @Test("Pieces of a list have the scores of the whole")
  func pieces() throws {
    let reranker = TILDEv2Reranker(index: try index(), tokenizer: try tokenizer())
    let group = group("b c e")
    let whole = try reranker.scores(of: group.candidates, for: group.query)
    let parts = try group.candidates.flatMap { candidate in
      try reranker.scores(ofRead: [try reranker.read(candidate, for: group.query)], for: group.query)
    }
    #expect(parts == whole)
    let budgeted = try BudgetedReranker([CascadeStage("t", reranker)], budget: .tokens(3)).rerank(group, depth: 5)
    #expect(budgeted.reranked.rescoredCount == 3)
  }

  @Test("A candidate that the index does not hold, and a tokenizer that did not make it, are refused")
  func refused() throws {
    let reranker = TILDEv2Reranker(index: try index(), tokenizer: try tokenizer())
    #expect(throws: IndexError.unknownDocno("d9")) { try reranker.rerank(group("b", ["d1", "d9"])) }
    let folder = NSTemporaryDirectory() + "gradus-sparse-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try "[PAD]\n[UNK]\n[CLS]\n[SEP]\nb".write(toFile: folder + "/vocab.txt", atomically: true, encoding: .utf8)
    let model = ModelFolder(path: folder)
    let found = try EncoderFingerprint.vocabulary(of: model, name: "m")
    try index(ImpactIndexConfiguration(vocabulary: found)).requireVocabulary(of: model, name: "other name")
    try index().requireVocabulary(of: model, name: "m")
    let other = EncoderFingerprint(name: "n", digest: "0", settings: "tokens")
    #expect(throws: ImpactIndexError.self) {
      try index(ImpactIndexConfiguration(vocabulary: other)).requireVocabulary(of: model, name: "m")
    }
    #expect(throws: ModelError.self) { try EncoderFingerprint.vocabulary(of: ModelFolder(path: folder + "/none"), name: "m") }
  }
}
