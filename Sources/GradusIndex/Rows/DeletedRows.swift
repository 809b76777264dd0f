extension BitSet {
  /// The deleted rows of a segment.
  ///
  /// - Parameters:
  ///   - limit: Rows of the segment.
  ///   - count: Deleted ones, as the manifest says.
  /// - Throws: ``IndexError/corrupted(path:section:)``.
  init(deletions file: SectionFile, limit: Int, count: Int) throws {
    let words = try file.numbers(.deletedRows, as: UInt64.self, count: (limit + 63) / 64)
    guard let rows = BitSet(words: Array(words), limit: limit), rows.count == count else {
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
