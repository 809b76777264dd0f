import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Damaged files of vector and token indexes")
struct VectorDamageTests {
  private static let vectors = RandomVectors.make(150, dimension: 24, seed: 1)
  private static let queries = RandomVectors.make(4, dimension: 24, seed: 2)

  private static func build(_ path: String) throws {
    try RandomVectors.build(
      vectors, in: path,
      VectorIndexConfiguration(
        dimension: 24, encoding: .bfloat16, encoder: RandomVectors.encoder, graph: HNSWOptions(M: 4, efConstruction: 20)))
    let writer = try VectorIndexWriter(updating: path, encoder: RandomVectors.encoder)
    try writer.delete(docno: RandomVectors.docno(3))
    try writer.commit()
  }

  /// What can be got out of an index.
  private static func observe(_ path: String) throws -> [VectorSearchResult] {
    let index = try VectorIndex(path: path)
    for number in stride(from: 0, to: 150, by: 10) { _ = try index.vector(docno: RandomVectors.docno(number)) }
    return try queries.flatMap { query in
      try [VectorSearchOptions.Strategy.exact, .graph].map {
        try index.search(query, k: 12, options: VectorSearchOptions(efSearch: 20, strategy: $0))
      }
    }
  }

  @Test("A file cut short is refused, at every length")
  func truncated() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    try Self.build(path)
    for name in try TemporaryFolder.names(in: path) where name != "lock" {
      let file = path + "/" + name
      let bytes = try TemporaryFolder.read(file)
      let step = max(1, bytes.count / 150)
      for count in Array(stride(from: 0, to: bytes.count, by: step)) + [bytes.count - 1] {
        try TemporaryFolder.write(Array(bytes[..<count]), file)
        #expect(throws: IndexError.self, "\(name), \(count) bytes") { try VectorIndex(path: path) }
      }
      try TemporaryFolder.write(bytes + [0], file)
      #expect(throws: IndexError.self, "\(name), a byte too many") { try VectorIndex(path: path) }
      try TemporaryFolder.write(bytes, file)
    }
    #expect(try Self.observe(path).count == 8)
  }

  @Test("One flipped bit anywhere: an error, or an answer; verify finds what opening does not")
  func flippedBits() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    try Self.build(path)
    let expected = try Self.observe(path)
    var generator = SeededGenerator(seed: 3)
    var errors = 0, silent = 0
    for name in try TemporaryFolder.names(in: path) where name != "lock" {
      let file = path + "/" + name
      let bytes = try TemporaryFolder.read(file)
      for place in bytes.indices where place < 100 || place >= bytes.count - 100 || place % 97 == 0 {
        var damaged = bytes
        damaged[place] ^= 1 << UInt8(generator.integer(below: 8))
        try TemporaryFolder.write(damaged, file)
        do {
          if try Self.observe(path) == expected { continue }
          silent += 1
          #expect(throws: IndexError.self, "\(name), byte \(place)") { try VectorIndex(path: path).verify() }
        } catch is GradusError {
          errors += 1
        }
      }
      try TemporaryFolder.write(bytes, file)
    }
    #expect(errors > 300 && silent > 0)
  }

  @Test("Garbage in place of vectors and links never brings the program down")
  func garbage() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    try Self.build(path)
    var generator = SeededGenerator(seed: 4)
    // What opening does not read: the vectors from byte 64, 64 bytes each; in the graph its codes, too, and behind their scales
    // and lengths (600 bytes each, at multiples of 64) the links.
    for (name, range) in [
      ("segment-1.vectors", 64..<9664), ("segment-1.graph", 64..<9664), ("segment-1.graph", 10944..<16344),
    ] {
      let file = path + "/" + name
      let bytes = try TemporaryFolder.read(file)
      for round in 0..<40 {
        var damaged = bytes
        for place in range where round % 3 == 0 || generator.integer(below: 30) == 0 {
          damaged[place] = UInt8(truncatingIfNeeded: generator.next())
        }
        try TemporaryFolder.write(damaged, file)
        _ = try? Self.observe(path)
        #expect(throws: IndexError.self) { try VectorIndex(path: path).verify() }
      }
      try TemporaryFolder.write(bytes, file)
    }
  }

  @Test("Other versions and other kinds are named")
  func versions() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    try Self.build(path)
    let manifest = path + "/manifest"
    let text = String(decoding: try TemporaryFolder.read(manifest), as: UTF8.self)
    #expect(text.hasPrefix("gradus-vectors 1 "))
    #expect(VectorIndex.isPresent(at: path) && !VectorIndex.isPresent(at: folder.path))
    #expect(throws: IndexError.notAnIndex(path: manifest)) { try InvertedIndex(path: path) }
    #expect(throws: IndexError.notAnIndex(path: manifest)) { try TokenIndex(path: path) }
    try TemporaryFolder.write(Array(("gradus-vectors 7 " + text.dropFirst(17)).utf8), manifest)
    #expect(throws: IndexError.unsupportedVersion(path: manifest, found: 7, supported: 2)) { try VectorIndex(path: path) }
    #expect(throws: IndexError.notAnIndex(path: folder.path)) { try VectorIndex(path: folder.path) }
  }

  @Test("A token index refuses a file cut short, and garbage does not bring it down")
  func tokens() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try TokenCollection.build(60, in: path)
    let query = TokenCollection.query(0)
    let file = path + "/segment-1.tokens"
    let bytes = try TemporaryFolder.read(file)
    for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 200)) {
      try TemporaryFolder.write(Array(bytes[..<count]), file)
      #expect(throws: IndexError.self) { try TokenIndex(path: path) }
    }
    var generator = SeededGenerator(seed: 5)
    for round in 0..<40 {
      var damaged = bytes
      for place in 64..<bytes.count - 200 where round % 3 == 0 || generator.integer(below: 50) == 0 {
        damaged[place] = UInt8(truncatingIfNeeded: generator.next())
      }
      try TemporaryFolder.write(damaged, file)
      if let index = try? TokenIndex(path: path) {
        _ = try? index.search(query, k: 5)
        _ = try? index.exhaustive(query, k: 5)
        #expect(throws: IndexError.self) { try index.verify() }
      }
    }
  }
}
