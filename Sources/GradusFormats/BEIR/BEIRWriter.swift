#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// Writes a collection in BEIR's layout: `corpus.jsonl.gz`, `queries.jsonl`, `qrels/SPLIT.tsv`.
///
///     let writer = try BEIRWriter(folder: "faq")
///     try writer.writeCorpus(documents)
///     try writer.writeQueries(queries)
///     try writer.writeQrels(qrels, split: "test")
///
/// Same input, same bytes: keys in the order `_id`, `title`, `text`, `metadata`; metadata by the bytes of their keys.
public struct BEIRWriter: Sendable {
  public let folder: String

  /// Makes the folder, those above it and its `qrels` where they are missing.
  public init(folder: String) throws(FileError) {
    self.folder = folder
    try Folder.create(folder + "/qrels")
  }

  /// - Throws: ``CorpusFormatError`` for a docno that is empty, holds white space or occurs twice; `FileError`.
  public func writeCorpus(_ documents: some Sequence<Document>) throws {
    let path = folder + "/corpus.jsonl.gz"
    let file = try OutputFile(path: path)
    var docnos = DocnoSet()
    var line: [UInt8] = []
    for (index, document) in documents.enumerated() {
      guard document.docno.isColumn else {
        throw CorpusFormatError(file: path, line: index + 1, reason: .docno(document.docno))
      }
      if let firstLine = docnos.insert(Array(document.docno.utf8), line: index + 1) {
        let reason = CorpusFormatError.Reason.duplicate(docno: document.docno, firstFile: path, firstLine: firstLine)
        throw CorpusFormatError(file: path, line: index + 1, reason: reason)
      }
      line.removeAll(keepingCapacity: true)
      line.append(contentsOf: "{\"_id\": ".utf8)
      JSONText.appendQuoted(document.docno, to: &line)
      line.append(contentsOf: ", \"title\": ".utf8)
      JSONText.appendQuoted(document.title, to: &line)
      line.append(contentsOf: ", \"text\": ".utf8)
      JSONText.appendQuoted(document.text, to: &line)
      line.append(contentsOf: ", \"metadata\": ".utf8)
      JSONText.appendObject(document.metadata, to: &line)
      line.append(contentsOf: "}\n".utf8)
      try file.write(line)
    }
    try file.commit()
  }

  /// `queries.jsonl`.
  ///
  /// - Throws: ``TopicsFormatError``, `FileError`.
  public func writeQueries(_ queries: [Query]) throws {
    try TopicsWriter.write(queries, to: folder + "/queries.jsonl", layout: .jsonLines)
  }

  /// `qrels/SPLIT.tsv`, with its header.
  ///
  /// - Throws: ``QrelsFormatError``, `FileError`.
  public func writeQrels(_ qrels: Qrels, split: String) throws {
    try QrelsWriter.write(qrels, to: "\(folder)/qrels/\(split).tsv", layout: .beir)
  }
}
