#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import CGradusKernels

/// Writes how often each term stands in each field, in the order of the dictionary, and the lengths of the fields, to a file of
/// their own.
///
/// A term: for each block of its postings but the first, u32 bytes from the end of this table to the block; then the blocks. A
/// block: for each field but the text the head of its frequencies, then these, as `grd_encode_values` has them; the text has what
/// the others leave of the tf. After the last term slack for readers that load whole registers, then the places of all terms and
/// of the end, then a column of lengths per field in 1, 2 or 4 bytes a document, at a multiple of 8, and a directory of them in
/// JSON.
struct FieldsWriter {
  /// One field in the directory.
  struct Entry: Codable, Equatable {
    let name: String
    /// Of all documents of the segment.
    let tokens: Int
    /// Of the column of lengths.
    let offset: Int
    /// Bytes of a length.
    let width: Int
  }

  private let file: SectionFileWriter
  private let fields: IndexFields
  private var starts: [UInt64] = []
  private var offsets: [UInt32] = []
  private var bytes: [UInt8] = []
  private var values = [UInt32](repeating: 0, count: Int(GRD_BLOCK))
  private var packed = [UInt8](repeating: 0, count: Int(GRD_VALUES_BYTES))

  init(file: SectionFileWriter, fields: IndexFields) throws {
    self.file = file
    self.fields = fields
    try file.begin(.fieldFrequencies)
  }

  /// Adds a term.
  ///
  /// - Parameter frequencies: For each posting those in the fields but the text.
  mutating func append(_ frequencies: UnsafeBufferPointer<UInt32>) throws {
    let stored = fields.names.count - 1
    let blockSize = Int(GRD_BLOCK) * stored
    starts.append(UInt64(file.sectionCount))
    offsets.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
    for start in stride(from: 0, to: frequencies.count, by: blockSize) {
      if start > 0 {
        guard bytes.count <= Int(UInt32.max) else {
          throw IndexError.limitExceeded(path: file.path, what: "bytes of fields of one term", limit: Int(UInt32.max))
        }
        offsets.append(UInt32(bytes.count))
      }
      let block = UnsafeBufferPointer(rebasing: frequencies[start..<min(start + blockSize, frequencies.count)])
      for field in 0..<stored { appendPacked(block, field, of: stored) }
    }
    try file.append(offsets)
    try file.append(bytes)
  }

  private mutating func appendPacked(_ block: UnsafeBufferPointer<UInt32>, _ field: Int, of stored: Int) {
    let count = block.count / stored
    for place in 0..<count { values[place] = block[place * stored + field] }
    var head: UInt8 = 0
    let packedCount = grd_encode_values(values, count, &head, &packed)
    bytes.append(head)
    bytes.append(contentsOf: packed[..<packedCount])
  }

  /// Ends the frequencies and writes the lengths.
  ///
  /// - Parameter lengths: Of each document those of all fields, document after document.
  mutating func finish(lengths: [UInt32]) throws {
    starts.append(UInt64(file.sectionCount))
    try file.append([UInt8](repeating: 0, count: Int(GRD_SLACK)))
    try file.begin(.fieldStarts)
    try file.append(starts)
    try file.begin(.fieldLengths)
    var entries: [Entry] = []
    let count = fields.names.count
    for (field, name) in fields.names.enumerated() {
      let column = stride(from: field, to: lengths.count, by: count).map { lengths[$0] }
      let greatest = column.max() ?? 0
      let width = greatest <= UInt8.max ? 1 : greatest <= UInt16.max ? 2 : 4
      entries.append(
        Entry(name: name, tokens: column.reduce(0) { $0 + Int($1) }, offset: file.sectionCount, width: width))
      switch width {
      case 1: try file.append(column.map { UInt8($0) })
      case 2: try file.append(column.map { UInt16($0) })
      default: try file.append(column)
      }
      try file.append([UInt8](repeating: 0, count: (8 - file.sectionCount % 8) % 8))
    }
    try file.begin(.fieldDirectory)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    try file.append([UInt8](try encoder.encode(entries)))
  }
}
