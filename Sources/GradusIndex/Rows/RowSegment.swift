import GradusCore

/// What a manifest lists of a segment of rows.
protocol RowSegmentManifest: Sendable {
  /// Rows, those of deleted documents included.
  var count: Int { get }
  /// Nil where texts are not stored.
  var documentsFile: IndexManifest.File? { get }
  /// Nil where the index has no columns.
  var columnsFile: IndexManifest.File? { get }
  /// Nil where nothing was deleted.
  var deletionsFile: IndexManifest.File? { get set }
  var deletedCount: Int { get set }
}

/// A segment of an index of vectors, token vectors or impacts, opened for reading: each document is a row, and files never change
/// but for the list of deleted rows.
protocol RowSegment: AnyObject, Sendable {
  associatedtype Manifest: RowSegmentManifest
  var manifest: Manifest { get }
  var documents: SegmentDocuments { get }
  var files: [SectionFile] { get }
  /// Writes the list of all deleted rows, and what else the segment keeps of them.
  func writeDeletions(_ rows: DocumentSet, number: Int, in folder: IndexFolder) throws -> IndexManifest.File
}

extension RowSegment {
  /// Rows, those of deleted documents included.
  var count: Int { manifest.count }
  var liveCount: Int { manifest.count - manifest.deletedCount }
  var docnos: DocnoTable { documents.docnos }
  var deletedRows: DocumentSet? { documents.deletedRows }
  var storesDocuments: Bool { documents.areStored }

  func isLive(_ row: Int) -> Bool { !(documents.deletedRows?.contains(row) ?? false) }

  /// The live row of a docno.
  func row(docno: String) throws -> Int? { try documents.docnos.find(docno).flatMap { isLive($0) ? $0 : nil } }

  func writeDeletions(_ rows: DocumentSet, number: Int, in folder: IndexFolder) throws -> IndexManifest.File {
    try rows.writeDeletions(number: number, in: folder)
  }

  /// Compares all checksums.
  func verify() throws {
    for file in files { try file.verify { _ in true } }
  }
}

extension Sequence where Element: RowSegment {
  /// Where a document that is not deleted lies.
  func place(of docno: String) throws -> (segment: Element, row: Int)? {
    for segment in self {
      if let row = try segment.row(docno: docno) { return (segment, row) }
    }
    return nil
  }
}

/// The files of one segment, opened one by one.
struct SegmentFiles {
  let folder: String
  private let unchecked: SectionFileLayout.Kind?
  private(set) var opened: [SectionFile] = []

  /// - Parameter unchecked: Of files that are checked by ``RowSegment/verify()`` alone.
  init(folder: String, unchecked: SectionFileLayout.Kind? = nil) {
    self.folder = folder
    self.unchecked = unchecked
  }

  /// Opens a file and checks the sections that everything rests on.
  mutating func open(_ file: IndexManifest.File, _ kind: SectionFileLayout.Kind) throws -> SectionFile {
    let file = try SectionFile(path: folder + "/" + file.name, kind: kind, expectedBytes: file.bytes)
    if kind != unchecked { try file.verify(where: \.isCheckedOnOpen) }
    opened.append(file)
    return file
  }
}
