/// A run that cannot be read or written, with the line.
public struct RunFormatError: LineError {
  public enum Reason: Equatable, Sendable {
    case fieldCount(found: Int, expected: Int)
    /// Not a finite number.
    case score(String)
    /// Not a whole number from 1.
    case rank(String)
    case duplicate(qid: String, docno: String, firstLine: Int)
    /// A name is empty or holds white space, so that it cannot be a column of a run.
    case name(String)
  }

  public let file: String
  /// From 1.
  public let line: Int
  public let reason: Reason

  public init(file: String, line: Int, reason: Reason) {
    self.file = file
    self.line = line
    self.reason = reason
  }

  public var problem: String {
    switch reason {
    case .fieldCount(let found, let expected):
      "expected \(expected) fields (\(expected == 6 ? "qid Q0 docno rank score tag" : "qid docno rank")), found \(found)"
    case .score(let text): "score '\(text)' is not a finite number"
    case .rank(let text): "rank '\(text)' is not a whole number from 1"
    case .duplicate(let qid, let docno, let firstLine):
      "document \(docno) is already listed for query \(qid) on line \(firstLine)"
    case .name(let text): "'\(text)' is empty or holds white space and cannot be a column of a run"
    }
  }
}
