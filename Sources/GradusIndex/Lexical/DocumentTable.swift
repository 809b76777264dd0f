import GradusCore

/// Names, tie-breaking ranks and lengths of the documents, read where they lie in the mapped file.
struct DocumentTable: @unchecked Sendable {
  // Unchecked: pointers into the read-only mapping, which the index keeps.
  let count: Int
  /// Tokens of each document, exact.
  let lengths: UnsafeBufferPointer<UInt32>
  /// Place of each document's docno in byte order: among equal scores the greater rank comes first.
  let ranks: UnsafeBufferPointer<UInt32>
  private let order: UnsafeBufferPointer<UInt32>
  private let offsets: UnsafeBufferPointer<UInt64>
  private let text: UnsafeRawBufferPointer
  private let path: String

  init(_ file: SectionFile, documents: Int) throws {
    path = file.path
    count = documents
    lengths = try file.numbers(.lengths, as: UInt32.self, count: documents)
    ranks = try file.numbers(.docnoRanks, as: UInt32.self, count: documents)
    order = try file.numbers(.docnoOrder, as: UInt32.self, count: documents)
    offsets = try file.numbers(.docnoOffsets, as: UInt64.self, count: documents + 1)
    text = try file.bytes(.docnoText)
  }

  /// UTF-8 of a docno. O(1).
  func docnoBytes(_ doc: Int) throws -> UnsafeBufferPointer<UInt8> {
    let start = offsets[doc], end = offsets[doc + 1]
    guard start <= end, end <= UInt64(text.count) else {
      throw IndexError.corrupted(path: path, section: Section.docnoOffsets.name)
    }
    return UnsafeRawBufferPointer(rebasing: text[Int(start)..<Int(end)]).bindMemory(to: UInt8.self)
  }

  func docno(_ doc: Int) throws -> String { String(decoding: try docnoBytes(doc), as: UTF8.self) }

  /// The document with a docno, or nil. O(log n).
  func find(_ docno: UnsafeBufferPointer<UInt8>) throws -> Int? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      let doc = Int(order[middle])
      guard doc < count else { throw IndexError.corrupted(path: path, section: Section.docnoOrder.name) }
      let comparison = compareBytes(try docnoBytes(doc), docno)
      if comparison == 0 { return doc }
      if comparison < 0 { low = middle + 1 } else { high = middle }
    }
    return nil
  }
}
