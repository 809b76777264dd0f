import GradusCore
import GradusModels

/// Re-ranks with a pair scorer: a cross-encoder or an interaction ranker.
///
///     let reranker = PairReranker(try RankingModel(folder: ModelFolder(path: "my-ranker")).scorer)
///     let result = try reranker.rerank(group, depth: 100)
///
/// `@unchecked Sendable`: the model's weights do not change while it is used to score, and scoring writes nothing.
public struct PairReranker: MeteredReranker, @unchecked Sendable {
  private let scorer: any PairScorer

  public init(_ scorer: any PairScorer) { self.scorer = scorer }

  public var scoreKind: ScoreKind { .logit }

  public func scores(of candidates: [Candidate], for query: Query) throws -> [CandidateScore] {
    try scorer.rankingScores(candidates.map { ScoringPair(query: query, document: $0.document) })
  }

  public func read(_ candidate: Candidate, for query: Query) throws -> ReadPair {
    try scorer.read(ScoringPair(query: query, document: candidate.document))
  }

  public func tokens(of read: ReadPair) -> Int { read.tokens }

  public func scores(ofRead read: [ReadPair], for query: Query) throws -> [CandidateScore] {
    try scorer.rankingScores(read: read)
  }

  /// Re-ranks several groups with their pairs batched together across queries, which is faster than group by group and
  /// gives the same bits.
  ///
  /// - Parameter progress: Called with the number of pairs scored since the last call.
  public func rerank(
    _ groups: [CandidateGroup], depth: Int = 100, progress: (Int) -> Void = { _ in }
  ) throws -> [RerankedGroup] {
    let pairs = groups.flatMap { group in
      group.candidates.prefix(max(0, depth)).map { ScoringPair(query: group.query, document: $0.document) }
    }
    let scores = try scorer.rankingScores(pairs, progress: progress)
    var start = 0
    return try groups.map { group in
      let count = min(max(0, depth), group.candidates.count)
      defer { start += count }
      return try KnownScores(scoreKind: scoreKind, scores: Array(scores[start..<start + count])).rerank(group, depth: depth)
    }
  }
}

/// Scores that were computed elsewhere, in the order of the candidates.
struct KnownScores: Reranker {
  let scoreKind: ScoreKind
  let scores: [CandidateScore]

  func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] { scores }
}
