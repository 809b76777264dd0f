import CZstd
import GradusCore

/// Writes the stored documents of a segment; ``DocumentStore`` has the layout.
///
/// The bytes depend on the documents and their order alone (and on the version of libzstd).
struct DocumentStoreWriter {
  private let file: SectionFileWriter
  private let compression: StoredFieldCompression?
  /// Where each record begins among all records, unpacked, and where the last one ends.
  private var offsets: [UInt64] = [0]
  /// Per block, where its records begin, and where its packed bytes do.
  private var blocks: [UInt64] = []
  private var block: [UInt8] = []
  private var packed: [UInt8] = []

  /// A block is closed when it has so many bytes: enough to pack well, few enough to unpack in some microseconds.
  private static let blockBytes = 1 << 14
  private static let level: Int32 = 3

  init(file: SectionFileWriter, compression: StoredFieldCompression?) throws {
    self.file = file
    self.compression = compression
    try file.begin(.storedText)
  }

  mutating func append(_ document: Document) throws {
    let start = block.count
    DocumentStore.encode(document, into: &block)
    offsets.append(offsets[offsets.count - 1] + UInt64(block.count - start))
    if compression == nil {
      try file.append(block)
      block.removeAll(keepingCapacity: true)
    } else if block.count >= Self.blockBytes {
      try closeBlock()
    }
  }

  /// Ends the records and writes their places.
  ///
  /// - Returns: The size of the file in bytes.
  mutating func finish() throws -> Int {
    if !block.isEmpty { try closeBlock() }
    let end = UInt64(file.sectionCount)
    try file.begin(.storedOffsets)
    try file.append(offsets)
    if compression != nil {
      try file.begin(.storedBlocks)
      try file.append(blocks + [offsets[offsets.count - 1], end])
    }
    return try file.finish()
  }

  private mutating func closeBlock() throws {
    blocks.append(offsets[offsets.count - 1] - UInt64(block.count))
    blocks.append(UInt64(file.sectionCount))
    let bound = ZSTD_compressBound(block.count)
    if packed.count < bound { packed = [UInt8](repeating: 0, count: bound) }
    let count = ZSTD_compress(&packed, packed.count, block, block.count, Self.level)
    // With room for the worst case only memory can be missing.
    guard ZSTD_isError(count) == 0 else { throw FileError(.write, path: file.path, code: 12) }
    try packed.withUnsafeBytes { try file.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    block.removeAll(keepingCapacity: true)
  }
}
