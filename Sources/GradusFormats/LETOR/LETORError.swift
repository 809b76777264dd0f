/// A feature file that cannot be read, with the line.
public struct LETORError: LineError {
  public enum Reason: Equatable, Sendable {
    /// Not a whole number from 0 on.
    case grade(String)
    /// Neither `qid:ID` behind the grade nor a file of group sizes.
    case noQid
    /// `qid:ID` on some lines alone, or together with a file of group sizes.
    case unexpectedQid(String)
    /// Not `NUMBER:VALUE` with a number from 1 on and a finite value.
    case feature(String)
    /// Numbers of a line have to rise.
    case featureOrder(Int, after: Int)
    /// Beyond the features that the model knows, or ``LETORReader/mostFeatures``.
    case featureNumber(Int, limit: Int)
    /// The lines of a query have to lie together.
    case scattered(qid: String)
    /// Two lines of a query name the same document.
    case duplicate(qid: String, docno: String)
    /// More numbers than a dense table can hold.
    case tooLarge(rows: Int, features: Int)
    /// No line of features at all.
    case empty
    /// A size of a group that is no whole number from 1 on.
    case groupSize(String)
    /// The sizes of the groups do not add up to the lines.
    case groupSum(rows: Int, sum: Int)
  }

  public let file: String
  /// From 1; 0 for the whole file.
  public let line: Int
  public let reason: Reason

  public init(file: String, line: Int, reason: Reason) {
    self.file = file
    self.line = line
    self.reason = reason
  }

  public var problem: String {
    switch reason {
    case .grade(let text): "expected 'GRADE qid:ID NUMBER:VALUE ...', grade '\(text)' is no whole number from 0 on"
    case .noQid: "no 'qid:ID' behind the grade; give the sizes of the groups in a file of their own"
    case .unexpectedQid(let qid):
      "query \(qid) is named here, where a file of group sizes says which lines belong together"
    case .feature(let text): "'\(text)' is no feature: expected NUMBER:VALUE, numbers from 1 on, finite values"
    case .featureOrder(let number, let last): "feature \(number) stands after \(last); numbers have to rise"
    case .featureNumber(let number, let limit):
      "feature \(number) is beyond the \(limit) that there can be; number features from 1 without gaps"
    case .scattered(let qid): "query \(qid) had lines before, with another query's between; sort the file by query"
    case .duplicate(let qid, let docno): "query \(qid) has document \(docno) on another line already"
    case .tooLarge(let rows, let features):
      "\(rows) lines of \(features) features do not fit in a dense table of \(LETORReader.mostNumbers) numbers"
    case .empty: "holds no line 'GRADE qid:ID NUMBER:VALUE ...'"
    case .groupSize(let text): "'\(text)' is no size of a group: expected a whole number from 1 on"
    case .groupSum(let rows, let sum): "the groups have \(sum) lines in all, the file of features has \(rows)"
    }
  }
}
