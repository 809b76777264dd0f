#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore

extension ColumnsBuilder {
  static func encode(_ entries: [Entry]) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return [UInt8](try encoder.encode(entries))
  }
}

/// The columns of an index, read where they lie in the mapped file.
struct ColumnStore: @unchecked Sendable {
  // Unchecked: a pointer into the read-only mapping, which the file keeps.
  private let data: UnsafeRawBufferPointer
  private let entries: [ColumnsBuilder.Entry]
  private let documents: Int
  let file: SectionFile

  init(_ file: SectionFile, documents: Int) throws {
    self.file = file
    self.documents = documents
    data = try file.bytes(.columnData)
    do {
      entries = try JSONDecoder().decode([ColumnsBuilder.Entry].self, from: Data(try file.bytes(.columnDirectory)))
    } catch is DecodingError {
      throw IndexError.corrupted(path: file.path, section: Section.columnDirectory.name)
    }
    for entry in entries {
      guard entry.offset >= 0, entry.offset % 8 == 0, entry.bytes >= 0, entry.offset <= data.count,
        entry.bytes <= data.count - entry.offset
      else { throw IndexError.corrupted(path: file.path, section: Section.columnDirectory.name) }
    }
  }

  var columns: [MetadataColumn] { entries.map(\.column) }

  func verify() throws { try file.verify { _ in true } }

  func column(_ name: String) -> MetadataColumn? { entries.first { $0.column.name == name }?.column }

  /// The documents whose number or date passes a test.
  func documents(_ name: String, where isWanted: (Double) -> Bool) throws -> DocumentSet {
    let bytes = try bytes(name)
    guard bytes.count == 8 * documents else { throw damage }
    let values = bytes.bindMemory(to: Double.self)
    var set = DocumentSet(documents: documents)
    // NaN, no value, passes no comparison.
    for doc in 0..<documents where isWanted(values[doc]) { set.insert(doc) }
    return set
  }

  /// The documents that have one of the given keywords.
  func documents(_ name: String, in keywords: [String]) throws -> DocumentSet {
    let sought = Set(keywords)
    return try documents(name) { (keyword: String) in sought.contains(keyword) }
  }

  /// The documents that have any keyword.
  func documentsWithKeyword(_ name: String) throws -> DocumentSet { try documents(name) { (_: String) in true } }

  private func documents(_ name: String, where isWanted: (String) -> Bool) throws -> DocumentSet {
    let bytes = try bytes(name)
    guard bytes.count >= 8 else { throw damage }
    let count = bytes.number(UInt64.self, at: 0)
    let text = UInt64(bytes.count)
    guard count <= text / 8, 16 + 8 * count + 4 * UInt64(documents) <= text else { throw damage }
    let numbersStart = 16 + 8 * Int(count)
    let textStart = numbersStart + 4 * documents
    var wanted = Set<UInt32>()
    for number in 0..<Int(count) {
      let start = bytes.number(UInt64.self, at: 8 + 8 * number), end = bytes.number(UInt64.self, at: 16 + 8 * number)
      guard start <= end, end <= text - UInt64(textStart) else { throw damage }
      let value = bytes[textStart + Int(start)..<textStart + Int(end)]
      if isWanted(String(decoding: value, as: UTF8.self)) { wanted.insert(UInt32(number + 1)) }
    }
    var set = DocumentSet(documents: documents)
    for doc in 0..<documents where wanted.contains(bytes.number(UInt32.self, at: numbersStart + 4 * doc)) { set.insert(doc) }
    return set
  }

  private func bytes(_ name: String) throws -> UnsafeRawBufferPointer {
    guard let entry = entries.first(where: { $0.column.name == name }) else { throw damage }
    return UnsafeRawBufferPointer(rebasing: data[entry.offset..<entry.offset + entry.bytes])
  }

  private var damage: IndexError { .corrupted(path: file.path, section: Section.columnData.name) }
}
