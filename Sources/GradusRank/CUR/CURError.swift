import GradusCore

/// What a CUR index refuses.
public enum CURError: GradusError, Equatable {
  case noAnchorQueries
  /// No anchors, more than there are items, the same twice, or numbers of no item.
  case anchorItems(count: Int, items: Int)
  case unknownAnchor(docno: String)
  case scoreCount(found: Int, expected: Int)
  case scoreNotFinite
  /// Asked twice, the scorer gave two answers.
  case notDeterministic(qid: String)
  case budget(found: Int, anchors: Int)
  case rounds(Int)
  /// Scores that were stored for another scorer, other items or other anchor queries.
  case otherScores(path: String, what: String)

  public var failureKind: FailureKind {
    switch self {
    case .scoreNotFinite, .notDeterministic, .scoreCount, .otherScores: .badData
    default: .usage
    }
  }

  public var description: String {
    switch self {
    case .noAnchorQueries: "no anchor queries; give some training queries"
    case .anchorItems(let count, let items): "\(count) anchor items of \(items) items; expected between 1 and all, each once"
    case .unknownAnchor(let docno): "no item '\(docno)' to be an anchor"
    case .scoreCount(let found, let expected): "scores of \(found) items, expected \(expected)"
    case .scoreNotFinite: "the scorer gave NaN or an infinite score"
    case .notDeterministic(let qid): "query \(qid): the scorer gave two scores for one pair; turn dropout off"
    case .rounds(let found): "\(found) rounds; expected at least 1"
    case .otherScores(let path, let what): "\(path): holds the scores of \(what); name another file to compute them again"
    case .budget(let found, let anchors): "a budget of \(found) calls is used up by \(anchors) anchors; give more"
    }
  }
}
