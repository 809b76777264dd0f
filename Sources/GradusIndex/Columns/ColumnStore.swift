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

  /// The documents that have one of the given keywords. O(documents): keywords are looked up in their byte order.
  func documents(_ name: String, in keywords: [String]) throws -> DocumentSet {
    let column = try KeywordColumn(try bytes(name), documents: documents, damage: damage)
    let wanted = try keywords.compactMap { try column.number(of: $0) }
    return column.documents { number in wanted.contains(number) }
  }

  /// The documents that have any keyword.
  func documentsWithKeyword(_ name: String) throws -> DocumentSet {
    try KeywordColumn(try bytes(name), documents: documents, damage: damage).documents { $0 != 0 }
  }

  private func bytes(_ name: String) throws -> UnsafeRawBufferPointer {
    guard let entry = entries.first(where: { $0.column.name == name }) else { throw damage }
    return UnsafeRawBufferPointer(rebasing: data[entry.offset..<entry.offset + entry.bytes])
  }

  private var damage: IndexError { .corrupted(path: file.path, section: Section.columnData.name) }
}
