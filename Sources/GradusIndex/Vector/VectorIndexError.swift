import GradusCore

/// A vector, query or option that a vector index refuses. Damaged and missing files are ``IndexError`` and `FileError`.
public enum VectorIndexError: GradusError, Equatable {
  case wrongDimension(docno: String, found: Int, expected: Int)
  /// The first number of the vector, counted from 0, that is NaN or infinite.
  case notFinite(docno: String, position: Int)
  /// The squared length does not fit a Float.
  case tooLong(docno: String)
  case wrongQueryDimension(found: Int, expected: Int)
  case queryNotFinite(position: Int)
  /// Vectors, or a query, of another encoder than the index holds.
  case encoderMismatch(path: String, found: EncoderFingerprint, expected: EncoderFingerprint)
  /// Vectors are to be added under other parameters than the index has.
  case configurationMismatch(path: String, what: String, found: String, expected: String)
  case duplicateDocno(String)
  case unknownDocno(String)
  /// A filter that was made for another index, or for another state of this one.
  case foreignFilter
  /// The folder holds an index of another kind.
  case otherIndex(path: String)
  case invalidOption(String)

  public var failureKind: FailureKind {
    switch self {
    case .wrongDimension, .notFinite, .tooLong, .duplicateDocno: .badData
    case .unknownDocno: .missingInput
    default: .usage
    }
  }

  public var description: String {
    switch self {
    case .wrongDimension(let docno, let found, let expected):
      "document '\(docno)': the vector has \(found) numbers, the index takes \(expected)"
    case .notFinite(let docno, let position):
      "document '\(docno)': number \(position) of the vector is NaN or infinite; encode the document again"
    case .tooLong(let docno):
      "document '\(docno)': the vector's squared length is beyond Float; scale the vectors down"
    case .wrongQueryDimension(let found, let expected):
      "the query vector has \(found) numbers, the index \(expected); encode queries as the documents were"
    case .queryNotFinite(let position):
      "number \(position) of the query vector is NaN or infinite"
    case .encoderMismatch(let path, let found, let expected):
      "\(path): holds vectors of \(expected), got some of \(found); use the encoder of the index or build the index again"
    case .configurationMismatch(let path, let what, let found, let expected):
      "\(path): the index has \(what) \(expected), asked for \(found); add under the index's own parameters or build it again"
    case .duplicateDocno(let docno):
      "document '\(docno)' is in the index already; delete it before adding it again"
    case .unknownDocno(let docno):
      "no document '\(docno)' in the index"
    case .foreignFilter:
      "the filter was made for another index or another state of it; make it from the index that is searched"
    case .otherIndex(let path):
      "\(path): holds an index of another kind; choose another folder"
    case .invalidOption(let reason):
      reason
    }
  }
}
