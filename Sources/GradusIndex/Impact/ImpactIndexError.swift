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
  /// Weights are to be added that another model made than those of the index; nil for imported ones.
  case encoderMismatch(path: String, found: EncoderFingerprint?, expected: EncoderFingerprint?)
  /// Weights are to be added to an index that was built of documents without any.
  case noScale(path: String)
  /// A greatest weight that is not above 0.
  case invalidGreatestWeight(Float)
  /// The query's terms would be made otherwise than the documents' were.
  case vocabularyMismatch(path: String, found: EncoderFingerprint, expected: EncoderFingerprint)

  public var failureKind: FailureKind {
    switch self {
    case .invalidWeight, .duplicateTerm, .emptyTerm: .badData
    case .invalidQueryWeight, .otherIndex, .vocabularyMismatch, .encoderMismatch, .noScale, .invalidGreatestWeight: .usage
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
    case .encoderMismatch(let path, let found, let expected):
      "\(path): holds weights of \(Self.name(expected)), got weights of \(Self.name(found)); make them as those of the index, or "
        + "build the index again"
    case .noScale(let path):
      "\(path): was built of documents without weights, so it knows no greatest one; build it again, or with a greatest weight"
    case .invalidGreatestWeight(let weight):
      "the greatest weight is \(weight); expected a finite number above 0"
    case .vocabularyMismatch(let path, let found, let expected):
      "\(path): was made with the terms of \(expected), the query's are of \(found); give the model that made the index"
    }
  }

  private static func name(_ encoder: EncoderFingerprint?) -> String { encoder?.description ?? "a file" }
}
