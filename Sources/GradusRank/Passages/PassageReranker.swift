import GradusCore

/// Scores long documents by their passages: the base scores every window, an aggregation makes the document's score.
///
///     let reranker = PassageReranker(base: PairReranker(scorer), windows: PassageWindows(), aggregation: .maximum)
///
/// The title goes with every passage. Cost: the base's for all windows, with a stride of half a window about twice the words
/// of the documents. A document of one window has the base's score for it, whatever the aggregation.
public struct PassageReranker<Base: Reranker>: Reranker {
  public let base: Base
  public let windows: PassageWindows
  public let aggregation: PassageAggregation

  public init(base: Base, windows: PassageWindows = PassageWindows(), aggregation: PassageAggregation = .maximum) {
    self.base = base
    self.windows = windows
    self.aggregation = aggregation
  }

  /// A sum of logits is no logit.
  public var scoreKind: ScoreKind { aggregation == .sum ? .unknown : base.scoreKind }

  public func scores(of candidates: [Candidate], for query: Query) throws -> [CandidateScore] {
    var passages: [Candidate] = []
    let ends = candidates.map { candidate in
      let document = candidate.document
      for text in windows.passages(of: document.text, atMost: aggregation == .first ? 1 : .max) {
        passages.append(
          Candidate(
            document: Document(docno: document.docno, title: document.title, text: text, metadata: document.metadata),
            firstStageRank: candidate.firstStageRank, firstStageScore: candidate.firstStageScore))
      }
      return passages.count
    }
    let scores = try base.scores(of: passages, for: query)
    var start = 0
    return ends.map { end in
      defer { start = end }
      let own = scores[start..<end]
      return CandidateScore(
        score: aggregation.score(of: own.map(\.score)), truncatedTokens: own.reduce(0) { $0 + $1.truncatedTokens })
    }
  }
}
