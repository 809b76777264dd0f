import GradusCore

/// Takes the documents of a segment that is being written: their names, and texts and metadata where these are stored.
final class SegmentDocumentsWriter {
  let docnos = ByteTable()
  private let folder: IndexFolder
  private let number: Int
  private var columns: ColumnsBuilder
  private var store: DocumentStoreWriter?

  /// - Parameter number: Of the segment.
  init(number: Int, columns: [MetadataColumn]?, storesDocuments: Bool, in folder: IndexFolder) throws {
    self.number = number
    self.folder = folder
    self.columns = try ColumnsBuilder(columns ?? [])
    guard storesDocuments else { return }
    store = try DocumentStoreWriter(
      file: try folder.begin(.documents, named: "documents", ofSegment: number), compression: nil)
  }

  var count: Int { docnos.count }

  /// The place of a docno among those that were added.
  func position(of docno: String) -> Int? {
    var docno = docno
    return docno.withUTF8 { docnos.find($0) }
  }

  /// Throws for a name or metadata that ``append(docno:_:)`` cannot take.
  ///
  /// - Parameter position: Of the document, counted from 1, for the error.
  func check(docno: String, _ document: Document?, position: Int) throws {
    try IndexError.requireValid(docno: docno, position: position)
    if let document { try columns.check(document) }
  }

  /// Takes a document that was checked.
  ///
  /// - Parameter document: What is stored, where documents are.
  /// - Returns: False, and nothing is taken, for a name that is there already.
  func append(docno: String, _ document: Document?) throws -> Bool {
    var docno = docno
    guard docno.withUTF8({ docnos.insert($0).isNew }) else { return false }
    if let document {
      try columns.append(document)
      try store?.append(document)
    }
    return true
  }

  /// Ends the files.
  func finish() throws -> (documents: IndexManifest.File?, columns: IndexManifest.File?) {
    let documents = (try store?.finish()).map {
      IndexManifest.File(name: IndexFolder.segmentName(generation: number, kind: "documents"), bytes: $0)
    }
    return (documents, try columns.write(to: folder.path, number: number, calls: folder.calls))
  }
}
