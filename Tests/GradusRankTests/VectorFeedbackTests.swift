import Foundation
import GradusCore
import GradusIndex
import GradusModels
import GradusRank
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
}
