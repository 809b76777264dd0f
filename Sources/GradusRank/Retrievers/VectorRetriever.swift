import GradusCore
import GradusIndex
import GradusModels

/// Dense retrieval from a stored index: queries are encoded, documents were.
///
///     let retriever = try VectorRetriever(encoder: biEncoder, fingerprint: fingerprint, index: VectorIndex(path: "faq.vectors"))
///     let rankings = try retriever.retrieve(queries, depth: 100)
///
/// With feedback, a query is moved by what its first search found, and searched again.
///
/// `@unchecked Sendable`: the encoder's weights do not change while it is used to encode.
public struct VectorRetriever: Retriever, @unchecked Sendable {
  public let index: VectorIndex
  public var options: VectorSearchOptions
  public var feedback: (any VectorFeedback)?
  /// Which documents may be found, by both searches; nil for all.
  public var filter: VectorFilter?
  private let encoder: BiEncoder
  private let queryPrompt: PromptChoice

  /// - Parameter fingerprint: Of the encoder; must be that of the index.
  /// - Throws: `VectorIndexError.encoderMismatch`.
  public init(
    encoder: BiEncoder, fingerprint: EncoderFingerprint, index: VectorIndex, options: VectorSearchOptions = VectorSearchOptions(),
    queryPrompt: PromptChoice = .query, feedback: (any VectorFeedback)? = nil
  ) throws {
    guard fingerprint.isCompatible(with: index.configuration.encoder) else {
      throw VectorIndexError.encoderMismatch(path: index.path, found: fingerprint, expected: index.configuration.encoder)
    }
    self.encoder = encoder
    self.index = index
    self.options = options
    self.queryPrompt = queryPrompt
    self.feedback = feedback
  }

  public var scoreKind: ScoreKind { index.scoreKind }

  public func retrieve(_ queries: [Query], depth: Int) throws -> [Ranking] {
    zip(queries, try search(queries, depth: depth)).map { $1.ranking(qid: $0.qid) }
  }

  /// The results with what each search cost.
  public func search(_ queries: [Query], depth: Int) throws -> [VectorSearchResult] {
    var vectors = try encoder.encode(queries.map(\.text), prompt: queryPrompt).vectors
    if let feedback {
      let first = try index.search(vectors, k: feedback.depth, options: options, filter: filter)
      for (number, result) in first.enumerated() {
        vectors[number] = try feedback.moved(
          queries[number], vectors[number], by: try FeedbackVector.list(result.documents, from: index))
      }
    }
    return try index.search(vectors, k: depth, options: options, filter: filter)
  }
}

extension FeedbackVector {
  /// Documents with their stored vectors; those without one are left out.
  static func list(_ documents: [ScoredDocument], from vectors: any VectorsByDocno) throws -> [FeedbackVector] {
    try documents.compactMap { document in
      try vectors.vector(docno: document.docno).map {
        FeedbackVector(docno: document.docno, score: document.score, vector: $0)
      }
    }
  }
}
