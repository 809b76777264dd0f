import GradusCore

/// The second stage: gives each candidate of a query a new score from the texts.
public protocol Reranker: Sendable {
  var scoreKind: ScoreKind { get }

  /// Scores of `candidates` for `query`, in input order. A pointwise reranker's score depends on its pair alone: not on
  /// the other candidates, not on the batch, not on the number of threads.
  func scores(of candidates: [Candidate], for query: Query) throws -> [CandidateScore]
}

/// A re-ranked group with what the model did not get to see.
public struct RerankedGroup: Sendable, Equatable {
  public let group: CandidateGroup
  public let ranking: Ranking
  /// Candidates that were re-scored; the rest follows in its old order.
  public let rescoredCount: Int
  /// Tokens cut off, summed over the re-scored candidates.
  public let truncatedTokens: Int
  /// Re-scored candidates of which something was cut off.
  public let truncatedCandidates: Int
}

extension Reranker {
  /// Re-scores the first `depth` candidates; the tail keeps its order and can never overtake the re-scored head.
  ///
  /// The head is ordered by the tie rule. A tail document's score is the head's lowest score minus its distance from the
  /// head (``RerankedTail``), so that the ranking survives being written to a run file and read again.
  public func rerank(_ group: CandidateGroup, depth: Int = 100) throws -> RerankedGroup {
    var order = RescoredOrder(group.candidates)
    order.apply(try scores(of: order.top(min(max(0, depth), group.candidates.count)), for: group.query))
    return order.group(for: group.query)
  }
}
