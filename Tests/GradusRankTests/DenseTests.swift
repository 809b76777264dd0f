import Foundation
import GradusCore
import GradusModels
import GradusRank
import GradusText
import Testing

/// A random encoder over single letters.
enum TinyModel {
  static func encoder() throws -> (BertEncoder, WordPieceTokenizer) {
    let path = NSTemporaryDirectory() + "gradus-vocabulary-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
    let pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + letters
    try pieces.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    let tokenizer = try WordPieceTokenizer(vocabulary: path)
    let configuration = BertConfiguration(
      vocabularySize: pieces.count, hiddenSize: 36, intermediateSize: 40, layerCount: 2, headCount: 3, maximumPositions: 32,
      initializerRange: 0.3)
    var generator = SeededGenerator(seed: 4)
    return (BertEncoder(configuration, using: &generator), tokenizer)
  }

  static func biEncoder(_ pooling: Pooling = .mean, isNormalized: Bool = true) throws -> BiEncoder {
    let (encoder, tokenizer) = try encoder()
    return BiEncoder(encoder: encoder, tokenizer: tokenizer, pooling: pooling, isNormalized: isNormalized)
  }

  static func text(_ number: Int, _ length: Int) -> String {
    (0..<length).map { String(UnicodeScalar(UInt8(97 + (number * 5 + $0 * (number + 3)) % 26))) }.joined(separator: " ")
  }

  /// Some of them longer than the model reads, one empty, two alike.
  static let documents = [3, 0, 17, 45, 8, 3, 29, 1, 12, 60].enumerated().map {
    Document(docno: "d\($0)", text: text($0 == 5 ? 0 : $0, $1))
  }
  static let queries = (0..<4).map { Query(qid: "q\($0)", text: text(11 + $0, 2 + $0)) }
  static let groups = queries.enumerated().map { number, query in
    CandidateGroup(
      query: query, candidates: documents.dropFirst(number).enumerated().map { Candidate(document: $1, firstStageRank: $0 + 1) })
  }
}

@Suite("Dense retrieval and re-ranking with encoders")
struct DenseTests {
  @Test("Dense retrieval ranks as brute force does", arguments: [false, true])
  func bruteForce(isNormalized: Bool) throws {
    let encoder = try TinyModel.biEncoder(isNormalized: isNormalized)
    let retriever = try DenseRetriever(encoder: encoder, documents: TinyModel.documents)
    #expect(retriever.scoreKind == (isNormalized ? .cosine : .dotProduct))
    let vectors = try encoder.encode(TinyModel.documents.map(\.text)).vectors
    let rankings = try retriever.retrieve(TinyModel.queries, depth: 100)
    for (query, ranking) in zip(TinyModel.queries, rankings) {
      let vector = try encoder.encode([query.text]).vectors[0]
      let exact = zip(TinyModel.documents, vectors).map { document, other in
        ScoredDocument(docno: document.docno, score: zip(vector, other).reduce(0) { $0 + Double($1.0) * Double($1.1) })
      }.sorted(by: ScoredDocument.precedes)
      #expect(ranking.qid == query.qid)
      #expect(ranking.documents.map(\.docno) == exact.map(\.docno))
      for (found, reference) in zip(ranking.documents, exact) { #expect(abs(found.score - reference.score) < 1e-4) }
      // d0 and d5 have the same text, so the same score, and stand by docno descending.
      let twins = ranking.documents.filter { ["d0", "d5"].contains($0.docno) }
      #expect(twins.map(\.docno) == ["d5", "d0"] && twins[0].score == twins[1].score)
    }
    #expect(try retriever.retrieve(TinyModel.queries, depth: 3) == rankings.map { $0.prefix(3) })
    #expect(try retriever.retrieve(TinyModel.queries, depth: -1).allSatisfy { $0.documents.isEmpty })
    #expect(try retriever.retrieve([], depth: 3).isEmpty)
    let none = try DenseRetriever(encoder: encoder, documents: [])
    #expect(try none.retrieve(TinyModel.queries, depth: 3).allSatisfy { $0.documents.isEmpty })
    #expect(try retriever.run(TinyModel.queries, depth: 2, name: "dense").rankings == rankings.map { $0.prefix(2) })
  }

  @Test("The bi-encoder reranker gives the dense retriever's scores to the bit, group by group and all at once")
  func sameScores() throws {
    let encoder = try TinyModel.biEncoder()
    let reranker = BiEncoderReranker(encoder)
    let rankings = try DenseRetriever(encoder: encoder, documents: TinyModel.documents).retrieve(TinyModel.queries, depth: 100)
    let candidates = TinyModel.documents.map { Candidate(document: $0) }
    let groups = TinyModel.queries.map { CandidateGroup(query: $0, candidates: candidates) }
    let together = try reranker.rerank(groups)
    #expect(together.map(\.ranking) == rankings)
    #expect(try groups.map { try reranker.rerank($0) } == together)
    // d3 and d9 have 45 and 60 tokens of which 30 are read.
    #expect(together.allSatisfy { $0.truncatedTokens == 45 && $0.truncatedCandidates == 2 })
  }

  @Test("Two documents of one docno are two documents to a reranker")
  func equalDocnos() throws {
    let reranker = BiEncoderReranker(try TinyModel.biEncoder())
    let groups = ["a b c", "x y z"].map { text in
      CandidateGroup(query: Query(qid: text, text: "a b c"), candidates: [Candidate(document: Document(docno: "d", text: text))])
    }
    let scores = try reranker.rerank(groups).map { $0.ranking.documents[0].score }
    #expect(abs(scores[0] - 1) < 1e-5)
    #expect(scores[1] < 0.999)
  }

  @Test("A pair reranker gives the same bits group by group and across groups", arguments: [0, 3, 100])
  func pairReranker(depth: Int) throws {
    let (encoder, tokenizer) = try TinyModel.encoder()
    let reranker = PairReranker(CrossEncoder(encoder: encoder, tokenizer: tokenizer, head: .similarity, seed: 1))
    #expect(reranker.scoreKind == .logit)
    let together = try reranker.rerank(TinyModel.groups, depth: depth)
    #expect(try TinyModel.groups.map { try reranker.rerank($0, depth: depth) } == together)
    #expect(together.map(\.rescoredCount) == TinyModel.groups.map { min(depth, $0.candidates.count) })
    var scored = 0
    _ = try reranker.rerank(TinyModel.groups, depth: depth) { scored += $0 }
    #expect(scored == together.reduce(0) { $0 + $1.rescoredCount })
    #expect(try reranker.rerank([CandidateGroup](), depth: depth).isEmpty)
  }
}
