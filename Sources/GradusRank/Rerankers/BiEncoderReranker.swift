import GradusCore
import GradusIndex
import GradusModels

/// Re-ranks by the similarity of separately encoded query and document: what an encoder knows without any training here.
///
///     let reranker = BiEncoderReranker(try BiEncoder(folder: ModelFolder(path: "models/minilm-l6")))
///
/// `@unchecked Sendable`: the encoder's weights do not change while it is used to score.
public struct BiEncoderReranker: Reranker, @unchecked Sendable {
  private let encoder: BiEncoder
  private let queryPrompt: PromptChoice
  private let documentPrompt: PromptChoice
  /// Where documents' vectors are taken from instead of being made.
  private let stored: (any VectorsByDocno)?

  /// Takes documents' vectors from an index by docno; a document that it does not have is encoded.
  ///
  /// - Parameter fingerprint: Of the encoder; must be that of the vectors, where they have one.
  /// - Throws: `VectorIndexError.encoderMismatch`, `VectorIndexError.wrongQueryDimension`.
  public init(
    _ encoder: BiEncoder, vectors: any VectorsByDocno, fingerprint: EncoderFingerprint, queryPrompt: PromptChoice = .query,
    documentPrompt: PromptChoice = .document
  ) throws {
    if let expected = vectors.encoder, !fingerprint.isCompatible(with: expected) {
      throw VectorIndexError.encoderMismatch(path: "stored vectors", found: fingerprint, expected: expected)
    }
    guard vectors.dimension == encoder.dimension else {
      throw VectorIndexError.wrongQueryDimension(found: encoder.dimension, expected: vectors.dimension)
    }
    self.encoder = encoder
    self.queryPrompt = queryPrompt
    self.documentPrompt = documentPrompt
    stored = vectors
  }

  public init(_ encoder: BiEncoder, queryPrompt: PromptChoice = .query, documentPrompt: PromptChoice = .document) {
    self.encoder = encoder
    self.queryPrompt = queryPrompt
    self.documentPrompt = documentPrompt
    stored = nil
  }

  public var scoreKind: ScoreKind { encoder.scoreKind }

  public func scores(of candidates: [Candidate], for query: Query) throws -> [CandidateScore] {
    try rerankScores([CandidateGroup(query: query, candidates: candidates)], depth: candidates.count)[0]
  }

  /// Re-ranks several groups; every document is encoded once, however many queries ask for it.
  ///
  /// - Parameter progress: Called with the number of texts encoded since the last call.
  public func rerank(
    _ groups: [CandidateGroup], depth: Int = 100, progress: (Int) -> Void = { _ in }
  ) throws -> [RerankedGroup] {
    let scores = try rerankScores(groups, depth: depth, progress: progress)
    return try zip(groups, scores).map { group, own in
      try KnownScores(scoreKind: scoreKind, scores: own).rerank(group, depth: depth)
    }
  }

  private func rerankScores(
    _ groups: [CandidateGroup], depth: Int, progress: (Int) -> Void = { _ in }
  ) throws -> [[CandidateScore]] {
    // By text, not by docno: two groups may come from two collections.
    var positions: [String: Int] = [:]
    var texts: [String] = []
    var known: [String: [Float]] = [:]
    let rows = try groups.map { group in
      try group.candidates.prefix(max(0, depth)).map { candidate -> Place in
        let docno = candidate.document.docno
        if known[docno] != nil { return .stored(docno) }
        if let vector = try stored?.vector(docno: docno) {
          known[docno] = vector
          return .stored(docno)
        }
        let text = candidate.document.contents
        if let position = positions[text] { return .encoded(position) }
        positions[text] = texts.count
        texts.append(text)
        return .encoded(texts.count - 1)
      }
    }
    let documents = try encoder.encode(texts, prompt: documentPrompt, progress: progress)
    let queries = try encoder.encode(groups.map(\.query.text), prompt: queryPrompt, progress: progress)
    return rows.indices.map { index in
      rows[index].map { place in
        switch place {
        case .stored(let docno):
          CandidateScore(
            score: innerProduct(queries.vectors[index], known[docno] ?? []), truncatedTokens: queries.truncatedTokens[index])
        case .encoded(let row):
          CandidateScore(
            score: innerProduct(queries.vectors[index], documents.vectors[row]),
            truncatedTokens: queries.truncatedTokens[index] + documents.truncatedTokens[row])
        }
      }
    }
  }

  /// Where the vector of a candidate is.
  private enum Place {
    case stored(String)
    case encoded(Int)
  }
}
