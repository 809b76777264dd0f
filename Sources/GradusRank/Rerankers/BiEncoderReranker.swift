import GradusCore
import GradusModels

/// Re-ranks by the similarity of separately encoded query and document: what an encoder knows without any training here.
///
///     let reranker = BiEncoderReranker(try BiEncoder(folder: ModelFolder(path: "models/minilm-l6")))
///
/// `@unchecked Sendable`: the encoder's weights do not change while it is used to score.
public struct BiEncoderReranker: Reranker, @unchecked Sendable {
  private let encoder: BiEncoder

  public init(_ encoder: BiEncoder) { self.encoder = encoder }

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
    var positions: [String: Int] = [:]
    var texts: [String] = []
    for group in groups {
      for candidate in group.candidates.prefix(max(0, depth)) where positions[candidate.document.docno] == nil {
        positions[candidate.document.docno] = texts.count
        texts.append(candidate.document.contents)
      }
    }
    let documents = try encoder.encode(texts, progress: progress)
    let queries = try encoder.encode(groups.map(\.query.text), progress: progress)
    return zip(groups.indices, groups).map { index, group in
      group.candidates.prefix(max(0, depth)).map { candidate in
        let position = positions[candidate.document.docno] ?? 0
        return CandidateScore(
          score: innerProduct(queries.vectors[index], documents.vectors[position], 0),
          truncatedTokens: queries.truncatedTokens[index] + documents.truncatedTokens[position])
      }
    }
  }
}
