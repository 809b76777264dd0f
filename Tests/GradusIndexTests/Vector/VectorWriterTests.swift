import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Adding to and deleting from a vector index")
struct VectorWriterTests {
  static let configuration = VectorIndexConfiguration(
    dimension: 24, encoder: RandomVectors.encoder, graph: HNSWOptions(M: 6, efConstruction: 40))
  private static let exact = VectorSearchOptions(strategy: .exact)

  @Test(
    "Added and deleted documents, then compaction: the answers are those of an index that was built at once",
    arguments: [true, false])
  func updates(isGraph: Bool) throws {
    let folder = try TemporaryFolder()
    let vectors = RandomVectors.make(600, dimension: 24, seed: 1)
    var configuration = Self.configuration
    if !isGraph { configuration.graph = nil }
    let path = folder.path("idx")
    try RandomVectors.build(Array(vectors[..<300]), in: path, configuration)
    let update = try VectorIndexWriter(updating: path, encoder: RandomVectors.encoder)
    for number in 300..<600 { try update.add(docno: RandomVectors.docno(number), vector: vectors[number]) }
    // Old and new ones, and one that comes back with another vector.
    for number in stride(from: 0, to: 600, by: 5) { try update.delete(docno: RandomVectors.docno(number)) }
    try update.add(docno: RandomVectors.docno(5), vector: vectors[7])
    try update.add(docno: RandomVectors.docno(500), vector: vectors[8])
    #expect(throws: VectorIndexError.duplicateDocno(RandomVectors.docno(5))) {
      try update.add(docno: RandomVectors.docno(5), vector: vectors[7])
    }
    #expect(throws: VectorIndexError.unknownDocno(RandomVectors.docno(10))) { try update.delete(docno: RandomVectors.docno(10)) }
    let before = try VectorIndex(path: path)
    try update.commit()
    #expect(before.count == 300, "an open index goes on showing what it showed")
    #expect(try before.search(vectors[0], k: 1, options: Self.exact).documents[0].docno == RandomVectors.docno(0))

    let live = (0..<600).filter { $0 % 5 != 0 }.map { ($0, vectors[$0]) } + [(5, vectors[7]), (500, vectors[8])]
    let writer = try VectorIndexWriter(creating: folder.path("once"), configuration: configuration)
    for (number, vector) in live { try writer.add(docno: RandomVectors.docno(number), vector: vector) }
    try writer.commit()
    let once = try VectorIndex(path: folder.path("once"))
    let updated = try VectorIndex(path: path)
    try updated.verify()
    #expect(updated.segmentCount == 3 && updated.count == 482 && updated.deletedCount == 120)
    let queries = RandomVectors.make(20, dimension: 24, seed: 2)
    for query in queries {
      let expected = try once.search(query, k: 25, options: Self.exact).documents
      #expect(try updated.search(query, k: 25, options: Self.exact).documents == expected)
      let walked = try updated.search(query, k: 25, options: VectorSearchOptions(efSearch: 100, strategy: .graph))
      #expect(RandomVectors.recall(walked.documents, expected) > 0.9)
    }
    #expect(try updated.vector(docno: RandomVectors.docno(10)) == nil)
    #expect(try updated.vector(docno: RandomVectors.docno(5)) == once.vector(docno: RandomVectors.docno(5)))

    try VectorIndexWriter(updating: path, encoder: RandomVectors.encoder).compact()
    let compacted = try VectorIndex(path: path)
    try compacted.verify()
    #expect(compacted.segmentCount == 1 && compacted.count == 482 && compacted.deletedCount == 0)
    for query in queries {
      #expect(try compacted.search(query, k: 25, options: Self.exact) == once.search(query, k: 25, options: Self.exact))
    }
    let kinds = Set(try TemporaryFolder.names(in: path).map { $0.split(separator: ".").last.map(String.init) ?? "" })
    #expect(kinds == (isGraph ? ["lock", "manifest", "vectors", "graph"] : ["lock", "manifest", "vectors"]))
  }

  @Test("A small memory budget makes segments; answers and names stay")
  func budget() throws {
    let folder = try TemporaryFolder()
    let vectors = RandomVectors.make(900, dimension: 24, seed: 3)
    let one = try RandomVectors.build(vectors, in: folder.path("one"), Self.configuration)
    let many = try RandomVectors.build(vectors, in: folder.path("many"), Self.configuration, memoryBudgetBytes: 100_000)
    #expect(one.segmentCount == 1 && many.segmentCount > 2 && many.count == 900)
    let query = RandomVectors.make(1, dimension: 24, seed: 4)[0]
    #expect(
      try many.search(query, k: 30, options: Self.exact).documents == one.search(query, k: 30, options: Self.exact).documents)
    let numbers = many.filter(documents: [DocIndex(0), DocIndex(899)])
    let ends = try many.search(query, k: 9, filter: numbers).documents.map(\.docno)
    #expect(Set(ends) == [RandomVectors.docno(0), RandomVectors.docno(899)])
  }

  @Test("Documents are stored beside their vectors and survive compaction")
  func storedDocuments() throws {
    let folder = try TemporaryFolder()
    let documents = (0..<40).map { Document(docno: "n\($0)", title: "t\($0)", text: "text \($0)", metadata: ["source": "s"]) }
    let vectors = RandomVectors.make(40, dimension: 24, seed: 5)
    let writer = try VectorIndexWriter(creating: folder.path("idx"), configuration: Self.configuration, storesDocuments: true)
    #expect(throws: VectorIndexError.self) { try writer.add(docno: "x", vector: vectors[0]) }
    for (document, vector) in zip(documents, vectors) { try writer.add(document, vector: vector) }
    try writer.commit()
    let update = try VectorIndexWriter(updating: folder.path("idx"), encoder: RandomVectors.encoder)
    try update.delete(docno: "n3")
    try update.compact()
    let index = try VectorIndex(path: folder.path("idx"))
    #expect(index.storesDocuments && index.count == 39)
    for document in documents where document.docno != "n3" { #expect(try index.document(docno: document.docno) == document) }
    #expect(try index.document(docno: "n3") == nil)
  }

  @Test("Whatever call to the disk fails, the index stays as it was and nothing is left behind")
  func faults() throws {
    let folder = try TemporaryFolder()
    let vectors = RandomVectors.make(120, dimension: 24, seed: 6)
    var failures = 0
    for calls in 0..<200 {
      let path = folder.path("\(calls)")
      try RandomVectors.build(Array(vectors[..<60]), in: path, Self.configuration)
      let expected = try TemporaryFolder.contents(of: path)
      do {
        let writer = try VectorIndexWriter(
          path, configuration: nil, encoder: RandomVectors.encoder, storesDocuments: nil, memoryBudget: 1 << 30, threads: 2,
          calls: Faults(after: calls).calls)
        for number in 60..<120 { try writer.add(docno: RandomVectors.docno(number), vector: vectors[number]) }
        try writer.delete(docno: RandomVectors.docno(1))
        try writer.commit()
        let index = try VectorIndex(path: path)
        try index.verify()
        #expect(index.count == 119)
        break
      } catch let error as FileError {
        failures += 1
        #expect(error.code == ENOSPC)
        // The last call flushes the folder after the manifest was renamed: then the new index is there.
        if try VectorIndex(path: path).count != 119 {
          #expect(try TemporaryFolder.contents(of: path) == expected, "after \(calls) calls")
        }
      }
    }
    // The spool, three files and the manifest: each opened, written and flushed.
    #expect(failures > 12)
  }

  @Test("One writer at a time; abandoning gives the folder back")
  func locking() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let first = try VectorIndexWriter(creating: path, configuration: Self.configuration)
    #expect(throws: IndexError.self) { try VectorIndexWriter(creating: path, configuration: Self.configuration) }
    try first.add(docno: "a", vector: [Float](repeating: 1, count: 24))
    first.abandon()
    #expect(try TemporaryFolder.names(in: path) == ["lock"])
    #expect(throws: IndexError.notAnIndex(path: path)) { try VectorIndexWriter(updating: path, encoder: RandomVectors.encoder) }
    #expect(throws: FileError.self) { try VectorIndexWriter(updating: folder.path("none"), encoder: RandomVectors.encoder) }
  }
}
