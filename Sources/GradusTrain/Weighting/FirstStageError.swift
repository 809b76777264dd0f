import GradusCore

/// Why a first-stage run cannot say how hard a sample is.
public enum FirstStageError: GradusError, Equatable {
  case emptyRun
  case emptyRanking(qid: String)
  case duplicateDocument(qid: String, docno: String)
  case scoreNotFinite(qid: String, docno: String)
  /// A sample's query is not in the run.
  case queryNotInRun(qid: String)
  /// A heuristic needs the score of a document that the run does not hold, and nobody was named who knows it.
  case documentOutsideRun(qid: String, docno: String)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .emptyRun: "the first-stage run is empty; give the run of the training queries"
    case .emptyRanking(let qid): "query \(qid) has no documents in the first-stage run; leave it out of the training set"
    case .duplicateDocument(let qid, let docno): "query \(qid) lists document \(docno) twice in the first-stage run"
    case .scoreNotFinite(let qid, let docno): "query \(qid): the first-stage score of document \(docno) is not a finite number"
    case .queryNotInRun(let qid): "query \(qid) is not in the first-stage run; retrieve for all training queries first"
    case .documentOutsideRun(let qid, let docno):
      "query \(qid): document \(docno) is not in the first-stage run and its score is needed; "
        + "name the first-stage scorer, or use the reciprocal-rank heuristic"
    }
  }
}
