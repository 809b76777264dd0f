import CGradusKernels
import GradusCore
import GradusFormats

/// Layout of a file of document states, version 1. All numbers are little-endian.
///
///     header     magic "GRDSTATE", u32 version, u32 bytes of a number (4 or 2), u32 width, u32 zero, fingerprint (64 digits)
///     records    each: token ids (i32), then their states, row after row
///     directory  per record: u64 offset, u64 hash of the ids, u32 tokens, u32 CRC-32C of the record
///     trailer    u64 offset of the directory, u64 records, u32 CRC-32C of header, directory and the 16 bytes before,
///                u32 zero, magic "GRDSTEND"
enum DocumentStateLayout {
  static let version: UInt32 = 1
  static let magic = Array("GRDSTATE".utf8)
  static let endMagic = Array("GRDSTEND".utf8)
  static let fingerprintBytes = 64
  static let headerBytes = 24 + fingerprintBytes
  static let entryBytes = 24
  static let trailerBytes = 32

  static func checksum(_ parts: [UnsafeRawBufferPointer]) -> UInt32 {
    parts.reduce(0) { sum, part in part.baseAddress.map { grd_crc32c(sum, $0, part.count) } ?? sum }
  }

  static func hash(_ ids: [Int32]) -> UInt64 {
    ids.withUnsafeBytes { ByteHash.hash($0.bindMemory(to: UInt8.self)) }
  }
}

/// A file of document states, mapped into memory.
final class DocumentStateFile: Sendable {
  private struct Entry {
    let range: Range<Int>
    let tokens: Int
    let checksum: UInt32
  }

  let fingerprint: String
  let storage: PrecomputedDocuments.Storage
  let width: Int
  private let file: MappedFile
  /// By the hash of the token ids.
  private let entries: [UInt64: [Entry]]

  var path: String { file.path }
  let count: Int

  /// - Throws: ``PrecomputedDocumentsError``, `FileError`.
  init(path: String) throws {
    typealias Layout = DocumentStateLayout
    file = try MappedFile(path: path)
    let bytes = file.bytes
    func damaged(_ reason: String) -> PrecomputedDocumentsError { .damaged(path: path, reason: reason) }
    guard bytes.count >= Layout.magic.count, bytes.prefix(Layout.magic.count).elementsEqual(Layout.magic) else {
      throw PrecomputedDocumentsError.format(path: path, reason: "is no file of document states")
    }
    guard bytes.count >= Layout.headerBytes + Layout.trailerBytes else { throw damaged("it ends within its header") }
    func word(_ at: Int) -> UInt32 { UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
    func long(_ at: Int) -> UInt64 { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)) }
    guard word(8) == Layout.version else {
      throw PrecomputedDocumentsError.format(
        path: path, reason: "states of version \(word(8)), written by another program; this one reads \(Layout.version)")
    }
    let trailer = bytes.count - Layout.trailerBytes
    guard bytes.suffix(Layout.endMagic.count).elementsEqual(Layout.endMagic) else { throw damaged("its end is missing") }
    let directory = Int(clamping: long(trailer)), records = Int(clamping: long(trailer + 8))
    guard directory >= Layout.headerBytes, directory <= trailer, records <= trailer / Layout.entryBytes,
      directory + records * Layout.entryBytes == trailer
    else { throw damaged("its directory has not the size that its end tells") }
    let checked = Layout.checksum([
      UnsafeRawBufferPointer(rebasing: bytes[..<Layout.headerBytes]),
      UnsafeRawBufferPointer(rebasing: bytes[directory..<trailer + 16]),
    ])
    guard checked == word(trailer + 16) else { throw damaged("header and directory do not have their checksum") }
    guard let storage = PrecomputedDocuments.Storage(rawValue: word(12)) else {
      throw PrecomputedDocumentsError.format(path: path, reason: "numbers of \(word(12)) bytes are unknown; 4 and 2 are read")
    }
    let width = Int(word(16))
    var entries: [UInt64: [Entry]] = [:]
    entries.reserveCapacity(records)
    for record in 0..<records {
      let at = directory + record * Layout.entryBytes
      let start = Int(clamping: long(at)), tokens = Int(word(at + 16))
      let size = tokens * (4 + width * storage.bytes)
      guard start >= Layout.headerBytes, start <= directory, size <= directory - start else {
        throw damaged("record \(record) lies outside of the file")
      }
      entries[long(at + 8), default: []].append(Entry(range: start..<start + size, tokens: tokens, checksum: word(at + 20)))
    }
    self.storage = storage
    self.width = width
    self.entries = entries
    count = records
    fingerprint = String(decoding: bytes[24..<Layout.headerBytes], as: UTF8.self)
  }

  /// The states of a document's tokens, nil where the file has none.
  func record(of ids: [Int32]) throws -> DocumentStateRecord? {
    for entry in entries[DocumentStateLayout.hash(ids)] ?? [] where entry.tokens == ids.count {
      let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
      guard DocumentStateLayout.checksum([bytes]) == entry.checksum else {
        throw PrecomputedDocumentsError.damaged(path: path, reason: "a document's states do not have their checksum")
      }
      let own = ids.withUnsafeBytes { ids in bytes.prefix(ids.count).elementsEqual(ids) }
      if own { return DocumentStateRecord(storage: storage, bytes: Array(bytes.dropFirst(4 * ids.count))) }
    }
    return nil
  }
}

/// Writes a file of document states, which appears under its name when it is complete.
final class DocumentStateWriter {
  private let file: OutputFile
  private let header: [UInt8]
  private var directory: [UInt8] = []
  private var position: Int
  private var count = 0

  init(path: String, fingerprint: String, width: Int, storage: PrecomputedDocuments.Storage) throws {
    typealias Layout = DocumentStateLayout
    file = try OutputFile(path: path)
    var header = Layout.magic
    for word in [Layout.version, storage.rawValue, UInt32(width), 0] { header.append(littleEndian: word) }
    header += Array(fingerprint.utf8)
    precondition(header.count == Layout.headerBytes, "a fingerprint has \(Layout.fingerprintBytes) digits")
    self.header = header
    position = header.count
    try file.write(header)
  }

  func add(_ ids: [Int32], _ record: DocumentStateRecord) throws {
    let idBytes = ids.withUnsafeBytes { Array($0) }
    let checksum = idBytes.withUnsafeBytes { first in
      record.bytes.withUnsafeBytes { DocumentStateLayout.checksum([first, $0]) }
    }
    directory.append(littleEndian: UInt64(position))
    directory.append(littleEndian: DocumentStateLayout.hash(ids))
    directory.append(littleEndian: UInt32(ids.count))
    directory.append(littleEndian: checksum)
    try file.write(idBytes)
    try file.write(record.bytes)
    position += idBytes.count + record.bytes.count
    count += 1
  }

  func commit() throws {
    var end = directory
    end.append(littleEndian: UInt64(position))
    end.append(littleEndian: UInt64(count))
    let checksum = header.withUnsafeBytes { first in end.withUnsafeBytes { DocumentStateLayout.checksum([first, $0]) } }
    end.append(littleEndian: checksum)
    end.append(littleEndian: UInt32(0))
    end += DocumentStateLayout.endMagic
    try file.write(end)
    try file.commit()
  }
}

extension [UInt8] {
  fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
