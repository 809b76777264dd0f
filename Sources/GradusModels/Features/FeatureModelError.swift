import GradusCore

/// Why a ranker of features cannot be used, loaded or saved.
public enum FeatureModelError: GradusError, Equatable {
  /// A row has another number of features than the model was trained on.
  case features(expected: Int, found: Int)
  /// The scorer was given no such row.
  case unknownRow(qid: String, docno: String)
  /// The folder holds no model of features.
  case noModel(folder: String)
  /// `ltr.json` is none, or contradicts itself.
  case manifest(file: String, reason: String)

  public var failureKind: FailureKind {
    switch self {
    case .noModel: .missingInput
    default: .badData
    }
  }

  public var description: String {
    switch self {
    case .features(let expected, let found): "the model was trained on \(expected) features, a row has \(found)"
    case .unknownRow(let qid, let docno):
      "document \(docno) of query \(qid) has no features; give the ranker the rows of all queries"
    case .noModel(let folder): "\(folder): holds no \(FeatureModel.manifestName); 'gradus ltr train' makes such a folder"
    case .manifest(let file, let reason): "\(file): \(reason)"
    }
  }
}
