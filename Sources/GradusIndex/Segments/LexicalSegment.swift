import CGradusKernels
import GradusCore

/// The immutable files of some documents of an index, opened: dictionary, postings, lengths, names, texts.
///
/// What changes, deleted documents and the place among other segments, is ``SegmentView``'s; views of several states of an index
/// share the files.
final class LexicalSegment: Sendable {
  let manifest: IndexManifest.Segment
  let terms: TermDictionary
  let documentTable: DocumentTable
  let store: DocumentStore
  let postingsFile: SectionFile
  let documentsFile: SectionFile
  /// Nil where the index was built without positions.
  let positions: PositionsTable?
  /// Nil where the index was built without columns.
  let columnStore: ColumnStore?
  /// Nil where the index was built without fields.
  let fields: FieldTable?
  /// Of the documents' lengths the greatest.
  let longestLength: UInt32
  private let postings: PostingsSection

  private struct PostingsSection: @unchecked Sendable {
    // Unchecked: a pointer into the read-only mapping, which the segment keeps.
    let bytes: UnsafeRawBufferPointer
  }

  /// Opens and checks what ``InvertedIndex/init(path:)`` says.
  init(_ manifest: IndexManifest.Segment, folder: String) throws {
    func open(_ file: IndexManifest.File, _ kind: SectionFileLayout.Kind) throws -> SectionFile {
      let file = try SectionFile(path: folder + "/" + file.name, kind: kind, expectedBytes: file.bytes)
      if kind != .documents { try file.verify(where: \.isCheckedOnOpen) }
      return file
    }
    let counts = manifest.statistics
    guard (0...Int(Int32.max)).contains(counts.documents), (0..<Int(UInt32.max)).contains(counts.terms), counts.tokens >= 0
    else { throw IndexError.corrupted(path: folder + "/" + IndexManifest.name, section: "the list of files") }
    self.manifest = manifest
    postingsFile = try open(manifest.postings, .postings)
    documentsFile = try open(manifest.documents, .documents)
    terms = try TermDictionary(postingsFile, terms: counts.terms)
    documentTable = try DocumentTable(postingsFile, documents: counts.documents)
    longestLength = documentTable.lengths.max() ?? 0
    store = try DocumentStore(documentsFile, documents: counts.documents)
    postings = PostingsSection(bytes: try postingsFile.bytes(.postings))
    positions = try manifest.positions.map { try PositionsTable(try open($0, .positions), terms: counts.terms) }
    fields = try manifest.fields.map {
      try FieldTable(try open($0, .fields), terms: counts.terms, documents: counts.documents, tokens: counts.tokens)
    }
    columnStore = try manifest.columns.map { try ColumnStore(try open($0, .columns), documents: counts.documents) }
  }

  /// Of the documents' metadata.
  var columns: [MetadataColumn] { columnStore?.columns ?? [] }

  /// Reads every byte and compares all checksums.
  func verify() throws {
    try postingsFile.verify { _ in true }
    try documentsFile.verify { _ in true }
    try positions?.verify()
    try columnStore?.verify()
    try fields?.verify()
  }

  /// The document with a docno, deleted or not.
  func document(named docno: String) throws -> Int? {
    var docno = docno
    return try docno.withUTF8 { try documentTable.find($0) }
  }

  /// A stored document.
  func document(_ doc: Int) throws -> Document { try store.document(doc, docno: try documentTable.docno(doc)) }

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

  /// For reading lists without scores.
  var plainScorer: grd_scorer {
    var scorer = grd_scorer()
    scorer.formula = GRD_PRESENCE
    scorer.is_monotone = 1
    scorer.lengths = documentTable.lengths.baseAddress
    scorer.documents = UInt32(documentTable.count)
    return scorer
  }

  /// What a kernel found wrong, other than `GRD_POSTINGS_OK`.
  func damage(_ status: grd_postings_status) -> IndexError {
    status == GRD_FIELDS_MALFORMED ? fields?.damage ?? postingsDamage : postingsDamage
  }

  /// Postings that make no sense.
  var postingsDamage: IndexError { .corrupted(path: postingsFile.path, section: Section.postings.name) }
}
