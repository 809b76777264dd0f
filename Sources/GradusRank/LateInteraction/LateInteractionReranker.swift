import GradusCore
import GradusIndex
import GradusModels
import GradusText

/// Re-ranks by late interaction: exact MaxSim of the query's and the candidates' token vectors.
///
///     let reranker = LateInteractionReranker(encoder)
///
/// With an index, documents' vectors are those that it holds, decompressed; a document that it does not have is encoded.
public struct LateInteractionReranker: MeteredReranker {
  private let encoder: LateInteractionEncoder
  private let index: TokenIndex?

  public init(_ encoder: LateInteractionEncoder) {
    self.encoder = encoder
    index = nil
  }

  /// - Parameter fingerprint: Of the encoder; must be that of the index.
  /// - Throws: `VectorIndexError.encoderMismatch`.
  public init(_ encoder: LateInteractionEncoder, index: TokenIndex, fingerprint: EncoderFingerprint) throws {
    guard fingerprint.isCompatible(with: index.configuration.encoder) else {
      throw VectorIndexError.encoderMismatch(path: index.path, found: fingerprint, expected: index.configuration.encoder)
    }
    self.encoder = encoder
    self.index = index
  }

  public var scoreKind: ScoreKind { .dotProduct }

  /// A candidate as late interaction reads it.
  public enum Read: Sendable {
    case input(TokenizedInput)
    /// Of the index, with the number of its tokens.
    case stored(docno: String, tokens: Int)
  }

  public func read(_ candidate: Candidate, for query: Query) throws -> Read {
    let docno = candidate.document.docno
    if let tokens = try index?.tokenCount(docno: docno) { return .stored(docno: docno, tokens: tokens) }
    return .input(try encoder.read([candidate.document.contents], as: .document)[0])
  }

  public func tokens(of read: Read) -> Int {
    switch read {
    case .input(let input): input.ids.count
    case .stored(_, let tokens): tokens
    }
  }

  public func scores(of candidates: [Candidate], for query: Query) throws -> [CandidateScore] {
    try scores(ofRead: candidates.map { try read($0, for: query) }, for: query)
  }

  /// Encodes the query once a call; a candidate without tokens scores 0.
  public func scores(ofRead read: [Read], for query: Query) throws -> [CandidateScore] {
    let asked = try encoder.read([query.text], as: .query)
    let vectors = try encoder.encode(read: asked, as: .query)[0]
    let cut = asked[0].truncatedTokens
    var results = [CandidateScore](repeating: CandidateScore(score: 0, truncatedTokens: cut), count: read.count)
    var inputs: [(place: Int, input: TokenizedInput)] = []
    var stored: [(place: Int, docno: String)] = []
    for (place, candidate) in read.enumerated() {
      switch candidate {
      case .input(let input): inputs.append((place, input))
      case .stored(let docno, _): stored.append((place, docno))
      }
    }
    let encoded = TokenVectors(try encoder.encode(read: inputs.map(\.input), as: .document), dimension: encoder.dimension)
    for (own, score) in zip(inputs, encoded.scores(MaxSimQuery(tokens: vectors, dimension: encoder.dimension))) {
      results[own.place] = CandidateScore(score: Double(score), truncatedTokens: cut + own.input.truncatedTokens)
    }
    for (own, score) in zip(stored, try index?.scores(vectors, docnos: stored.map(\.docno)) ?? []) {
      results[own.place] = CandidateScore(score: score ?? 0, truncatedTokens: cut)
    }
    return results
  }
}
