import GradusCore

/// A weighted document, a query or a folder that an impact index refuses. Damaged and missing files are ``IndexError`` and
/// `FileError`.
public enum ImpactIndexError: GradusError, Equatable {
  /// Negative, not a number or infinite.
  case invalidWeight(docno: String, term: String, weight: Double)
  case duplicateTerm(docno: String, term: String)
  case emptyTerm(docno: String)
  /// A query's weight is negative or not finite.
  case invalidQueryWeight(term: String, weight: Double)
  /// The folder holds an index of another kind.
  case otherIndex(path: String)
  /// The query's terms would be made otherwise than the documents' were.
  case vocabularyMismatch(path: String, found: EncoderFingerprint, expected: EncoderFingerprint)

  public var failureKind: FailureKind {
    switch self {
    case .invalidWeight, .duplicateTerm, .emptyTerm: .badData
    case .invalidQueryWeight, .otherIndex, .vocabularyMismatch: .usage
    }
  }

  public var description: String {
    switch self {
    case .invalidWeight(let docno, let term, let weight):
      "document '\(docno)': the weight of term '\(term)' is \(weight); expected a finite number from 0 up"
    case .duplicateTerm(let docno, let term): "document '\(docno)': term '\(term)' has two weights; give it one"
    case .emptyTerm(let docno): "document '\(docno)': a weight belongs to a term without letters"
    case .invalidQueryWeight(let term, let weight):
      "the query's weight of term '\(term)' is \(weight); expected a finite number from 0 up"
    case .otherIndex(let path):
      "\(path): holds an index of another kind; give another folder or remove it"
    case .vocabularyMismatch(let path, let found, let expected):
      "\(path): was made with the terms of \(expected), the query's are of \(found); give the model that made the index"
    }
  }
}
