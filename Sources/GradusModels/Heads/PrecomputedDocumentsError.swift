import GradusCore

/// Why states of documents cannot be used.
public enum PrecomputedDocumentsError: GradusError, Equatable {
  /// The states are another model's: other weights, join layer, query length or precision. `path` is empty in memory.
  case otherModel(path: String)
  /// No file of states, or one of a version that is not read.
  case format(path: String, reason: String)
  /// The file ends early, or its bytes are not those that were written.
  case damaged(path: String, reason: String)
  /// The model computes query and document together in all layers, or runs without packed weights.
  case notSplit

  public var failureKind: FailureKind {
    switch self {
    case .notSplit: .usage
    case .otherModel, .format, .damaged: .badData
    }
  }

  public var description: String {
    switch self {
    case .otherModel(let path):
      "\(path.isEmpty ? "states of documents" : path): computed by another model, or with another precision or query length; "
        + "compute them again with the model that is to read them"
    case .format(let path, let reason): "\(path): \(reason)"
    case .damaged(let path, let reason): "\(path): \(reason); the file is cut short or damaged, compute it again"
    case .notSplit:
      "there is nothing of a document to compute beforehand: the model needs a join layer from 1 up and packed weights"
    }
  }
}
