#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// How a document collection is stored.
public enum CorpusFormat: String, Sendable, CaseIterable {
  /// One JSON object a line: `_id`, `id`, `docno` or `docid`; `title`; `text` or `contents`; `metadata`.
  case jsonLines
  /// MS MARCO: `id<TAB>text`, or `id<TAB>url<TAB>title<TAB>text`.
  case tabSeparated
  /// TREC: `<DOC><DOCNO>..</DOCNO>..</DOC>`.
  case trec
  /// A folder of plain text files; the docno is the path inside it.
  case textFolder
}

/// Streams the documents of a collection in whatever format it is stored.
///
///     let corpus = try CorpusReader(path: "scifact")          // a folder with corpus.jsonl.gz
///     while let document = try corpus.next() { print(document.docno, document.title) }
///
/// A path may name a BEIR folder, a folder of text files, a file in one of the formats of ``CorpusFormat``, packed with
/// gzip or not, or `-` for standard input. Docnos are checked: none is empty, holds white space or occurs twice. Memory is
/// the longest document and some 30 bytes beside each docno.
public final class CorpusReader {
  public let path: String
  public let format: CorpusFormat
  private let source: any DocumentSource
  /// Nil for a folder of text files.
  private let reader: LineReader?
  private var fields = DocumentFields()
  private var docnos = DocnoSet()
  /// In a folder of text files every document starts on line 1 of its own file.
  private let isFolderOfTexts: Bool

  /// - Parameter format: Nil to tell by the content.
  /// - Throws: ``CorpusFormatError/Reason/unknownFormat`` or `emptyFolder`; `FileError`; ``GzipError``; ``TextFileError``.
  public init(path: String, format: CorpusFormat? = nil) throws {
    self.path = path
    var status = stat()
    let isFolder = path != "-" && stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    var file = path
    if isFolder {
      let packed = ["corpus.jsonl", "corpus.jsonl.gz"].first { access(path + "/" + $0, F_OK) == 0 }
      guard let packed, format != .textFolder else {
        self.format = .textFolder
        isFolderOfTexts = true
        reader = nil
        source = try TextFolderSource(folder: path)
        return
      }
      file = path + "/" + packed
    }
    isFolderOfTexts = false
    let reader = try LineReader(path: file)
    self.reader = reader
    let known = try format ?? Self.format(of: reader)
    self.format = known
    switch known {
    case .jsonLines: source = JSONLinesSource(reader)
    case .tabSeparated: source = TabSeparatedSource(reader)
    case .trec: source = TrecDocumentSource(reader)
    case .textFolder: throw FileError(.open, path: path, code: ENOTDIR)
    }
  }

  /// The part of the file that has been read, 0 to 1: for showing progress. Nil for pipes and folders of text files.
  public var partRead: Double? { reader?.partRead }

  /// The next document, or nil after the last.
  ///
  /// - Throws: ``CorpusFormatError``, ``TextFileError``, ``GzipError``, `FileError`.
  public func next() throws -> Document? {
    guard try advance() else { return nil }
    return Document(
      docno: String(decoding: fields.docno, as: UTF8.self), title: String(decoding: fields.title, as: UTF8.self),
      text: String(decoding: fields.text, as: UTF8.self), metadata: fields.metadata)
  }

  /// Calls `body` with each remaining document.
  public func forEach(_ body: (Document) throws -> Void) throws {
    while let document = try next() { try body(document) }
  }

  /// All remaining documents: for collections that fit memory.
  public func readAll() throws -> [Document] {
    var documents: [Document] = []
    while let document = try next() { documents.append(document) }
    return documents
  }

  private func advance() throws -> Bool {
    fields.clear()
    guard try source.next(into: &fields) else { return false }
    guard !fields.docno.isEmpty, !fields.docno.contains(where: FieldSplitter.isSpace) else {
      let docno = String(decoding: fields.docno, as: UTF8.self)
      throw CorpusFormatError(file: fields.file, line: fields.line, reason: .docno(docno))
    }
    // Paths in a folder differ by themselves.
    if !isFolderOfTexts, let firstLine = docnos.insert(fields.docno, line: fields.line) {
      let docno = String(decoding: fields.docno, as: UTF8.self)
      let reason = CorpusFormatError.Reason.duplicate(docno: docno, firstFile: fields.file, firstLine: firstLine)
      throw CorpusFormatError(file: fields.file, line: fields.line, reason: reason)
    }
    return true
  }

  /// Tells by the first line that is not empty.
  private static func format(of reader: LineReader) throws -> CorpusFormat {
    while let line = try reader.next() {
      guard let first = line.first(where: { !FieldSplitter.isSpace($0) }) else { continue }
      defer { reader.unread() }
      switch first {
      case UInt8(ascii: "{"): return .jsonLines
      case UInt8(ascii: "<"): return .trec
      case _ where line.contains(0x09): return .tabSeparated
      default: throw CorpusFormatError(file: reader.path, line: reader.lineNumber, reason: .unknownFormat)
      }
    }
    // A file without documents is a collection without documents, in any format.
    return .jsonLines
  }
}
