import GradusCore

/// Titles, texts and metadata of the documents, read where they lie in the mapped file.
///
/// A record: u32 bytes of the title, u32 bytes of the text, u32 attributes, per attribute u32 bytes of the name and u32
/// bytes of the value; then title, text, and names and values in byte order of the names.
struct DocumentStore: @unchecked Sendable {
  // Unchecked: pointers into the read-only mapping, which the index keeps.
  private let offsets: UnsafeBufferPointer<UInt64>
  private let text: UnsafeRawBufferPointer
  private let path: String

  init(_ file: SectionFile, documents: Int) throws {
    path = file.path
    offsets = try file.numbers(.storedOffsets, as: UInt64.self, count: documents + 1)
    text = try file.bytes(.storedText)
  }

  func document(_ doc: Int, docno: String) throws -> Document {
    let start = offsets[doc], end = offsets[doc + 1]
    guard start <= end, end <= UInt64(text.count) else {
      throw IndexError.corrupted(path: path, section: Section.storedOffsets.name)
    }
    var record = RecordReader(bytes: UnsafeRawBufferPointer(rebasing: text[Int(start)..<Int(end)]))
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
