import GradusCore
import GradusIndex
import GradusModels
import GradusText

/// Re-ranks by TILDEv2's stored weights: no network at query time, the query is only tokenized (Zhuang and Zuccon, 2021).
///
///     let index = try ImpactIndex(path: "faq.tildev2")
///     let reranker = TILDEv2Reranker(index: index, tokenizer: tokenizer)
///     let result = try reranker.rerank(group, depth: 1000)
///
/// A candidate's score is the sum over the query's tokens, repeats counted, of the weight that the index holds for the token.
/// Candidates that match nothing, all of them where the query has only stop words, keep their order below the others: their
/// scores are at most 0, by their rank in the first stage.
public struct TILDEv2Reranker: MeteredReranker {
  public let index: ImpactIndex
  private let encoder: TokenQueryEncoder

  /// - Parameters:
  ///   - tokenizer: That of the model which made the index (``ImpactIndex/requireVocabulary(of:name:)``).
  ///   - maximumQueryTokens: Special tokens included, as the paper counts; nil for what the index says.
  public init(index: ImpactIndex, tokenizer: any InputTokenizer, maximumQueryTokens: Int? = nil) {
    self.index = index
    encoder = TokenQueryEncoder(
      tokenizer: tokenizer, stops: StopTokens(tokenizer).matching,
      maximumTokens: (maximumQueryTokens ?? index.configuration.maximumQueryTokens ?? Int.max) - 2)
  }

  public var scoreKind: ScoreKind { .termWeights }

  /// - Throws: `IndexError.unknownDocno` for a candidate that the index does not hold.
  public func scores(of candidates: [Candidate], for query: Query) throws -> [CandidateScore] {
    try scores(ofRead: try candidates.map { try read($0, for: query) }, for: query)
  }

  /// Where a candidate's score is found.
  public struct Place: Sendable {
    let docno: String
    let rank: Int
  }

  public func read(_ candidate: Candidate, for query: Query) throws -> Place {
    Place(docno: candidate.document.docno, rank: candidate.firstStageRank ?? 0)
  }

  /// 1: nothing is read of a candidate but its weights.
  public func tokens(of read: Place) -> Int { 1 }

  public func scores(ofRead read: [Place], for query: Query) throws -> [CandidateScore] {
    let scores = try index.score(encoder.terms(of: [query])[0], docnos: read.map(\.docno))
    return zip(read, scores).map { place, score in
      CandidateScore(score: score > 0 ? score : -Double(place.rank) * Self.step)
    }
  }

  /// Between two candidates without a match: a power of two, so that distances stay exact.
  private static let step = 0x1p-20
}
