import GradusCore

/// Topics that cannot be read or written, with the line.
public struct TopicsFormatError: LineError {
  public enum Reason: Equatable, Sendable {
    /// The first line is neither a JSON object, nor a tag, nor tab-separated.
    case unknownFormat
    case json(JSONError)
    /// A topic without `qid`, or without the part that is asked for.
    case missing(String)
    /// A qid that is empty or holds white space.
    case name(String)
    case duplicate(qid: String)
    /// A text that does not fit the format: a line break or tab in a tab-separated file.
    case text(qid: String)
  }

  public let file: String
  /// From 1; 0 where the topic has no line of its own.
  public let line: Int
  public let reason: Reason

  public init(file: String, line: Int, reason: Reason) {
    self.file = file
    self.line = line
    self.reason = reason
  }

  public var problem: String {
    switch reason {
    case .unknownFormat: "not topics: expected BEIR's queries.jsonl, qid<TAB>text, or TREC's <top> or <topic>"
    case .json(let error): error.description
    case .missing(let part): "the topic has no \(part)"
    case .name(let text): "qid '\(text)' is empty or holds white space"
    case .duplicate(let qid): "query \(qid) occurs twice"
    case .text(let qid): "the text of query \(qid) holds a tab or line break; write queries.jsonl instead"
    }
  }
}
