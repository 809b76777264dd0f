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
  let postings: PostingLists

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
    positions = try manifest.positions.map { try PositionsTable(try open($0, .positions), terms: counts.terms) }
    fields = try manifest.fields.map {
      try FieldTable(try open($0, .fields), terms: counts.terms, documents: counts.documents, tokens: counts.tokens)
    }
    postings = try PostingLists(postingsFile, documents: counts.documents, fields: fields)
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
  func document(named docno: String) throws -> Int? { try documentTable.docnos.find(docno) }

  /// A stored document.
  func document(_ doc: Int) throws -> Document { try store.document(doc, docno: try documentTable.docnos.docno(doc)) }

  /// Opens the posting list of a term. The cursor must stay where it is as long as it is used, and so must the list of a phrase.
  func open(
    _ cursor: UnsafeMutablePointer<grd_cursor>, at entry: TermEntry, phrase: PhraseList? = nil, term: grd_term,
    scorer: UnsafePointer<grd_scorer>
  ) throws {
    try postings.open(cursor, at: entry, phrase: phrase, term: term, scorer: scorer)
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
  func damage(_ status: grd_postings_status) -> IndexError { postings.damage(status) }

  /// Postings that make no sense.
  var postingsDamage: IndexError { postings.damage }
}
