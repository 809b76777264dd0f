import GradusCore
import GradusIndex
import GradusModels

/// Exact dense retrieval: the inner product of the query's vector with every document's, in memory.
///
///     let retriever = try DenseRetriever(encoder: biEncoder, documents: corpus)
///     let ranking = try retriever.retrieve([query], depth: 100)
///
/// `@unchecked Sendable`: the encoder's weights do not change while it is used to encode.
///
/// - Complexity: documents x dimension multiplications a query; 4 bytes of memory a component.
public struct DenseRetriever: Retriever, @unchecked Sendable {
  private let encoder: BiEncoder
  private let queryPrompt: PromptChoice
  /// Of the documents, by docno.
  public let vectors: InMemoryVectors
  /// Documents that are longer than the encoder reads: their ends cannot be found.
  public let truncatedDocuments: Int

  /// Encodes all documents.
  ///
  /// - Parameters:
  ///   - queryPrompt: What goes before queries, where the encoder's folder has prompts.
  ///   - documentPrompt: What goes before documents.
  ///   - progress: Called with the number of documents encoded since the last call.
  public init(
    encoder: BiEncoder, documents: [Document], queryPrompt: PromptChoice = .query, documentPrompt: PromptChoice = .document,
    progress: (Int) -> Void = { _ in }
  ) throws {
    self.encoder = encoder
    self.queryPrompt = queryPrompt
    let encoded = try encoder.encode(documents.map(\.contents), prompt: documentPrompt, progress: progress)
    vectors = InMemoryVectors(
      names: documents.map(\.docno), vectors: encoded.vectors, metric: encoder.isNormalized ? .cosine : .dot)
    truncatedDocuments = encoded.truncatedTokens.count { $0 > 0 }
  }

  public var scoreKind: ScoreKind { encoder.scoreKind }

  public func retrieve(_ queries: [Query], depth: Int) throws -> [Ranking] {
    let queryVectors = try encoder.encode(queries.map(\.text), prompt: queryPrompt).vectors
    var rankings = [Ranking?](repeating: nil, count: queries.count)
    rankings.withUnsafeMutableBufferPointer { slots in
      nonisolated(unsafe) let slots = slots
      WorkerPool.shared.forEach(count: queries.count) { position in
        let query = queryVectors[position]
        slots[position] = Ranking(qid: queries[position].qid, bestOf: vectors.count, depth: depth) { document in
          ScoredDocument(docno: vectors.names[document], score: vectors.innerProduct(query, row: document))
        }
      }
    }
    return rankings.compactMap { $0 }
  }
}
