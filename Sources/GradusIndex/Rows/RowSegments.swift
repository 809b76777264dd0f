/// The segments of an index as its writer changes them: documents are deleted by marking their rows.
struct RowSegments<Segment: RowSegment> {
  /// A segment, and what the writer deleted of it.
  struct Part {
    let segment: Segment
    fileprivate var marks: DocumentSet?

    func isLive(_ row: Int) -> Bool { segment.isLive(row) && !(marks?.contains(row) ?? false) }

    /// Rows deleted by this writer and before; nil where none is.
    var deleted: DocumentSet? {
      guard var rows = marks else { return segment.deletedRows }
      if let before = segment.deletedRows { rows.formUnion(before) }
      return rows
    }

    /// Ascending.
    var liveRows: [Int] { (0..<segment.count).filter(isLive) }
  }

  private(set) var parts: [Part]

  init(_ segments: [Segment]) { parts = segments.map { Part(segment: $0) } }

  /// Rows of all segments, those of deleted documents included.
  var count: Int { parts.reduce(0) { $0 + $1.segment.count } }

  mutating func append(_ segment: Segment) { parts.append(Part(segment: segment)) }

  /// Whether a document of that name is there and not deleted.
  func contains(docno: String) throws -> Bool { try place(of: docno) != nil }

  /// Marks a document.
  ///
  /// - Returns: False where there is none of that name.
  mutating func delete(docno: String) throws -> Bool {
    guard let (part, row) = try place(of: docno) else { return false }
    var marks = parts[part].marks ?? DocumentSet(documents: parts[part].segment.count)
    // Without a second reference the set is changed in place.
    parts[part].marks = nil
    marks.insert(row)
    parts[part].marks = marks
    return true
  }

  private func place(of docno: String) throws -> (part: Int, row: Int)? {
    for (number, part) in parts.enumerated() {
      if let row = try part.segment.row(docno: docno), part.isLive(row) { return (number, row) }
    }
    return nil
  }

  /// Writes the lists of deleted rows that grew.
  ///
  /// - Returns: What the manifest then lists.
  func writeDeletions(_ session: WriterSession) throws -> [Segment.Manifest] {
    try parts.map { part in
      var manifest = part.segment.manifest
      guard part.marks != nil, let rows = part.deleted else { return manifest }
      manifest.deletionsFile = try part.segment.writeDeletions(
        rows, number: session.takeNumber(), in: session.openFolder())
      manifest.deletedCount = rows.count
      return manifest
    }
  }
}
