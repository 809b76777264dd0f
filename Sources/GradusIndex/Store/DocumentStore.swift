import CZstd
import GradusCore

/// Titles, texts and metadata of the documents, read where they lie in the mapped file.
///
/// A record: u32 bytes of the title, u32 bytes of the text, u32 attributes, per attribute u32 bytes of the name and u32
/// bytes of the value; then title, text, and names and values in byte order of the names. The offsets count the bytes of the
/// records before each.
///
/// Packed, the records are Zstandard frames one after the other, each of some whole records, and the section of blocks has for
/// each frame where its records begin and where the frame does, u64 each, and last where both end.
struct DocumentStore: @unchecked Sendable {
  // Unchecked: pointers into the read-only mapping, which the index keeps.
  private let offsets: UnsafeBufferPointer<UInt64>
  private let text: UnsafeRawBufferPointer
  /// Nil where records are not packed.
  private let blocks: UnsafeBufferPointer<UInt64>?
  private let path: String

  /// A block has less than this, but for a document that has more by itself.
  private static let largestBlock = 1 << 33

  init(_ file: SectionFile, documents: Int) throws {
    path = file.path
    offsets = try file.numbers(.storedOffsets, as: UInt64.self, count: documents + 1)
    text = try file.bytes(.storedText)
    guard let size = file.summary(of: .storedBlocks)?.bytes else {
      blocks = nil
      return
    }
    guard size % 16 == 0, size >= 16 else {
      throw IndexError.corrupted(path: file.path, section: Section.storedBlocks.name)
    }
    blocks = try file.numbers(.storedBlocks, as: UInt64.self, count: size / 8)
  }

  func document(_ doc: Int, docno: String) throws -> Document {
    var block = UnpackedBlock()
    return try document(doc, docno: docno, &block)
  }

  /// A document, from the block that was unpacked last where it holds it: for reading many in order.
  func document(_ doc: Int, docno: String, _ block: inout UnpackedBlock) throws -> Document {
    let start = offsets[doc], end = offsets[doc + 1]
    guard start <= end else { throw IndexError.corrupted(path: path, section: Section.storedOffsets.name) }
    guard let blocks else {
      guard end <= UInt64(text.count) else { throw IndexError.corrupted(path: path, section: Section.storedOffsets.name) }
      return try Self.decode(UnsafeRawBufferPointer(rebasing: text[Int(start)..<Int(end)]), docno: docno, damage)
    }
    if !block.holds(start, end) { try unpack(&block, at: start, blocks) }
    guard block.holds(start, end) else { throw IndexError.corrupted(path: path, section: Section.storedBlocks.name) }
    return try block.bytes.withUnsafeBytes { bytes in
      let first = Int(start - block.start)
      return try Self.decode(
        UnsafeRawBufferPointer(rebasing: bytes[first..<first + Int(end - start)]), docno: docno, damage)
    }
  }

  /// Records of a block.
  struct UnpackedBlock {
    fileprivate var bytes: [UInt8] = []
    fileprivate var start: UInt64 = 0

    fileprivate func holds(_ start: UInt64, _ end: UInt64) -> Bool {
      start >= self.start && end - self.start <= UInt64(bytes.count) && !bytes.isEmpty
    }
  }

  private func unpack(_ block: inout UnpackedBlock, at offset: UInt64, _ blocks: UnsafeBufferPointer<UInt64>) throws {
    // The last block that begins at the offset or before.
    var low = 0, high = blocks.count / 2 - 1
    while high - low > 1 {
      let middle = (low + high) / 2
      if blocks[2 * middle] <= offset { low = middle } else { high = middle }
    }
    guard high > 0 else { throw IndexError.corrupted(path: path, section: Section.storedBlocks.name) }
    let start = blocks[2 * low], end = blocks[2 * low + 2]
    let first = blocks[2 * low + 1], last = blocks[2 * low + 3]
    guard start < end, end - start < UInt64(Self.largestBlock), first <= last, last <= UInt64(text.count) else {
      throw IndexError.corrupted(path: path, section: Section.storedBlocks.name)
    }
    let packed = UnsafeRawBufferPointer(rebasing: text[Int(first)..<Int(last)])
    let count = Int(end - start)
    // A damaged table must not ask for memory without end: the frame says itself how much it holds.
    guard ZSTD_getFrameContentSize(packed.baseAddress, packed.count) == UInt64(count) else { throw damage }
    block.start = start
    block.bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      let written = ZSTD_decompress(buffer.baseAddress, count, packed.baseAddress, packed.count)
      guard ZSTD_isError(written) == 0, written == count else { throw damage }
      filled = count
    }
  }

  private static func decode(_ bytes: UnsafeRawBufferPointer, docno: String, _ damage: IndexError) throws -> Document {
    var record = RecordReader(bytes: bytes)
    guard let titleCount = record.number(), let textCount = record.number(), let attributes = record.number() else {
      throw damage
    }
    var sizes: [(name: Int, value: Int)] = []
    for _ in 0..<attributes {
      guard let name = record.number(), let value = record.number() else { throw damage }
      sizes.append((name, value))
    }
    guard let title = record.string(titleCount), let body = record.string(textCount) else { throw damage }
    var metadata: [String: String] = [:]
    for size in sizes {
      guard let name = record.string(size.name), let value = record.string(size.value) else { throw damage }
      metadata[name] = value
    }
    return Document(docno: docno, title: title, text: body, metadata: metadata)
  }

  private var damage: IndexError { .corrupted(path: path, section: Section.storedText.name) }

  private struct RecordReader {
    let bytes: UnsafeRawBufferPointer
    var offset = 0

    mutating func number() -> Int? {
      guard bytes.count - offset >= 4 else { return nil }
      defer { offset += 4 }
      return Int(bytes.number(UInt32.self, at: offset))
    }

    mutating func string(_ count: Int) -> String? {
      guard bytes.count - offset >= count else { return nil }
      defer { offset += count }
      return String(decoding: bytes[offset..<offset + count], as: UTF8.self)
    }
  }

  /// Appends the record of a document to `bytes`.
  static func encode(_ document: Document, into bytes: inout [UInt8]) {
    func put(_ value: Int) { withUnsafeBytes(of: UInt32(value).littleEndian) { bytes.append(contentsOf: $0) } }
    let attributes =
      document.metadata.isEmpty
      ? [] : document.metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    put(document.title.utf8.count)
    put(document.text.utf8.count)
    put(attributes.count)
    for attribute in attributes {
      put(attribute.key.utf8.count)
      put(attribute.value.utf8.count)
    }
    bytes.append(contentsOf: document.title.utf8)
    bytes.append(contentsOf: document.text.utf8)
    for attribute in attributes {
      bytes.append(contentsOf: attribute.key.utf8)
      bytes.append(contentsOf: attribute.value.utf8)
    }
  }
}
