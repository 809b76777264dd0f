import GradusCore

/// A document collection that cannot be read, with file and line.
public struct CorpusFormatError: LineError {
  public enum Reason: Equatable, Sendable {
    /// None of the formats that ``CorpusReader`` knows.
    case unknownFormat
    case json(JSONError)
    /// A document without an id or a text; the keys or tags that would have done.
    case missing(String)
    /// A docno that is empty or holds white space, so that it could not stand in a run.
    case docno(String)
    case duplicate(docno: String, firstFile: String, firstLine: Int)
    case fieldCount(found: Int)
    /// `<DOC>` without `</DOC>`, or the other way round.
    case unclosedDocument
    /// The folder has neither a corpus file nor text files.
    case emptyFolder
  }

  public let file: String
  /// From 1; 0 for a whole file or folder.
  public let line: Int
  public let reason: Reason

  public init(file: String, line: Int, reason: Reason) {
    self.file = file
    self.line = line
    self.reason = reason
  }

  public var problem: String {
    switch reason {
    case .unknownFormat: "not a corpus: expected JSON lines, id<TAB>text, TREC's <DOC> or a folder"
    case .json(let error): error.description
    case .missing(let wanted): "the document has no \(wanted)"
    case .docno(let text): "docno '\(text)' is empty or holds white space"
    case .duplicate(let docno, let firstFile, let firstLine):
      "document \(docno) occurs already on " + (firstFile == file ? "line \(firstLine)" : "\(firstFile):\(firstLine)")
    case .fieldCount(let found): "expected id<TAB>text or id<TAB>url<TAB>title<TAB>text, found \(found) fields"
    case .unclosedDocument: "<DOC> and </DOC> do not match"
    case .emptyFolder: "the folder holds neither corpus.jsonl nor text files"
    }
  }
}
