/// Judgements that cannot be read or written, with the line.
public struct QrelsFormatError: LineError {
  public enum Reason: Equatable, Sendable {
    case fieldCount(found: Int, expected: Int)
    /// Not a whole number.
    case grade(String)
    /// The pair was judged before, with another grade.
    case contradiction(qid: String, docno: String, firstLine: Int)
    /// A name is empty or holds white space, so that it cannot be a column.
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
      "expected \(expected) fields (\(expected == 4 ? "qid iteration docno grade" : "query-id corpus-id score")), found \(found)"
    case .grade(let text): "grade '\(text)' is not a whole number"
    case .contradiction(let qid, let docno, let firstLine):
      "document \(docno) has another grade for query \(qid) on line \(firstLine)"
    case .name(let text): "'\(text)' is empty or holds white space and cannot be a column"
    }
  }
}
