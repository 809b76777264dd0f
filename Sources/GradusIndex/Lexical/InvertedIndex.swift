#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import CGradusKernels
import GradusCore
import GradusText

/// A collection that can be searched: an index folder, opened for reading.
///
///     let index = try InvertedIndex(path: "idx")
///     let result = try index.search("heat transfer in laminar flow", k: 10)
///     for hit in result.documents { print(hit.docno, hit.score) }
///
/// The files are mapped, not read: opening costs little, and processes share the pages. An open index goes on showing the
/// collection as it was, also when a builder replaces it. All methods may be called from several threads at once; results
/// have the same bits for any number of threads.
public final class InvertedIndex: Sendable {
  public let path: String
  public let statistics: IndexStatistics
  /// What documents were analysed with, and queries are.
  public let analyzerConfiguration: AnalyzerConfiguration

  let terms: TermDictionary
  let documentTable: DocumentTable
  private let store: DocumentStore
  private let postings: PostingsSection
  let postingsFile: SectionFile
  let documentsFile: SectionFile
  /// Nil where the index was built without positions.
  let positions: PositionsTable?
  /// Nil where the index was built without columns.
  let columnStore: ColumnStore?
  /// Of the documents' lengths the greatest.
  let longestLength: UInt32
  let blockBounds = BlockBoundsCache()
  /// Working memory of searches that are not running.
  private let idleSearchers = Guarded<[Searcher]>([])

  private struct PostingsSection: @unchecked Sendable {
    // Unchecked: a pointer into the read-only mapping, which the index keeps.
    let bytes: UnsafeRawBufferPointer
  }

  /// Opens an index and checks manifest, versions, sizes, bounds, and the checksums of dictionary and document table.
  ///
  /// Postings and stored documents are checked for sense while they are decoded: damage there ends in an error or, where
  /// the numbers remain possible, in a wrong score; ``verify()`` finds it for certain.
  ///
  /// - Throws: ``IndexError``; `FileError` where a file is missing or cannot be read.
  public init(path: String) throws {
    self.path = path
    let (manifest, files) = try Self.openFiles(path)
    postingsFile = files.postings
    documentsFile = files.documents
    statistics = manifest.statistics
    analyzerConfiguration = manifest.analyzer
    try postingsFile.verify(where: \.isCheckedOnOpen)
    terms = try TermDictionary(postingsFile, terms: statistics.terms)
    documentTable = try DocumentTable(postingsFile, documents: statistics.documents)
    longestLength = documentTable.lengths.max() ?? 0
    store = try DocumentStore(documentsFile, documents: statistics.documents)
    postings = PostingsSection(bytes: try postingsFile.bytes(.postings))
    try files.positions?.verify(where: \.isCheckedOnOpen)
    try files.columns?.verify(where: \.isCheckedOnOpen)
    positions = try files.positions.map { try PositionsTable($0, terms: manifest.statistics.terms) }
    columnStore = try files.columns.map { try ColumnStore($0, documents: manifest.statistics.documents) }
  }

  private struct Files {
    let postings: SectionFile
    let documents: SectionFile
    let positions: SectionFile?
    let columns: SectionFile?
  }

  private static func openFiles(_ path: String) throws -> (IndexManifest, Files) {
    var manifest = try IndexManifest.read(folder: path)
    while true {
      let counts = manifest.statistics
      guard let segment = manifest.segments.first, manifest.segments.count == 1, counts == segment.statistics,
        (0...Int(Int32.max)).contains(counts.documents), (0..<Int(UInt32.max)).contains(counts.terms), counts.tokens >= 0
      else { throw IndexError.corrupted(path: path + "/" + IndexManifest.name, section: "the list of files") }
      do {
        func open(_ file: IndexManifest.File, _ kind: SectionFileLayout.Kind) throws -> SectionFile {
          try SectionFile(path: path + "/" + file.name, kind: kind, expectedBytes: file.bytes)
        }
        let files = Files(
          postings: try open(segment.postings, .postings), documents: try open(segment.documents, .documents),
          positions: try segment.positions.map { try open($0, .positions) },
          columns: try segment.columns.map { try open($0, .columns) })
        return (manifest, files)
      } catch let error as FileError where error.code == ENOENT {
        // A builder may have replaced the index between the manifest and the files that it lists.
        let current = try IndexManifest.read(folder: path)
        guard current.generation > manifest.generation else { throw error }
        manifest = current
      }
    }
  }

  /// Reads every byte and compares all checksums.
  ///
  /// - Throws: ``IndexError/checksumMismatch(path:section:)`` for the first section that does not fit.
  public func verify() throws {
    try postingsFile.verify { _ in true }
    try documentsFile.verify { _ in true }
    try positions?.verify()
    try columnStore?.verify()
  }

  // MARK: - Documents

  /// The docno of a document. O(1).
  public func docno(_ doc: DocIndex) throws -> String { try documentTable.docno(try position(doc)) }

  /// The document with a docno, or nil. O(log n).
  public func docIndex(of docno: String) throws -> DocIndex? {
    var docno = docno
    return try docno.withUTF8 { try documentTable.find($0) }.map { DocIndex($0) }
  }

  /// Tokens of a document after stopping, exact. O(1).
  public func length(_ doc: DocIndex) throws -> Int { Int(documentTable.lengths[try position(doc)]) }

  /// A stored document. O(its length).
  public func document(_ doc: DocIndex) throws -> Document {
    let position = try position(doc)
    return try store.document(position, docno: try documentTable.docno(position))
  }

  /// A stored document, or nil where there is none of that name.
  public func document(docno: String) throws -> Document? { try docIndex(of: docno).map { try document($0) } }

  private func position(_ doc: DocIndex) throws -> Int {
    guard doc.position < documentTable.count else { throw IndexError.unknownDocno("#\(doc.position)") }
    return doc.position
  }

  // MARK: - Terms

  /// Documents that hold a term, given as the analyzer makes it; 0 for an unknown term.
  public func documentFrequency(of term: String) throws -> Int {
    try entry(of: term).map { Int($0.documentFrequency) } ?? 0
  }

  /// Occurrences of a term, given as the analyzer makes it, in all documents.
  public func collectionFrequency(of term: String) throws -> Int {
    try entry(of: term).map { Int(clamping: $0.collectionFrequency) } ?? 0
  }

  func entry(of term: String) throws -> TermEntry? {
    var term = term
    return try term.withUTF8 { try terms.find($0) }
  }

  /// Opens the posting list of a term. The cursor must stay where it is as long as it is used, and so must the list of a phrase.
  func open(
    _ cursor: UnsafeMutablePointer<grd_cursor>, at entry: TermEntry, phrase: PhraseList? = nil, term: grd_term,
    scorer: UnsafePointer<grd_scorer>
  ) throws {
    var term = term
    let documents = Int(entry.documentFrequency)
    let status: grd_postings_status
    if documents == 1 {
      status = grd_cursor_open_single(
        cursor, scorer, UInt32(truncatingIfNeeded: entry.postings), UInt32(truncatingIfNeeded: entry.postings >> 32), &term)
    } else if let phrase {
      status = grd_cursor_open(cursor, phrase.base, phrase.count, documents, &term)
    } else {
      guard documents >= 1, documents <= documentTable.count, entry.postings <= UInt64(postings.bytes.count),
        let base = postings.bytes.baseAddress
      else { throw postingsDamage }
      let start = Int(entry.postings)
      status = grd_cursor_open(
        cursor, (base + start).assumingMemoryBound(to: UInt8.self), postings.bytes.count - start, documents, &term)
    }
    guard status == GRD_POSTINGS_OK else { throw postingsDamage }
  }

  /// Postings that make no sense.
  var postingsDamage: IndexError { .corrupted(path: postingsFile.path, section: Section.postings.name) }

  // MARK: - Searchers

  /// Lends working memory for the length of one call.
  func withSearcher<Result>(_ body: (Searcher) throws -> Result) throws -> Result {
    let idle = idleSearchers.withLock { $0.popLast() }
    let searcher = try idle ?? Searcher(analyzer: Analyzer(analyzerConfiguration))
    // After an error the working memory may be half filled: it is not used again.
    let result = try body(searcher)
    idleSearchers.withLock { $0.append(searcher) }
    return result
  }
}
