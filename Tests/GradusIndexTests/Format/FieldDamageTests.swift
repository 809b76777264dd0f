import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Damaged files of fields")
struct FieldDamageTests {
  private static let documents = FieldCollection.documents(300, words: 10, vocabulary: 90, seed: 25)
  private static let queries = RandomCollection.queries(6, terms: 5, vocabulary: 90, seed: 26) + ["w0 w1 w2 w3"]

  private static func observe(_ path: String) throws -> [SearchResult] {
    let index = try InvertedIndex(path: path)
    let model = BM25F(fields: [.init("title", weight: 2, b: 1)])
    _ = try index.explain(queries[0], docno: documents[0].docno, model: model)
    return try queries.map { try index.search($0, k: 20, model: model) }
  }

  @Test("One flipped bit anywhere: an error, or the same answers; verify finds what opening does not")
  func flippedBits() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    try FieldCollection.build(Self.documents, in: path)
    let expected = try Self.observe(path)
    let file = path + "/segment-1.fields"
    let bytes = try TemporaryFolder.read(file)
    var generator = SeededGenerator(seed: 27)
    var errors = 0, silent = 0
    for place in bytes.indices where place < 150 || place >= bytes.count - 150 || place % 23 == 0 {
      var damaged = bytes
      damaged[place] ^= 1 << UInt8(generator.integer(below: 8))
      try TemporaryFolder.write(damaged, file)
      do {
        if try Self.observe(path) == expected { continue }
        silent += 1
        #expect(throws: IndexError.self, "byte \(place)") { try InvertedIndex(path: path).verify() }
      } catch let error as IndexError {
        errors += 1
        #expect("\(error)".contains("segment-1.fields"), "\(error)")
      }
    }
    #expect(errors > 50)
    #expect(silent > 0, "the test must reach the frequencies")
  }

  @Test("Garbage in place of frequencies never brings the program down, nor does a merge take it")
  func garbage() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    try FieldCollection.build(Self.documents, in: path)
    let file = path + "/segment-1.fields"
    let bytes = try TemporaryFolder.read(file)
    var generator = SeededGenerator(seed: 28)
    var refused = 0
    for round in 0..<60 {
      var damaged = bytes
      for place in 64..<1000 where round % 3 == 0 || generator.integer(below: 20) == 0 {
        damaged[place] = UInt8(truncatingIfNeeded: generator.next())
      }
      try TemporaryFolder.write(damaged, file)
      do {
        _ = try Self.observe(path)
      } catch let error as IndexError {
        refused += 1
        #expect(error == .corrupted(path: file, section: Section.fieldFrequencies.name))
      }
      #expect(throws: IndexError.self) { try InvertedIndex(path: path).verify() }
      // Models that know no fields read other files.
      #expect(try !InvertedIndex(path: path).search("w0 w1", k: 5).documents.isEmpty)
    }
    #expect(refused > 20)
    var damaged = bytes
    for place in 64..<1000 { damaged[place] = 255 }
    try TemporaryFolder.write(damaged, file)
    let writer = try IndexWriter(updating: path)
    try writer.delete(docno: Self.documents[0].docno)
    #expect(throws: IndexError.corrupted(path: file, section: Section.fieldFrequencies.name)) { try writer.optimize() }
    #expect(try InvertedIndex(path: path).statistics.documents == 300, "the index is as it was")
  }

  @Test("A file cut short or of another kind is refused; one that is missing too")
  func truncated() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    try FieldCollection.build(Self.documents, in: path)
    let file = path + "/segment-1.fields"
    let bytes = try TemporaryFolder.read(file)
    for count in [0, 1, 16, 40, bytes.count / 2, bytes.count - 1] {
      try TemporaryFolder.write(Array(bytes[..<count]), file)
      #expect(throws: IndexError.truncated(path: file, expectedBytes: bytes.count, foundBytes: count)) {
        try InvertedIndex(path: path)
      }
    }
    try FileManager.default.removeItem(atPath: file)
    #expect(throws: FileError.self) { try InvertedIndex(path: path) }
    let other = try TemporaryFolder.read(path + "/segment-1.postings")
    try TemporaryFolder.write(Array((other + bytes).prefix(bytes.count)), file)
    #expect(throws: IndexError.self) { try InvertedIndex(path: path) }
  }
}
