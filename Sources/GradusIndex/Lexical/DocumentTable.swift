import GradusCore

/// Names and lengths of the documents of a segment, read where they lie in the mapped file.
struct DocumentTable: @unchecked Sendable {
  // Unchecked: a pointer into the read-only mapping, which the segment keeps.
  let docnos: DocnoTable
  /// Tokens of each document, exact.
  let lengths: UnsafeBufferPointer<UInt32>

  init(_ file: SectionFile, documents: Int) throws {
    docnos = try DocnoTable(file, count: documents)
    lengths = try file.numbers(.lengths, as: UInt32.self, count: documents)
  }

  var count: Int { docnos.count }
}
