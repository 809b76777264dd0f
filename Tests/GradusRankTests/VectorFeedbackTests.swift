import Foundation
import GradusCore
import GradusIndex
import GradusModels
import GradusRank
import GradusText
import Testing

@Suite("Vector retrieval and feedback")
struct VectorFeedbackTests {
  private static let query = Query(qid: "q", text: "text")
  private static let found = [
    FeedbackVector(docno: "a", score: 3, vector: [4, 0]), FeedbackVector(docno: "b", score: 2, vector: [0, 2]),
    FeedbackVector(docno: "c", score: 1, vector: [-2, -2]),
  ]

  @Test("Rocchio, worked by hand")
  func rocchio() {
    // 0.5 (1, 1) + 0.8 (2, 1) - 0.1 (-2, -2)
    let feedback = RocchioFeedback(alpha: 0.5, beta: 0.8, gamma: 0.1, positives: 2, negatives: 1)
    #expect(feedback.depth == 3)
    let moved = feedback.moved(Self.query, [1, 1], by: Self.found)
    #expect(abs(moved[0] - 2.3) < 1e-6 && abs(moved[1] - 1.5) < 1e-6)
    // The mean of (1, 1), (4, 0) and (0, 2).
    let mean = RocchioFeedback.average(positives: 2).moved(Self.query, [1, 1], by: Self.found)
    #expect(abs(mean[0] - 5.0 / 3) < 1e-6 && abs(mean[1] - 1) < 1e-6)
    let still = RocchioFeedback(alpha: 1, beta: 0, gamma: 0, positives: 2)
    #expect(still.moved(Self.query, [1, 1], by: Self.found) == [1, 1])
    // Nothing found: only the query is left.
    #expect(feedback.moved(Self.query, [1, 1], by: []) == [0.5, 0.5])
  }

  @Test("Encoded feedback gets the texts that are there, in order; without any the query stays")
  func encoded() throws {
    let feedback = EncodedFeedback(depth: 2, text: { $0 == "b" ? nil : "text of " + $0 }) { query, documents in
      #expect(query == "text" && documents == ["text of a", "text of c"])
      return [7, 7]
    }
    #expect(try feedback.moved(Self.query, [1, 1], by: Self.found) == [7, 7])
    let none = EncodedFeedback(text: { _ in nil }) { _, _ in [9, 9] }
    #expect(try none.moved(Self.query, [1, 1], by: Self.found) == [1, 1])
  }

  @Test("A stored index answers as the retriever in memory does; the reranker takes its vectors; other encoders are refused")
  func stored() throws {
    let encoder = try TinyModel.biEncoder()
    let folder = NSTemporaryDirectory() + "gradus-vectors-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let fingerprint = EncoderFingerprint(name: "tiny", digest: "1")
    let writer = try VectorIndexWriter(
      creating: folder, configuration: VectorIndexConfiguration(dimension: encoder.dimension, encoder: fingerprint, graph: nil))
    let vectors = try encoder.encode(TinyModel.documents.map(\.contents), prompt: .document).vectors
    for (document, vector) in zip(TinyModel.documents, vectors) { try writer.add(document, vector: vector) }
    try writer.commit()
    let index = try VectorIndex(path: folder)
    let retriever = try VectorRetriever(encoder: encoder, fingerprint: fingerprint, index: index)
    let memory = try DenseRetriever(encoder: encoder, documents: TinyModel.documents)
    for (found, expected) in zip(
      try retriever.retrieve(TinyModel.queries, depth: 10), try memory.retrieve(TinyModel.queries, depth: 10))
    {
      #expect(found.documents.map(\.docno) == expected.documents.map(\.docno))
      for (left, right) in zip(found.documents, expected.documents) { #expect(abs(left.score - right.score) < 1e-6) }
    }
    for document in TinyModel.documents { #expect(memory.vectors.vector(docno: document.docno) != nil) }

    let groups = TinyModel.groups
    let stored = try BiEncoderReranker(encoder, vectors: memory.vectors, fingerprint: fingerprint).rerank(groups)
    let encoded = try BiEncoderReranker(encoder).rerank(groups)
    #expect(stored.map(\.ranking) == encoded.map(\.ranking), "the same vectors give the same bits")
    let fromIndex = try BiEncoderReranker(encoder, vectors: index, fingerprint: fingerprint).rerank(groups)
    #expect(fromIndex.map { $0.ranking.documents.map(\.docno) } == encoded.map { $0.ranking.documents.map(\.docno) })

    let other = EncoderFingerprint(name: "tiny", digest: "2")
    #expect(throws: VectorIndexError.encoderMismatch(path: folder, found: other, expected: fingerprint)) {
      try VectorRetriever(encoder: encoder, fingerprint: other, index: index)
    }
    #expect(throws: VectorIndexError.self) { try BiEncoderReranker(encoder, vectors: index, fingerprint: other) }

    var moved = retriever
    moved.feedback = RocchioFeedback(alpha: 1, beta: 0)
    #expect(try moved.retrieve(TinyModel.queries, depth: 5) == retriever.retrieve(TinyModel.queries, depth: 5))
    moved.feedback = RocchioFeedback(alpha: 0, beta: 1, positives: 1)
    // The first document's own vector finds that document first.
    let once = try retriever.retrieve(TinyModel.queries, depth: 1), twice = try moved.retrieve(TinyModel.queries, depth: 1)
    for (first, again) in zip(once, twice) {
      #expect(abs(again.documents[0].score - 1) < 1e-5 && first.documents.count == 1)
    }
  }

  @Test("Methods by name have defaults, keep what was asked for, and refuse the rest")
  func names() throws {
    func parsed(_ text: String) throws -> VectorFeedbackMethod { try VectorFeedbackMethod(parsing: text) }
    #expect(try parsed("rocchio") == .rocchio(RocchioFeedback(alpha: 0.4, beta: 0.6, gamma: 0, positives: 3)))
    #expect(
      try parsed("Rocchio(docs=5, alpha=1, beta=0.5, gamma=0.2, negatives=7)")
        == .rocchio(RocchioFeedback(alpha: 1, beta: 0.5, gamma: 0.2, positives: 5, negatives: 7)))
    #expect(try parsed("average(docs=2)") == .average(docs: 2))
    #expect(
      try parsed("ance-prf(passage=64,tokens=256)")
        == .ancePRF(docs: 3, FeedbackInputLimits(queryTokens: 128, passageTokens: 64, totalTokens: 256)))
    for text in ["rocchio(docs=5,alpha=1.0,beta=0.5,gamma=0.2,negatives=7)", "average(docs=3)",
      "ance-prf(docs=2,query=100,passage=64,tokens=256)"] {
      #expect(try parsed(text).description == text)
    }
    #expect(throws: ModelSpecificationError.unknownModel("rm3", known: VectorFeedbackMethod.names)) { try parsed("rm3") }
    #expect(throws: ModelSpecificationError.self) { try parsed("average(docs=0)") }
    #expect(throws: ModelSpecificationError.self) { try parsed("rocchio(beta=-1)") }
    #expect(throws: ModelSpecificationError.self) { try parsed("ance-prf(terms=3)") }
  }

  @Test("ANCE-PRF reads [CLS] query [SEP] passage [SEP] passage [SEP], passages in the second segment, within its limits")
  func ancePRF() throws {
    let encoder = try TinyModel.biEncoder()
    func read(_ query: String, _ passages: [String], _ limits: FeedbackInputLimits = .init(leastPassageTokens: 2))
      throws -> TokenizedInput {
      try encoder.readFeedback(query: query, passages: passages, limits: limits)
    }
    // [CLS] is 2, [SEP] 3, letters from 4 on.
    let input = try read("a b", ["c", "d e"])
    #expect(input.ids == [2, 4, 5, 3, 6, 3, 7, 8, 3] && input.segmentIDs == [0, 0, 0, 0, 1, 1, 1, 1, 1])
    #expect(input.truncatedTokens == 0 && input.secondStart == 4)
    #expect(try read("a b", []).ids == encoder.read(["a b"], prompt: .query)[0].ids)
    // Query and passages are cut to their own limits, all of it to 32 positions; then no passage has two tokens of room.
    let small = FeedbackInputLimits(queryTokens: 2, passageTokens: 2, totalTokens: 12, leastPassageTokens: 2)
    let cut = try read("a b c", ["d e f", "g h"], small)
    #expect(cut.ids == [2, 4, 5, 3, 7, 8, 3, 10, 11, 3] && cut.truncatedTokens == 2)
    let long = try read("a", [TinyModel.text(1, 25), "b c d", "e f"])
    // 32 positions, 3 special tokens, 1 of the query: 28. The first passage leaves 3, a separator and 2 of the second.
    #expect(long.ids.count == 32 && long.truncatedTokens == 1 + 2)
    #expect(Array(long.ids[28...]) == [3, 5, 6, 3])
    let vector = try encoder.encodeFeedback(query: "a b", passages: ["c", "d e"])
    #expect(try vector == encoder.encode(read: [encoder.readFeedback(query: "a b", passages: ["c", "d e"])])[0])
    let method = try VectorFeedbackMethod(parsing: "ance-prf(docs=2)")
    let feedback = method.feedback(encoder: encoder) { $0 == "b" ? nil : Document(docno: $0, text: $0) }
    #expect(feedback.depth == 2)
    let moved = try feedback.moved(Query(qid: "1", text: "x y"), [1], by: Self.found)
    #expect(try moved == encoder.encodeFeedback(query: "x y", passages: ["a", "c"]))
  }

  @Test("A filter holds in both searches of a retrieval with feedback")
  func filter() throws {
    let encoder = try TinyModel.biEncoder()
    let folder = NSTemporaryDirectory() + "gradus-vectors-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let fingerprint = EncoderFingerprint(name: "tiny", digest: "1")
    let writer = try VectorIndexWriter(
      creating: folder, configuration: VectorIndexConfiguration(dimension: encoder.dimension, encoder: fingerprint),
      storesDocuments: true)
    for (number, document) in TinyModel.documents.enumerated() {
      let own = Document(
        docno: document.docno, text: document.text, metadata: ["year": "\(1990 + number)", "lang": number % 2 == 0 ? "en" : "de"])
      try writer.add(own, vector: try encoder.encode([own.contents], prompt: .document).vectors[0])
    }
    try writer.commit()
    let index = try VectorIndex(path: folder)
    var retriever = try VectorRetriever(encoder: encoder, fingerprint: fingerprint, index: index)
    retriever.filter = try index.filter(matching: MetadataFilter(parsing: "year>=1993 lang=en"))
    for feedback in [nil, try VectorFeedbackMethod(parsing: "average(docs=2)")] {
      retriever.feedback = feedback?.feedback(encoder: encoder) { try index.document(docno: $0) }
      for ranking in try retriever.retrieve(TinyModel.queries, depth: 10) {
        #expect(Set(ranking.documents.map(\.docno)) == ["d4", "d6", "d8"])
      }
    }
    // Feedback comes from allowed documents alone: one document allowed, both searches find it.
    retriever.filter = try index.filter(docnos: ["d7"])
    retriever.feedback = RocchioFeedback(alpha: 0, beta: 1, positives: 3)
    for ranking in try retriever.retrieve(TinyModel.queries, depth: 10) {
      #expect(ranking.documents.map(\.docno) == ["d7"] && abs(ranking.documents[0].score - 1) < 1e-5)
    }
  }
}
