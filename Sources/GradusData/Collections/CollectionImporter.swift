import GradusCore
import GradusFormats

/// Brings a corpus in another format, with its queries and judgements where there are any, into BEIR's layout.
///
///     let importer = CollectionImporter()
///     try importer.importCorpus(at: "notes/", as: "notes")                      // a folder of text files
///     try importer.importCorpus(at: "docs.trec.gz", as: "robust", queries: "topics.301-450", qrels: ["test": "qrels.txt"])
///
/// Corpora: whatever `CorpusReader` reads. Queries: BEIR, tab-separated or TREC topics. Judgements: TREC or BEIR.
public struct CollectionImporter: Sendable {
  /// What was imported.
  public struct Result: Sendable, Equatable {
    public let collection: TestCollection
    public let documents: Int
    public let queries: Int
    public let judgements: Int
    /// Judged documents that the corpus does not have: odd, and not wrong.
    public let judgedButAbsent: Int
  }

  public let home: DataHome

  public init(home: DataHome = .current) { self.home = home }

  /// - Parameters:
  ///   - path: File or folder of documents, `-` for standard input.
  ///   - name: Name of the collection below `$GRADUS_HOME/data`.
  ///   - format: Nil to tell by the content.
  ///   - qrels: Files of judgements by split.
  /// - Throws: ``CollectionError/alreadyThere(path:)`` unless nothing is there; the readers' errors, with file and line.
  public func importCorpus(
    at path: String, as name: String, format: CorpusFormat? = nil, queries: String? = nil, qrels: [String: String] = [:]
  ) throws -> Result {
    let folder = home.ownCollections + "/" + name
    guard ArchiveExtractor.isContained(name), !name.hasPrefix("."), !FileStatus.isFolder(folder),
      !FileStatus.isFile(folder)
    else { throw CollectionError.alreadyThere(path: folder) }
    var documents = 0
    var topics = 0
    var judgements = 0
    var absent = 0
    try StagedFolder.fill(folder) { staging in
      let writer = try BEIRWriter(folder: staging)
      let stream = DocumentStream(try CorpusReader(path: path, format: format))
      let progress = Progress("importing", total: nil, unit: "documents")
      defer { progress.finish() }
      stream.onDocument = { progress.advance() }
      try writer.writeCorpus(stream)
      if let failure = stream.failure { throw failure }
      documents = stream.docnos.count
      if let queries {
        let read = try TopicsReader.read(queries)
        try writer.writeQueries(read)
        topics = read.count
      }
      for (split, file) in qrels.sorted(by: { $0.key < $1.key }) {
        let read = try QrelsReader.read(file)
        try writer.writeQrels(read, split: split)
        for qid in read.qids {
          judgements += read[qid].count
          absent += read[qid].keys.count { !stream.docnos.contains($0) }
        }
      }
    }
    guard let collection = TestCollection(name: name, folder: folder) else { throw CollectionError.notACollection(path: folder) }
    return Result(
      collection: collection, documents: documents, queries: topics, judgements: judgements, judgedButAbsent: absent)
  }
}

/// A corpus as a sequence that ends at the first error and keeps it.
private final class DocumentStream: Sequence, IteratorProtocol {
  private let reader: CorpusReader
  private(set) var failure: (any Error)?
  private(set) var docnos: Set<String> = []
  var onDocument: () -> Void = {}

  init(_ reader: CorpusReader) { self.reader = reader }

  func next() -> Document? {
    guard failure == nil else { return nil }
    do {
      guard let document = try reader.next() else { return nil }
      docnos.insert(document.docno)
      onDocument()
      return document
    } catch {
      failure = error
      return nil
    }
  }
}
