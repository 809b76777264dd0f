import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Stored documents")
struct StoredDocumentTests {
  private static func documents() -> [Document] {
    var generator = SeededGenerator(seed: 81)
    return (0..<500).map { number in
      // Empty ones, small ones, and some greater than a block.
      let words = number % 97 == 0 ? 6000 : number % 10 == 0 ? 0 : 30
      let text = (0..<words).map { _ in "wörd\(generator.integer(below: 300))" }.joined(separator: " ")
      return Document(
        docno: "d\(number)", title: number % 3 == 0 ? "Title \(number)" : "", text: text,
        metadata: number % 4 == 0 ? ["n": "\(number)", "": "empty name"] : [:])
    }
  }

  @Test("Packed or not, in any order, documents come back as they were", arguments: [StoredFieldCompression?.none, .zstd])
  func roundTrip(compression: StoredFieldCompression?) throws {
    let folder = try TemporaryFolder()
    let documents = Self.documents()
    let index = try RandomCollection.build(documents, in: folder.path("idx"), compression: compression)
    try index.verify()
    for number in documents.indices.reversed() { #expect(try index.document(DocIndex(number)) == documents[number]) }
    for number in stride(from: 0, to: 500, by: 7) { #expect(try index.document(docno: "d\(number)") == documents[number]) }
    #expect(try IndexManifest.read(folder: folder.path("idx")).segments.map(\.compression) == [compression])
  }

  @Test("Packing makes texts smaller, and changes neither postings nor answers")
  func size() throws {
    let folder = try TemporaryFolder()
    let documents = Self.documents()
    let plain = try RandomCollection.build(documents, in: folder.path("plain"), compression: nil)
    let packed = try RandomCollection.build(documents, in: folder.path("packed"))
    func bytes(_ name: String) throws -> [UInt8] { try TemporaryFolder.read(folder.path(name)) }
    #expect(try 2 * bytes("packed/segment-1.documents").count < bytes("plain/segment-1.documents").count)
    #expect(try bytes("packed/segment-1.postings") == bytes("plain/segment-1.postings"))
    #expect(try packed.search("wörd1 wörd2", k: 30) == plain.search("wörd1 wörd2", k: 30))
  }

  @Test("Damaged blocks and places end in errors, never in another document, when verified")
  func damage() throws {
    let folder = try TemporaryFolder()
    let documents = Array(Self.documents()[1..<60])
    _ = try RandomCollection.build(documents, in: folder.path("idx"))
    let file = folder.path("idx/segment-1.documents")
    let bytes = try TemporaryFolder.read(file)
    var generator = SeededGenerator(seed: 82)
    var errors = 0
    for round in 0..<400 {
      var damaged = bytes
      let place = round < 200 ? generator.integer(below: bytes.count) : bytes.count - 1 - generator.integer(below: 700)
      damaged[place] ^= UInt8(1 + generator.integer(below: 255))
      try TemporaryFolder.write(damaged, file)
      do {
        let index = try InvertedIndex(path: folder.path("idx"))
        for number in documents.indices where try index.document(DocIndex(number)) != documents[number] {
          // Bytes of a text may change unnoticed while it is read, but not when all is verified.
          #expect(throws: IndexError.self) { try index.verify() }
          break
        }
      } catch is IndexError {
        errors += 1
      }
    }
    #expect(errors > 50)
  }
}
