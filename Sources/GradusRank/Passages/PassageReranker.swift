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
    let passages = candidates.map(passages(of:))
    return aggregated(try base.scores(of: passages.flatMap(\.self), for: query), counts: passages.map(\.count))
  }

  private func passages(of candidate: Candidate) -> [Candidate] {
    let document = candidate.document
    return windows.passages(of: document.text, atMost: aggregation == .first ? 1 : .max).map { text in
      Candidate(
        document: Document(docno: document.docno, title: document.title, text: text, metadata: document.metadata),
        firstStageRank: candidate.firstStageRank, firstStageScore: candidate.firstStageScore)
    }
  }

  /// One score for each document from those of its passages, which follow one another.
  private func aggregated(_ scores: [CandidateScore], counts: [Int]) -> [CandidateScore] {
    var start = 0
    return counts.map { count in
      defer { start += count }
      let own = scores[start..<start + count]
      return CandidateScore(
        score: aggregation.score(of: own.map(\.score)), truncatedTokens: own.reduce(0) { $0 + $1.truncatedTokens })
    }
  }
}

extension PassageReranker: MeteredReranker where Base: MeteredReranker {
  public func read(_ candidate: Candidate, for query: Query) throws -> [Base.Read] {
    try passages(of: candidate).map { try base.read($0, for: query) }
  }

  public func tokens(of read: [Base.Read]) -> Int { read.reduce(0) { $0 + base.tokens(of: $1) } }

  public func scores(ofRead read: [[Base.Read]], for query: Query) throws -> [CandidateScore] {
    aggregated(try base.scores(ofRead: read.flatMap(\.self), for: query), counts: read.map(\.count))
  }
}
