import Foundation
import GradusCore
@testable import GradusFormats
import GradusTestSupport
import Testing

@Suite("Common Index File Format")
struct CIFFTests {
  private static let lists = [
    CIFFPostingsList(term: "blue", documentFrequency: 1, collectionFrequency: 2, documents: [1], frequencies: [2]),
    CIFFPostingsList(
      term: "réd", documentFrequency: 3, collectionFrequency: 304, documents: [0, 1, 300], frequencies: [1, 3, 300]),
  ]

  private static let documents = [
    CIFFDocument(number: 0, docno: "a", length: 1), CIFFDocument(number: 1, docno: "b", length: 5),
  ]

  private static var header: CIFFHeader {
    var header = CIFFHeader()
    header.postingsLists = 2
    header.documents = 2
    header.totalPostingsLists = 9
    header.totalDocuments = 301
    header.totalTerms = 306
    header.averageDocumentLength = 1.5
    header.text = "a test"
    return header
  }

  private func check(_ path: String) throws {
    let reader = try CIFFReader(path: path)
    #expect(reader.header == Self.header)
    for list in Self.lists { #expect(try reader.nextPostingsList() == list) }
    #expect(try reader.nextPostingsList() == nil)
    for document in Self.documents { #expect(try reader.nextDocument() == document) }
    #expect(try reader.nextDocument() == nil)
    // Documents can be read without the lists.
    #expect(try CIFFReader(path: path).nextDocument() == Self.documents[0])
  }

  private func write(_ path: String) throws {
    let writer = try CIFFWriter(path: path, header: Self.header)
    for list in Self.lists { try writer.append(list) }
    for document in Self.documents { try writer.append(document) }
    try writer.commit()
  }

  @Test("A file that Python's protobuf wrote is read, and ours has the same bytes")
  func golden() throws {
    let path = try #require(Bundle.module.path(forResource: "protobuf", ofType: "ciff", inDirectory: "Fixtures/CIFF"))
    try check(path)
    let own = try TemporaryFolder.make() + "/own.ciff"
    try write(own)
    #expect(try Data(contentsOf: URL(fileURLWithPath: own)) == Data(contentsOf: URL(fileURLWithPath: path)))
  }

  @Test("Packed files")
  func packed() throws {
    let path = try TemporaryFolder.make() + "/packed.ciff.gz"
    try write(path)
    try check(path)
  }

  @Test("Damage is named, wherever the file is cut or changed")
  func damage() throws {
    let path = try TemporaryFolder.make() + "/damaged.ciff"
    try write(path)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    func read(_ bytes: [UInt8]) throws {
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      let reader = try CIFFReader(path: path)
      while try reader.nextPostingsList() != nil {}
      while try reader.nextDocument() != nil {}
    }
    try read(bytes)
    for count in 0..<bytes.count { #expect(throws: CIFFError.self, "\(count)") { try read(Array(bytes[..<count])) } }
    for place in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[place] ^= 1 << UInt8(bit)
        // Most changes are found; those that are not give other names or numbers, never a crash.
        _ = try? read(damaged)
      }
    }
    var version = bytes
    version[2] = 7
    #expect(throws: CIFFError(path: path, reason: .version(7))) { try read(version) }
  }
}
