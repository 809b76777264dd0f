import GradusCore
import GradusModels

/// Scores long documents by their passages: the base scores every window, an aggregation makes the document's score.
///
///     let reranker = PassageReranker(base: PairReranker(scorer), windows: PassageWindows(), aggregation: .maximum)
///
/// The title goes with every passage. Cost: the base's for all windows, with a stride of half a window about twice the words
/// of the documents. A document of one window has the base's score for it, whatever the aggregation.
///
/// Where passages left the base early, a document stands where its best passage does (or its first), with that one's score: a
/// passage that was read to the end says more than one that left as not relevant, whatever the scores. Such scores do not add up.
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
    return try aggregated(base.scores(of: passages.flatMap(\.self), for: query), counts: passages.map(\.count))
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
  ///
  /// - Throws: `ModelError.exitsDoNotAdd`.
  private func aggregated(_ scores: [CandidateScore], counts: [Int]) throws -> [CandidateScore] {
    var start = 0
    return try counts.map { count in
      defer { start += count }
      let own = scores[start..<start + count]
      let cut = own.reduce(0) { $0 + $1.truncatedTokens }
      guard own.contains(where: { $0.exit != nil }) else {
        return CandidateScore(score: aggregation.score(of: own.map(\.score)), truncatedTokens: cut)
      }
      guard aggregation.picksOne else { throw ModelError.exitsDoNotAdd }
      let others = aggregation == .first ? [] : own.dropFirst()
      let best = others.reduce(own[start]) { $1.isBetter(than: $0) ? $1 : $0 }
      return CandidateScore(score: best.score, truncatedTokens: cut, exit: best.exit)
    }
  }
}

extension PassageReranker: MeteredReranker where Base: MeteredReranker {
  public func read(_ candidate: Candidate, for query: Query) throws -> [Base.Read] {
    try passages(of: candidate).map { try base.read($0, for: query) }
  }

  public func tokens(of read: [Base.Read]) -> Int { read.reduce(0) { $0 + base.tokens(of: $1) } }

  public func scores(ofRead read: [[Base.Read]], for query: Query) throws -> [CandidateScore] {
    try aggregated(base.scores(ofRead: read.flatMap(\.self), for: query), counts: read.map(\.count))
  }
}
