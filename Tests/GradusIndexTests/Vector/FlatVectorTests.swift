import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Exact vector search")
struct FlatVectorTests {
  private static func configuration(
    _ metric: VectorMetric, _ encoding: VectorEncoding, dimension: Int = 20
  ) -> VectorIndexConfiguration {
    VectorIndexConfiguration(
      dimension: dimension, metric: metric, encoding: encoding, encoder: RandomVectors.encoder, graph: nil)
  }

  @Test("Ranks as the definition does", arguments: VectorMetric.allCases, VectorEncoding.allCases)
  func bruteForce(metric: VectorMetric, encoding: VectorEncoding) throws {
    let folder = try TemporaryFolder()
    // 1,100 vectors: more than two blocks of rows; 67 numbers: no multiple of anything.
    let vectors = RandomVectors.make(1100, dimension: 67, seed: 1)
    let index = try RandomVectors.build(
      vectors, in: folder.path("idx"), Self.configuration(metric, encoding, dimension: 67))
    #expect(index.count == 1100 && index.scoreKind == metric.scoreKind)
    for query in RandomVectors.make(5, dimension: 67, seed: 2) {
      for k in [1, 10, 1100, 5000] {
        let result = try index.search(query, k: k)
        let expected = try RandomVectors.bruteForce(index, query, k: k)
        #expect(RandomVectors.agree(result.documents, expected, tolerance: 1e-4))
        #expect(result.methods == [.exact(.flat)] && result.isExact && result.scoredVectors == 1100)
      }
      #expect(try index.search(query, k: 0).documents.isEmpty)
      #expect(try index.search(query, k: -3).documents.isEmpty)
      let top = try index.search(query, k: 10).documents
      for hit in top { #expect(try index.score(query, docno: hit.docno) == hit.score) }
    }
    #expect(try index.score(vectors[0], docno: "none") == nil)
  }

  @Test("Worked example: three vectors, each metric")
  func workedExample() throws {
    let folder = try TemporaryFolder()
    let vectors: [(String, [Float])] = [("a", [3, 4]), ("b", [2, 0]), ("c", [0, -1])]
    func scores(_ metric: VectorMetric) throws -> [ScoredDocument] {
      let writer = try VectorIndexWriter(
        creating: folder.path(metric.rawValue), configuration: Self.configuration(metric, .float32, dimension: 2))
      for (docno, vector) in vectors { try writer.add(docno: docno, vector: vector) }
      try writer.commit()
      return try VectorIndex(path: folder.path(metric.rawValue)).search([2, 1], k: 3).documents
    }
    // Inner products 10, 4, -1; squared distances 1 + 9, 0 + 1, 4 + 4.
    #expect(try scores(.dot) == [.init(docno: "a", score: 10), .init(docno: "b", score: 4), .init(docno: "c", score: -1)])
    #expect(try scores(.l2) == [.init(docno: "b", score: -1), .init(docno: "c", score: -8), .init(docno: "a", score: -10)])
    // Cosines 10 / (5 sqrt 5), 4 / (2 sqrt 5), -1 / sqrt 5: twice the same.
    let cosines = try scores(.cosine)
    #expect(cosines.map(\.docno) == ["b", "a", "c"] || cosines.map(\.docno) == ["a", "b", "c"])
    for (found, expected) in zip(cosines, [0.894427191, 0.894427191, -0.447213595]) {
      #expect(abs(found.score - expected) < 1e-6)
    }
  }

  @Test("Equal scores stand by docno descending, whatever the order of addition")
  func ties() throws {
    let folder = try TemporaryFolder()
    let names = ["b", "a", "é", "aa", "B", "c"]
    for (number, order) in [names, names.reversed()].enumerated() {
      let path = folder.path("\(number)")
      let writer = try VectorIndexWriter(creating: path, configuration: Self.configuration(.cosine, .int8, dimension: 3))
      for name in order { try writer.add(docno: name, vector: [1, 2, 3]) }
      try writer.add(docno: "zero", vector: [0, 0, 0])
      try writer.commit()
      let found = try VectorIndex(path: path).search([3, 2, 1], k: 10).documents
      #expect(found.map(\.docno) == ["é", "c", "b", "aa", "a", "B", "zero"])
      #expect(found.last?.score == 0)
      #expect(try VectorIndex(path: path).search([3, 2, 1], k: 3).documents == Array(found.prefix(3)))
    }
  }

  @Test("Encodings store what they promise")
  func encodings() throws {
    let folder = try TemporaryFolder()
    let vector: [Float] = [1, -2.5, 0.3333333, 1e-20, 127]
    for encoding in VectorEncoding.allCases {
      let index = try RandomVectors.build(
        [vector], in: folder.path(encoding.rawValue), Self.configuration(.dot, encoding, dimension: 5))
      let stored = try #require(try index.vector(docno: RandomVectors.docno(0)))
      switch encoding {
      case .float32: #expect(stored == vector)
      // 0.3333333 is 0x3eaaaaaa: the upper half rounds up to 0x3eab.
      case .bfloat16: #expect(stored == [1, -2.5, Float(bitPattern: 0x3eab_0000), 0, 127])
      // The scale is 1: -2.5 goes to the even -2.
      case .int8: #expect(stored == [1, -2, 0, 0, 127])
      }
    }
    #expect(VectorEncoding.float32.bytes(dimension: 384) == 1536)
    #expect(VectorEncoding.int8.bytes(dimension: 65) == 128)
  }

  @Test("Filters: by name, number and predicate; what is foreign is refused")
  func filters() throws {
    let folder = try TemporaryFolder()
    let vectors = RandomVectors.make(300, dimension: 20, seed: 3)
    let index = try RandomVectors.build(vectors, in: folder.path("idx"), Self.configuration(.cosine, .float32))
    let query = RandomVectors.make(1, dimension: 20, seed: 4)[0]
    let names = stride(from: 0, to: 300, by: 7).map(RandomVectors.docno)
    let filter = try index.filter(docnos: names + ["missing"])
    #expect(filter.count == names.count)
    let found = try index.search(query, k: 10, filter: filter)
    #expect(
      RandomVectors.agree(
        found.documents, try RandomVectors.bruteForce(index, query, k: 10, where: Set(names).contains), tolerance: 1e-5))
    let numbers = Set(stride(from: 0, to: 300, by: 7).map { DocIndex($0) })
    #expect(try index.search(query, k: 10, filter: index.filter(documents: numbers)) == found)
    #expect(try index.search(query, k: 10, filter: index.filter(where: Set(names).contains)) == found)
    #expect(try index.search(query, k: 10, filter: index.filter(docnos: [])).documents.isEmpty)
    let other = try RandomVectors.build(vectors, in: folder.path("other"), Self.configuration(.cosine, .float32))
    #expect(throws: VectorIndexError.foreignFilter) { try other.search(query, k: 10, filter: filter) }
  }

  @Test("What cannot be a vector or a query is refused, with the document's name, and changes nothing")
  func refusals() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let writer = try VectorIndexWriter(creating: path, configuration: Self.configuration(.dot, .float32, dimension: 3))
    try writer.add(docno: "good", vector: [1, 2, 3])
    #expect(throws: VectorIndexError.wrongDimension(docno: "d", found: 2, expected: 3)) {
      try writer.add(docno: "d", vector: [1, 2])
    }
    #expect(throws: VectorIndexError.notFinite(docno: "d", position: 1)) { try writer.add(docno: "d", vector: [1, .nan, 3]) }
    #expect(throws: VectorIndexError.notFinite(docno: "d", position: 2)) {
      try writer.add(docno: "d", vector: [1, 2, -.infinity])
    }
    #expect(throws: VectorIndexError.tooLong(docno: "d")) { try writer.add(docno: "d", vector: [3e19, 0, 0]) }
    #expect(throws: VectorIndexError.duplicateDocno("good")) { try writer.add(docno: "good", vector: [1, 2, 3]) }
    #expect(throws: IndexError.invalidDocno("a b", position: 2)) { try writer.add(docno: "a b", vector: [1, 2, 3]) }
    #expect(throws: VectorIndexError.unknownDocno("d")) { try writer.delete(docno: "d") }
    try writer.commit()
    #expect(throws: IndexError.builderClosed(path: path)) { try writer.add(docno: "late", vector: [1, 2, 3]) }
    let index = try VectorIndex(path: path)
    #expect(index.count == 1)
    #expect(throws: VectorIndexError.wrongQueryDimension(found: 4, expected: 3)) { try index.search([1, 2, 3, 4], k: 1) }
    #expect(throws: VectorIndexError.queryNotFinite(position: 0)) { try index.search([.nan, 2, 3], k: 1) }
    #expect(throws: VectorIndexError.invalidOption("efSearch must be at least 1, found 0")) {
      try index.search([1, 2, 3], k: 1, options: VectorSearchOptions(efSearch: 0))
    }
    for bad in [0, -1, 1 << 20] {
      #expect(throws: VectorIndexError.self) {
        try VectorIndexWriter(creating: folder.path("no"), configuration: Self.configuration(.dot, .float32, dimension: bad))
      }
    }
    let other = EncoderFingerprint(name: "random", digest: "fedcba", settings: "clusters")
    #expect(throws: VectorIndexError.encoderMismatch(path: path, found: other, expected: RandomVectors.encoder)) {
      try VectorIndexWriter(updating: path, encoder: other)
    }
    _ = try RandomCollection.build([Document(docno: "a", text: "x")], in: folder.path("lexical"))
    #expect(throws: VectorIndexError.otherIndex(path: folder.path("lexical"))) {
      try VectorIndexWriter(creating: folder.path("lexical"), configuration: Self.configuration(.dot, .float32))
    }
  }

  @Test("An empty index answers with nothing", arguments: [nil, HNSWOptions()])
  func empty(graph: HNSWOptions?) throws {
    let folder = try TemporaryFolder()
    var configuration = Self.configuration(.cosine, .float32)
    configuration.graph = graph
    let index = try RandomVectors.build([], in: folder.path("idx"), configuration)
    #expect(index.count == 0)
    #expect(try index.search([Float](repeating: 1, count: 20), k: 5).documents.isEmpty)
  }
}
