import GradusCore

/// A run that names a query or a document which the topics or the collection do not hold.
public enum CandidateError: GradusError, Equatable {
  case unknownQuery(qid: String)
  case unknownDocument(qid: String, docno: String)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .unknownQuery(let qid): "query \(qid) is in the run but not in the topics; give the topics that the run was made from"
    case .unknownDocument(let qid, let docno):
      "query \(qid): document \(docno) is in the run but not in the collection; give the collection that the run was made from"
    }
  }
}

extension Run {
  /// The run's first `depth` documents of each query with their texts, labels where `qrels` are given.
  ///
  /// - Parameters:
  ///   - queries: Must hold every query of the run.
  ///   - document: The text of a docno, nil where the collection does not hold it.
  /// - Throws: ``CandidateError``.
  public func candidateGroups(
    queries: [Query], depth: Int, qrels: Qrels? = nil, document: (String) throws -> Document?
  ) throws -> [CandidateGroup] {
    let byQid = Dictionary(queries.map { ($0.qid, $0) }, uniquingKeysWith: { first, _ in first })
    return try rankings.map { ranking in
      guard let query = byQid[ranking.qid] else { throw CandidateError.unknownQuery(qid: ranking.qid) }
      let candidates = try ranking.documents.prefix(max(0, depth)).enumerated().map { position, scored in
        guard let text = try document(scored.docno) else {
          throw CandidateError.unknownDocument(qid: ranking.qid, docno: scored.docno)
        }
        return Candidate(
          document: text, firstStageRank: position + 1, firstStageScore: scored.score,
          label: qrels?.grade(qid: ranking.qid, docno: scored.docno))
      }
      return CandidateGroup(query: query, candidates: candidates)
    }
  }
}
