import GradusCore

/// The documents of a segment of rows: their names, and texts and metadata where these are stored; and which rows are deleted.
///
/// Texts and metadata lie in the order in which the documents were added, which need not be that of the rows.
struct SegmentDocuments: Sendable {
  let docnos: DocnoTable
  /// Nil where nothing was deleted.
  let deletedRows: BitSet?
  private let store: DocumentStore?
  private let columns: ColumnStore?

  /// - Parameters:
  ///   - file: That holds the docnos.
  ///   - columns: What the index is said to have.
  init(
    _ manifest: some RowSegmentManifest, docnos file: SectionFile, columns: [MetadataColumn]?, _ files: inout SegmentFiles
  ) throws {
    docnos = try DocnoTable(file, count: manifest.count)
    deletedRows = try manifest.deletionsFile.map {
      try BitSet(deletions: try files.open($0, .deletions), limit: manifest.count, count: manifest.deletedCount)
    }
    store = try manifest.documentsFile.map { try DocumentStore(try files.open($0, .documents), documents: manifest.count) }
    self.columns = try manifest.columnsFile.map { try ColumnStore(try files.open($0, .columns), documents: manifest.count) }
    guard columns == self.columns?.columns else {
      throw IndexError.corrupted(path: files.folder + "/" + IndexManifest.name, section: "the list of columns")
    }
  }

  /// Whether titles, texts and metadata are.
  var areStored: Bool { store != nil }

  /// The stored document of a row that was added at a position; nil where documents are not stored.
  func document(at position: Int, row: Int) throws -> Document? {
    try store.map { try $0.document(position, docno: try docnos.docno(row)) }
  }

  /// The documents that fit a filter, deleted or not, by position.
  func positions(matching filter: MetadataFilter) throws -> DocumentSet {
    try filter.documents(count: docnos.count, columns: columns) { position in
      try store?.document(position, docno: "").metadata ?? [:]
    }
  }
}
