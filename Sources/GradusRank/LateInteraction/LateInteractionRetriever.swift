import GradusCore
import GradusIndex
import GradusModels

/// Late interaction from a stored index: queries are encoded token by token, documents were.
///
///     let retriever = try LateInteractionRetriever(
///       encoder: encoder, fingerprint: fingerprint, index: TokenIndex(path: "faq.tokens"))
///     let rankings = try retriever.retrieve(queries, depth: 100)
public struct LateInteractionRetriever: Retriever {
  public enum Strategy: Sendable, Hashable {
    /// Centroids choose which documents are decompressed and scored.
    case pruned(TokenSearchOptions)
    /// All documents are.
    case exhaustive
  }

  public let index: TokenIndex
  public var strategy: Strategy
  /// Documents that may be found, of this index; nil for all.
  public var filter: DocumentSet?
  private let encoder: LateInteractionEncoder

  /// - Parameter fingerprint: Of the encoder; must be that of the index.
  /// - Throws: `VectorIndexError.encoderMismatch`.
  public init(
    encoder: LateInteractionEncoder, fingerprint: EncoderFingerprint, index: TokenIndex,
    strategy: Strategy = .pruned(TokenSearchOptions())
  ) throws {
    guard fingerprint.isCompatible(with: index.configuration.encoder) else {
      throw VectorIndexError.encoderMismatch(path: index.path, found: fingerprint, expected: index.configuration.encoder)
    }
    self.encoder = encoder
    self.index = index
    self.strategy = strategy
  }

  /// A sum of cosines, of as many as the query has tokens.
  public var scoreKind: ScoreKind { .dotProduct }

  public func retrieve(_ queries: [Query], depth: Int) throws -> [Ranking] {
    zip(queries, try search(queries, depth: depth)).map { $1.ranking(qid: $0.qid) }
  }

  /// The token vectors that searches compare, one after the other for each query.
  public func vectors(of queries: [Query]) throws -> [[Float]] { try encoder.encode(queries.map(\.text), as: .query).vectors }

  /// The results with what each search looked at.
  public func search(_ queries: [Query], depth: Int) throws -> [TokenSearchResult] {
    let vectors = try vectors(of: queries)
    switch strategy {
    case .pruned(let options): return try index.search(vectors, k: depth, options: options, filter: filter)
    case .exhaustive:
      let scored = filter?.count ?? index.count
      return try index.exhaustive(vectors, k: depth, filter: filter).map {
        TokenSearchResult(documents: $0, touchedDocuments: scored, scoredDocuments: scored)
      }
    }
  }
}

extension EncoderFingerprint {
  /// The fingerprint of an encoder as it makes the vectors of documents' tokens.
  public init(name: String, folder: ModelFolder, encoder: LateInteractionEncoder) throws {
    self.init(name: name, digest: try folder.weightsDigest(of: encoder.weightFiles), settings: encoder.settings)
  }
}
