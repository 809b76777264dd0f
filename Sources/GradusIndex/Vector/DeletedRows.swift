extension BitSet {
  /// The deleted rows of a segment of vectors or token vectors.
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
  func writeDeletions(number: Int, folder: IndexFolder, calls: SystemCalls) throws -> IndexManifest.File {
    let name = IndexFolder.segmentName(generation: number, kind: "deletions")
    let file = try SectionFileWriter(path: folder.path(of: name), kind: .deletions, calls: calls)
    try file.begin(.deletedRows)
    try file.append(words)
    return IndexManifest.File(name: name, bytes: try file.finish())
  }
}

extension Array where Element == BitSet? {
  /// The element, made where it is nil.
  subscript(number: Int, default value: @autoclosure () -> BitSet) -> BitSet {
    get { self[number] ?? value() }
    set { self[number] = newValue }
  }
}
