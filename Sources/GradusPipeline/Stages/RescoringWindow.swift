import GradusCore
import GradusRank

/// The head of a list, which gets new scores, and the tail, which stays behind it.
struct RescoringWindow {
  let list: RankedList
  let top: Int
  let stage: String

  init(_ list: RankedList, top: Int, stage: String) {
    self.list = list
    self.top = min(max(0, top), list.documents.count)
    self.stage = stage
  }

  /// The head with its texts; ranks and scores are those of the list.
  func group(_ source: some DocumentSource) throws -> CandidateGroup {
    let candidates = try list.documents.prefix(top).enumerated().map { position, scored in
      guard let document = try source.document(docno: scored.docno) else {
        throw PipelineError.unknownDocument(stage: stage, qid: list.query.qid, docno: scored.docno)
      }
      return Candidate(document: document, firstStageRank: position + 1, firstStageScore: scored.score)
    }
    return CandidateGroup(query: list.query, candidates: candidates)
  }

  /// The list with the head re-scored, and the tokens that were cut off. Texts of the tail are not read. Features stay with
  /// their documents. Where candidates left the model early, scores are numbers that order as it did, of unknown kind.
  func rescored(by reranker: some Reranker, documents: some DocumentSource) throws -> (RankedList, Int) {
    let group = try group(documents)
    let scores = try reranker.scores(of: group.candidates, for: list.query)
    guard scores.count == top else { throw PipelineError.valueCount(stage: stage, given: top, found: scores.count) }
    var rescored = list.documents
    for (position, score) in scores.enumerated() where !score.score.isFinite {
      throw PipelineError.notFinite(stage: stage, qid: list.query.qid, docno: rescored[position].docno)
    }
    let numbers = StandingScores.numbers(scores, of: group.candidates)
    for (position, number) in numbers.enumerated() {
      rescored[position] = ScoredDocument(docno: rescored[position].docno, score: number)
    }
    let lowest = numbers.min()
    let tail = RerankedTail.scores(below: lowest, count: list.documents.count - top)
    for (distance, score) in tail.enumerated() {
      rescored[top + distance] = ScoredDocument(docno: rescored[top + distance].docno, score: score)
    }
    let isWhole = scores.allSatisfy { $0.exit == nil }
    let result = try RankedList(
      query: list.query, scoreKind: isWhole ? reranker.scoreKind : .unknown, documents: rescored,
      featureNames: list.featureNames, features: list.features, stage: stage)
    return (result, scores.reduce(0) { $0 + $1.truncatedTokens })
  }
}
