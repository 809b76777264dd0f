import GradusCore

/// A pipeline that cannot be run as it is, or a stage that returned what it must not.
public enum PipelineError: GradusError, Equatable {
  case notFinite(stage: String, qid: String, docno: String)
  case duplicateDocument(stage: String, qid: String, docno: String)
  case duplicateQuery(qid: String)
  /// A stage answered for another number of values than it was given.
  case valueCount(stage: String, given: Int, found: Int)
  /// A stage answered for another query than it was asked.
  case otherQuery(stage: String, asked: String, found: String)
  case unknownDocument(stage: String, qid: String, docno: String)
  case outOfRange(stage: String, name: String, found: String, expected: String)
  /// A stage that reads features was given a list with another number of them.
  case featureCount(stage: String, qid: String, expected: Int, found: Int)
  case cancelled(done: String)
  case duplicateName(String)
  case noPipelines
  /// A description of a plan that is none.
  case plan(String)

  public var failureKind: FailureKind {
    switch self {
    case .notFinite, .duplicateDocument, .duplicateQuery, .unknownDocument, .plan: .badData
    case .outOfRange, .featureCount, .duplicateName, .noPipelines: .usage
    case .valueCount, .otherQuery, .cancelled: .failed
    }
  }

  public var description: String {
    switch self {
    case .notFinite(let stage, let qid, let docno):
      "\(stage), query \(qid): the score or a feature of document \(docno) is not a finite number; check the stage's model"
    case .duplicateDocument(let stage, let qid, let docno):
      "\(stage), query \(qid): document \(docno) is listed twice; a list holds each document once"
    case .duplicateQuery(let qid): "query \(qid) is given twice; each qid may stand once in the topics"
    case .valueCount(let stage, let given, let found): "\(stage) was given \(given) values and returned \(found)"
    case .otherQuery(let stage, let asked, let found): "\(stage) was asked for query \(asked) and answered for \(found)"
    case .unknownDocument(let stage, let qid, let docno):
      "\(stage), query \(qid): the collection has no document \(docno); give the stage the collection that was searched"
    case .outOfRange(let stage, let name, let found, let expected): "\(stage): \(name) must be \(expected), found \(found)"
    case .featureCount(let stage, let qid, let expected, let found):
      "\(stage), query \(qid): expected \(expected) features, found \(found); make them with **"
    case .cancelled(let done): "cancelled \(done)"
    case .duplicateName(let name): "two pipelines are named '\(name)'; give each one its own name"
    case .noPipelines: "no pipeline given; name at least one"
    case .plan(let problem): "not the description of a plan: \(problem)"
    }
  }
}
