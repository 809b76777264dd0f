import GradusCore

/// Docnos of the documents of an index or a segment with their place in byte order, read where they lie in the mapped file.
struct DocnoTable: @unchecked Sendable {
  // Unchecked: pointers into the read-only mapping. The index keeps the file, and no reference to it is counted here, so that
  // threads that name documents do not wait for one another.
  let count: Int
  /// Place of each docno in byte order: among equal scores the greater rank comes first. By row.
  let ranks: UnsafeBufferPointer<UInt32>
  private let order: UnsafeBufferPointer<UInt32>
  private let offsets: UnsafeBufferPointer<UInt64>
  private let text: UnsafeRawBufferPointer
  private unowned(unsafe) let file: SectionFile

  init(_ file: SectionFile, count: Int) throws {
    self.file = file
    self.count = count
    ranks = try file.numbers(.docnoRanks, as: UInt32.self, count: count)
    order = try file.numbers(.docnoOrder, as: UInt32.self, count: count)
    offsets = try file.numbers(.docnoOffsets, as: UInt64.self, count: count + 1)
    text = try file.bytes(.docnoText)
  }

  /// UTF-8 of a docno. O(1).
  func bytes(_ row: Int) throws -> UnsafeBufferPointer<UInt8> {
    let start = offsets[row], end = offsets[row + 1]
    guard start <= end, end <= UInt64(text.count) else {
      throw IndexError.corrupted(path: file.path, section: Section.docnoOffsets.name)
    }
    return UnsafeRawBufferPointer(rebasing: text[Int(start)..<Int(end)]).bindMemory(to: UInt8.self)
  }

  func docno(_ row: Int) throws -> String { String(decoding: try bytes(row), as: UTF8.self) }

  /// The row with a docno, or nil. O(log n).
  func find(_ docno: String) throws -> Int? {
    var docno = docno
    return try docno.withUTF8 { wanted in
      var low = 0
      var high = count
      while low < high {
        let middle = (low + high) / 2
        let row = Int(order[middle])
        guard row < count else { throw IndexError.corrupted(path: file.path, section: Section.docnoOrder.name) }
        let comparison = compareBytes(try bytes(row), wanted)
        if comparison == 0 { return row }
        if comparison < 0 { low = middle + 1 } else { high = middle }
      }
      return nil
    }
  }

  /// Writes the table of docnos with the numbers that `order` lists, in that order.
  static func write(_ docnos: ByteTable, order: [UInt32], to file: SectionFileWriter) throws {
    var offsets: [UInt64] = [0]
    offsets.reserveCapacity(order.count + 1)
    for number in order { offsets.append(offsets[offsets.count - 1] + UInt64(docnos[Int(number)].count)) }
    var row = [UInt32](repeating: 0, count: order.count)
    for (place, number) in order.enumerated() { row[Int(number)] = UInt32(place) }
    let sorted = docnos.sortedNumbers().map { row[$0] }
    var ranks = [UInt32](repeating: 0, count: order.count)
    for (rank, place) in sorted.enumerated() { ranks[Int(place)] = UInt32(rank) }
    try file.begin(.docnoOffsets)
    try file.append(offsets)
    try file.begin(.docnoText)
    for number in order { try file.append(UnsafeRawBufferPointer(docnos[Int(number)])) }
    try file.begin(.docnoRanks)
    try file.append(ranks)
    try file.begin(.docnoOrder)
    try file.append(sorted)
  }
}
