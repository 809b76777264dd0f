import GradusCore
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
  private let docnos: [String]
  /// `[documents * dimension]`, a document after the other.
  private let vectors: [Float]
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
    docnos = documents.map(\.docno)
    let encoded = try encoder.encode(documents.map(\.contents), prompt: documentPrompt, progress: progress)
    vectors = encoded.vectors.flatMap { $0 }
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
        slots[position] = Ranking(qid: queries[position].qid, bestOf: docnos.count, depth: depth) { document in
          ScoredDocument(docno: docnos[document], score: innerProduct(query, vectors, document * query.count))
        }
      }
    }
    return rankings.compactMap { $0 }
  }
}

/// Sum of products in eight fixed lanes, so that the bits do not depend on how the loop is compiled.
func innerProduct(_ query: [Float], _ vectors: [Float], _ start: Int) -> Double {
  query.withUnsafeBufferPointer { query in
    vectors.withUnsafeBufferPointer { vectors in
      var lanes = SIMD8<Float>(repeating: 0)
      let whole = query.count / 8 * 8
      for base in stride(from: 0, to: whole, by: 8) {
        var left = SIMD8<Float>()
        var right = SIMD8<Float>()
        for lane in 0..<8 {
          left[lane] = query[base + lane]
          right[lane] = vectors[start + base + lane]
        }
        lanes += left * right
      }
      var sum = Double(lanes.sum())
      for position in whole..<query.count { sum += Double(query[position] * vectors[start + position]) }
      return sum
    }
  }
}
