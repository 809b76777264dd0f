import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Damaged and foreign files")
struct DamageTests {
  private static let documents = RandomCollection.documents(300, words: 12, vocabulary: 90, seed: 21)
  private static let queries = RandomCollection.queries(6, terms: 5, vocabulary: 90, seed: 22) + ["w0 w1 w2 w3"]

  /// What can be got out of an index: answers, scores and documents.
  private static func observe(_ path: String) throws -> ([SearchResult], [Document]) {
    let index = try InvertedIndex(path: path)
    let results = try queries.map { try index.search($0, k: 20) }
    _ = try index.explain(queries[0], docno: documents[0].docno)
    return (results, try (0..<documents.count).map { try index.document(DocIndex($0)) })
  }

  @Test("One flipped bit anywhere: an error, or the same answers; verify finds what opening does not")
  func flippedBits() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try RandomCollection.build(Self.documents, in: path)
    #expect(try IndexManifest.read(folder: path).segments[0].coding == .packed)
    let expected = try Self.observe(path)
    var generator = SeededGenerator(seed: 23)
    var errors = 0
    var silent = 0
    for name in try TemporaryFolder.names(in: path) where name != "lock" {
      let file = path + "/" + name
      let bytes = try TemporaryFolder.read(file)
      // Every byte of the first and last 150, and every 61st between.
      for place in bytes.indices where place < 150 || place >= bytes.count - 150 || place % 61 == 0 {
        var damaged = bytes
        damaged[place] ^= 1 << UInt8(generator.integer(below: 8))
        try TemporaryFolder.write(damaged, file)
        do {
          let found = try Self.observe(path)
          if found.0 == expected.0, found.1 == expected.1 { continue }
          silent += 1
          #expect(throws: IndexError.self, "\(name), byte \(place)") { try InvertedIndex(path: path).verify() }
        } catch is GradusError {
          errors += 1
        }
      }
      try TemporaryFolder.write(bytes, file)
    }
    #expect(errors > 500)
    #expect(silent > 0, "the test must reach postings and stored documents")
  }

  @Test("verify finds every flipped bit in a section")
  func verification() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    try RandomCollection.build(Self.documents, in: path).verify()
    for (name, sections) in [("segment-1.postings", 1), ("segment-1.documents", 2)] {
      let file = path + "/" + name
      let bytes = try TemporaryFolder.read(file)
      // The first section starts at byte 64.
      for place in [64, 65, 100, 64 + bytes.count / (4 * sections)] {
        var damaged = bytes
        damaged[place] ^= 16
        try TemporaryFolder.write(damaged, file)
        #expect(throws: IndexError.self) { try InvertedIndex(path: path).verify() }
      }
      try TemporaryFolder.write(bytes, file)
    }
  }

  @Test("A file cut short is refused")
  func truncated() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try RandomCollection.build(Self.documents, in: path)
    for name in ["manifest", "segment-1.postings", "segment-1.documents"] {
      let file = path + "/" + name
      let bytes = try TemporaryFolder.read(file)
      for count in [0, 1, 15, 16, 39, 40, bytes.count / 2, bytes.count - 1] {
        try TemporaryFolder.write(Array(bytes[..<count]), file)
        #expect(throws: IndexError.self, "\(name), \(count) bytes") { try InvertedIndex(path: path) }
      }
      try TemporaryFolder.write(bytes + [0], file)
      #expect(throws: IndexError.self, "\(name), a byte too many") { try InvertedIndex(path: path) }
      try TemporaryFolder.write(bytes, file)
    }
    let file = path + "/segment-1.postings"
    let bytes = try TemporaryFolder.read(file)
    try TemporaryFolder.write(Array(bytes.dropLast(5)), file)
    #expect(throws: IndexError.truncated(path: file, expectedBytes: bytes.count, foundBytes: bytes.count - 5)) {
      try InvertedIndex(path: path)
    }
  }

  @Test("Garbage in place of postings and stored documents never brings the program down")
  func garbage() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try RandomCollection.build(Self.documents, in: path)
    var generator = SeededGenerator(seed: 24)
    for name in ["segment-1.postings", "segment-1.documents"] {
      let file = path + "/" + name
      let bytes = try TemporaryFolder.read(file)
      // The sections that opening does not read come first, from byte 64.
      let unread = name.hasSuffix("postings") ? 64..<1500 : 64..<bytes.count - 100
      for round in 0..<60 {
        var damaged = bytes
        for place in unread where round % 3 == 0 || generator.integer(below: 20) == 0 {
          damaged[place] = UInt8(truncatingIfNeeded: generator.next())
        }
        try TemporaryFolder.write(damaged, file)
        _ = try? Self.observe(path)
        #expect(throws: IndexError.self) { try InvertedIndex(path: path).verify() }
      }
      try TemporaryFolder.write(bytes, file)
    }
  }

  @Test("Other versions are named")
  func versions() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try RandomCollection.build(Self.documents, in: path)
    let manifest = try TemporaryFolder.read(path + "/manifest")
    let text = String(decoding: manifest, as: UTF8.self)
    #expect(text.hasPrefix("gradus-index \(try IndexManifest.read(folder: path).version) "))
    try TemporaryFolder.write(Array(("gradus-index 7 " + text.dropFirst(15)).utf8), path + "/manifest")
    let latest = IndexManifest.versions.upperBound
    #expect(throws: IndexError.unsupportedVersion(path: path + "/manifest", found: 7, supported: latest)) {
      try InvertedIndex(path: path)
    }
    // A newer index is kept until a new one takes its place.
    try IndexBuilder(directory: path, analyzer: .english).abandon()
    #expect(try TemporaryFolder.names(in: path).contains("segment-1.postings"))
    _ = try RandomCollection.build([Document(docno: "a", text: "x")], in: path)
    #expect(try TemporaryFolder.names(in: path) == ["lock", "manifest", "segment-2.documents", "segment-2.postings"])
    var segment = try TemporaryFolder.read(path + "/segment-2.postings")
    segment[8] = 9
    try TemporaryFolder.write(segment, path + "/segment-2.postings")
    #expect(throws: IndexError.unsupportedVersion(path: path + "/segment-2.postings", found: 9, supported: 1)) {
      try InvertedIndex(path: path)
    }
  }

  @Test("What is no index")
  func notAnIndex() throws {
    let folder = try TemporaryFolder()
    #expect(throws: IndexError.notAnIndex(path: folder.path)) { try InvertedIndex(path: folder.path) }
    try TemporaryFolder.write(Array("hello\n".utf8), folder.path("manifest"))
    #expect(throws: IndexError.notAnIndex(path: folder.path("manifest"))) { try InvertedIndex(path: folder.path) }
    #expect(throws: IndexError.notAnIndex(path: folder.path("manifest"))) { try InvertedIndex(path: folder.path("manifest")) }
    #expect(throws: FileError.self) { try InvertedIndex(path: folder.path("missing")) }
  }
}
