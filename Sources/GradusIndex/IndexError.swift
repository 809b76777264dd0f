import GradusCore

/// An index that cannot be opened, read or written, and why.
public enum IndexError: GradusError, Equatable {
  /// There is no manifest of an index in the folder, or the file is something else.
  case notAnIndex(path: String)
  case unsupportedVersion(path: String, found: Int, supported: Int)
  case truncated(path: String, expectedBytes: Int, foundBytes: Int)
  case checksumMismatch(path: String, section: String)
  /// The checksums hold or were not looked at, but the contents contradict each other.
  case corrupted(path: String, section: String)
  /// Another builder writes into the folder; `pid` is nil where it has not written its number yet.
  case locked(path: String, pid: Int32?)
  /// Positions count documents from 1, in the order in which they were added.
  case duplicateDocno(String, firstPosition: Int, position: Int)
  /// Empty or with white space, which no run file can express.
  case invalidDocno(String, position: Int)
  case unknownDocno(String)
  /// A document of that name is in the index that is added to.
  case documentExists(String)
  /// The folder, or a file in it, may not be written.
  case readOnly(path: String)
  /// The folder holds an index of another kind.
  case otherKind(path: String)
  /// More than the format can number.
  case limitExceeded(path: String, what: String, limit: Int)
  /// `add` or `finish` after `finish` or after a failure.
  case builderClosed(path: String)
  /// A query weight or a cut-off that means nothing.
  case invalidQuery(String)
  /// The index was built without what the search needs: `positions`, or a column.
  case notBuilt(path: String, what: String)
  /// A document's metadata does not fit its column.
  case invalidColumnValue(docno: String, column: String, value: String, expected: String)

  /// Refuses names that no run file can express.
  ///
  /// - Parameter position: Of the document, counted from 1.
  /// - Throws: ``invalidDocno(_:position:)``.
  static func requireValid(docno: String, position: Int) throws {
    guard !docno.isEmpty, !docno.utf8.contains(where: { $0 == 32 || (9...13).contains($0) }) else {
      throw IndexError.invalidDocno(docno, position: position)
    }
  }

  public var failureKind: FailureKind {
    switch self {
    case .notAnIndex, .unsupportedVersion, .truncated, .checksumMismatch, .corrupted, .duplicateDocno, .invalidDocno,
      .documentExists, .invalidColumnValue: .badData
    case .locked, .limitExceeded, .builderClosed, .readOnly: .failed
    case .unknownDocno: .missingInput
    case .invalidQuery, .notBuilt, .otherKind: .usage
    }
  }

  public var description: String {
    switch self {
    case .notAnIndex(let path):
      "\(path): not an index of this program (no readable manifest); give a folder that `gradus index` made"
    case .unsupportedVersion(let path, let found, let supported):
      "\(path): index format version \(found), and this program reads versions up to \(supported); "
        + (found > supported ? "update the program, or build the index again" : "build the index again")
    case .truncated(let path, let expected, let found):
      "\(path): expected \(expected) bytes, found \(found); the file is cut short, build the index again"
    case .checksumMismatch(let path, let section):
      "\(path): the checksum of \(section) does not fit; the file is damaged, build the index again"
    case .corrupted(let path, let section):
      "\(path): the contents of \(section) contradict themselves; the file is damaged, build the index again"
    case .locked(let path, let pid):
      "\(path): process \(pid.map(String.init) ?? "(unknown)") is writing this index; wait for it or choose another folder"
    case .duplicateDocno(let docno, let first, let position):
      "document \(position): docno '\(docno)' was given to document \(first) already; docnos must be unique"
    case .invalidDocno(let docno, let position):
      "document \(position): docno '\(docno)' is empty or holds white space; run files cannot express it"
    case .unknownDocno(let docno):
      "no document '\(docno)' in the index"
    case .documentExists(let docno):
      "document '\(docno)' is in the index already; update it, or delete it first"
    case .readOnly(let path):
      "\(path): may not be written: an index there can be searched, but not changed; mend the permissions or copy the folder"
    case .otherKind(let path):
      "\(path): holds an index of another kind; choose another folder"
    case .limitExceeded(let path, let what, let limit):
      "\(path): more than \(limit) \(what); split the collection"
    case .builderClosed(let path):
      "\(path): the builder has finished or failed; make a new one"
    case .notBuilt(let path, let what):
      "\(path): the index was built without \(what); build it again with what is missing"
    case .invalidColumnValue(let docno, let column, let value, let expected):
      "document '\(docno)': metadata \(column)='\(value)' is not \(expected)"
    case .invalidQuery(let reason):
      "\(reason)"
    }
  }
}
