extension DocumentSet {
  /// The deleted rows of a segment.
  ///
  /// - Parameters:
  ///   - documents: Rows of the segment.
  ///   - count: Deleted ones, as the manifest says.
  /// - Throws: ``IndexError/corrupted(path:section:)``.
  init(deletions file: SectionFile, documents: Int, count: Int) throws {
    let words = try file.numbers(.deletedRows, as: UInt64.self, count: (documents + 63) / 64)
    guard let rows = DocumentSet(documents: documents, checking: Array(words)), rows.count == count else {
      throw IndexError.corrupted(path: file.path, section: Section.deletedRows.name)
    }
    self = rows
  }

  /// Writes the set as the deleted rows of a segment.
  ///
  /// - Parameter more: Writes what else the file holds.
  func writeDeletions(
    number: Int, in folder: IndexFolder, _ more: (SectionFileWriter) throws -> Void = { _ in }
  ) throws -> IndexManifest.File {
    let file = try folder.begin(.deletions, named: "deletions", ofSegment: number)
    try file.begin(.deletedRows)
    try file.append(words)
    try more(file)
    return try file.close()
  }
}
