import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Impact index: what is refused")
struct ImpactIndexErrorTests {
  private func error(adding terms: [WeightedTerm], docno: String = "a") throws -> (any Error)? {
    let folder = try TemporaryFolder()
    let builder = try ImpactIndexBuilder(creating: folder.path("idx"))
    do {
      try builder.add(Document(docno: docno, text: ""), terms: terms)
      return nil
    } catch {
      #expect(throws: IndexError.builderClosed(path: folder.path("idx"))) { try builder.finish() }
      #expect(try TemporaryFolder.names(in: folder.path("idx")).filter { $0 != "lock" }.isEmpty)
      return error
    }
  }

  @Test("Weights that mean nothing", arguments: [-0.5, -.infinity, .infinity, 1e300])
  func weights(weight: Double) throws {
    let found = try error(adding: [WeightedTerm("x", weight: 1), WeightedTerm("y", weight: weight)])
    #expect(found as? ImpactIndexError == .invalidWeight(docno: "a", term: "y", weight: weight))
  }

  @Test("NaN, a term twice, a term without letters, docnos")
  func terms() throws {
    guard case .invalidWeight("a", "y", let weight)? = try error(adding: [WeightedTerm("y", weight: .nan)]) as? ImpactIndexError
    else { return #expect(Bool(false), "NaN was taken") }
    #expect(weight.isNaN)
    #expect(
      try error(adding: [WeightedTerm("y"), WeightedTerm("z"), WeightedTerm("y")]) as? ImpactIndexError
        == .duplicateTerm(docno: "a", term: "y"))
    #expect(try error(adding: [WeightedTerm("")]) as? ImpactIndexError == .emptyTerm(docno: "a"))
    #expect(try error(adding: [], docno: "a b") as? IndexError == .invalidDocno("a b", position: 1))
    let folder = try TemporaryFolder()
    let builder = try ImpactIndexBuilder(creating: folder.path("idx"))
    try builder.add(Document(docno: "a", text: ""), terms: [])
    #expect(throws: IndexError.duplicateDocno("a", firstPosition: 1, position: 2)) {
      try builder.add(Document(docno: "a", text: ""), terms: [])
    }
  }

  @Test("Queries and documents that cannot be")
  func queries() throws {
    let folder = try TemporaryFolder()
    let index = try WeightedCollection(20, terms: 5, vocabulary: 6, seed: 2).build(in: folder.path("idx"))
    for weight in [-1, -Double.infinity, .infinity] {
      #expect(throws: ImpactIndexError.invalidQueryWeight(term: "t1", weight: weight)) {
        try index.search([WeightedTerm("t1", weight: weight)])
      }
    }
    #expect(throws: ImpactIndexError.self) { try index.search([WeightedTerm("t1", weight: .nan)]) }
    #expect(throws: IndexError.invalidQuery("k is -1; expected 0 or more documents")) { try index.search([], k: -1) }
    #expect(throws: IndexError.unknownDocno("x")) { try index.score([WeightedTerm("t1")], docnos: ["x"]) }
    #expect(throws: IndexError.unknownDocno("x")) { try index.explain([WeightedTerm("t1")], docno: "x") }
  }

  @Test("Folders of other indexes are left alone, and no other index is opened")
  func otherIndexes() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try RandomCollection.build(RandomCollection.documents(5, words: 3, vocabulary: 5, seed: 1), in: path)
    let before = try TemporaryFolder.contents(of: path)
    #expect(throws: ImpactIndexError.otherIndex(path: path)) { try ImpactIndexBuilder(creating: path) }
    #expect(try TemporaryFolder.contents(of: path) == before)
    #expect(!ImpactIndex.isPresent(at: path))
    #expect(throws: IndexError.notAnIndex(path: path + "/manifest")) { try ImpactIndex(path: path) }
    let impacts = folder.path("impacts")
    try WeightedCollection(5, terms: 3, vocabulary: 5, seed: 1).build(in: impacts)
    #expect(ImpactIndex.isPresent(at: impacts))
    #expect(throws: IndexError.self) { try InvertedIndex(path: impacts) }
    #expect(throws: IndexError.self) { try VectorIndex(path: impacts) }
  }

  @Test("Two builders in one folder, and an index that is replaced while it is open")
  func replacement() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let first = try WeightedCollection(30, terms: 5, vocabulary: 8, seed: 1).build(in: path)
    let before = try first.search([WeightedTerm("t0")], k: 5)
    let builder = try ImpactIndexBuilder(creating: path)
    #expect(throws: IndexError.self) { try ImpactIndexBuilder(creating: path) }
    try builder.add(Document(docno: "only", text: ""), terms: [WeightedTerm("t0")])
    _ = try builder.finish()
    #expect(try first.search([WeightedTerm("t0")], k: 5) == before)
    #expect(try ImpactIndex(path: path).search([WeightedTerm("t0")], k: 5).documents.map(\.docno) == ["only"])
    #expect(try ImpactIndex(path: path).fingerprint() != first.fingerprint())
    try ImpactIndex(path: path).verify()
  }

  @Test("A full disk at any call leaves the index that was there")
  func fullDisk() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let old = WeightedCollection(1, terms: 4, vocabulary: 2, seed: 3)
    try old.build(in: path)
    let before = try TemporaryFolder.contents(of: path)
    let collection = WeightedCollection(3, terms: 5, vocabulary: 9, seed: 4)
    var failures = 0
    while true {
      do {
        let builder = try ImpactIndexBuilder(
          path, configuration: ImpactIndexConfiguration(), memoryBudgetBytes: 1, calls: Faults(after: failures).calls)
        for (document, terms) in collection.documents { try builder.add(document, terms: terms) }
        _ = try builder.finish()
        break
      } catch let error as FileError {
        #expect(error.code == ENOSPC)
        if try TemporaryFolder.contents(of: path)["manifest"] == before["manifest"] {
          #expect(try TemporaryFolder.contents(of: path) == before, "after \(failures) calls")
        } else {
          // The last flush of the folder failed after the manifest was in place: the new index is complete.
          #expect(try ImpactIndex(path: path).statistics.documents == collection.documents.count)
        }
      }
      failures += 1
      try #require(failures < 200)
    }
    #expect(failures > 8)
    try ImpactIndex(path: path).verify()
  }

  @Test("One flipped bit anywhere: an error, or the same answers; verify finds what opening does not")
  func flippedBits() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let collection = WeightedCollection(200, terms: 10, vocabulary: 40, seed: 21)
    try collection.build(in: path)
    let queries = WeightedCollection.queries(6, terms: 5, vocabulary: 40, seed: 22)
    func observe() throws -> ([SearchResult], [Document?]) {
      let index = try ImpactIndex(path: path)
      return (
        try queries.map { try index.search($0, k: 20) },
        try collection.documents.map { try index.document(docno: $0.document.docno) }
      )
    }
    let expected = try observe()
    var generator = SeededGenerator(seed: 23)
    var errors = 0
    for name in try TemporaryFolder.names(in: path) where name != "lock" {
      let file = path + "/" + name
      let bytes = try TemporaryFolder.read(file)
      for place in bytes.indices where place < 100 || place >= bytes.count - 100 || place % 37 == 0 {
        var damaged = bytes
        damaged[place] ^= 1 << UInt8(generator.integer(below: 8))
        try TemporaryFolder.write(damaged, file)
        do {
          let found = try observe()
          if found.0 == expected.0, found.1 == expected.1 { continue }
          #expect(throws: IndexError.self, "\(name), byte \(place)") { try ImpactIndex(path: path).verify() }
        } catch is GradusError {
          errors += 1
        }
      }
      for count in [0, 15, 40, bytes.count / 2, bytes.count - 1] {
        try TemporaryFolder.write(Array(bytes[..<count]), file)
        #expect(throws: IndexError.self, "\(name), \(count) bytes") { try ImpactIndex(path: path) }
      }
      try TemporaryFolder.write(bytes, file)
    }
    #expect(errors > 200)
  }

  @Test("Errors say where, what and what to do, in one line")
  func descriptions() {
    let fingerprint = EncoderFingerprint(name: "m", digest: "abc", settings: "tokens")
    let errors: [ImpactIndexError] = [
      .invalidWeight(docno: "d", term: "t", weight: -1), .duplicateTerm(docno: "d", term: "t"), .emptyTerm(docno: "d"),
      .invalidQueryWeight(term: "t", weight: .nan), .otherIndex(path: "p"),
      .vocabularyMismatch(path: "p", found: fingerprint, expected: fingerprint),
    ]
    for error in errors { #expect(!error.description.contains("\n") && error.description.count > 30) }
    #expect(errors.map(\.failureKind) == [.badData, .badData, .badData, .usage, .usage, .usage])
  }
}
