import GradusCore

/// The documents of a segment of rows: their names, and texts and metadata where these are stored; and which rows are deleted.
///
/// Texts and metadata lie in the order in which the documents were added, which need not be that of the rows.
struct SegmentDocuments: Sendable {
  let docnos: DocnoTable
  /// Nil where nothing was deleted.
  let deletedRows: DocumentSet?
  /// That of the deleted rows.
  let deletionsFile: SectionFile?
  private let store: DocumentStore?
  private let columnStore: ColumnStore?

  /// - Parameter file: That holds the docnos.
  init(_ manifest: some RowSegmentManifest, docnos file: SectionFile, _ files: inout SegmentFiles) throws {
    docnos = try DocnoTable(file, count: manifest.count)
    let deletions = try manifest.deletionsFile.map { try files.open($0, .deletions) }
    deletionsFile = deletions
    deletedRows = try deletions.map {
      try DocumentSet(deletions: $0, documents: manifest.count, count: manifest.deletedCount)
    }
    store = try manifest.documentsFile.map { try DocumentStore(try files.open($0, .documents), documents: manifest.count) }
    columnStore = try manifest.columnsFile.map { try ColumnStore(try files.open($0, .columns), documents: manifest.count) }
  }

  /// Nil where there are none.
  var columns: [MetadataColumn]? { columnStore?.columns }

  /// - Throws: ``IndexError/corrupted(path:section:)`` where the columns are not those that the index is said to have.
  func requireColumns(_ expected: [MetadataColumn]?, folder: String) throws {
    guard columns == expected else {
      throw IndexError.corrupted(path: folder + "/" + IndexManifest.name, section: "the list of columns")
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
    try filter.documents(count: docnos.count, columns: columnStore) { position in
      try store?.document(position, docno: "").metadata ?? [:]
    }
  }
}
