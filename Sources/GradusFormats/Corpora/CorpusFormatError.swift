import GradusCore

/// A document collection that cannot be read, with file and line.
public struct CorpusFormatError: GradusError, Equatable {
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

  public var failureKind: FailureKind { .badData }

  public var description: String {
    let place = line > 0 ? "\(file):\(line): " : "\(file): "
    switch reason {
    case .unknownFormat:
      return place + "not a corpus: expected JSON lines, id<TAB>text, TREC's <DOC> or a folder"
    case .json(let error): return place + error.description
    case .missing(let wanted): return place + "the document has no \(wanted)"
    case .docno(let text): return place + "docno '\(text)' is empty or holds white space"
    case .duplicate(let docno, let firstFile, let firstLine):
      let earlier = firstFile == file ? "line \(firstLine)" : "\(firstFile):\(firstLine)"
      return place + "document \(docno) occurs already on \(earlier)"
    case .fieldCount(let found): return place + "expected id<TAB>text or id<TAB>url<TAB>title<TAB>text, found \(found) fields"
    case .unclosedDocument: return place + "<DOC> and </DOC> do not match"
    case .emptyFolder: return place + "the folder holds neither corpus.jsonl nor text files"
    }
  }
}
