import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("HNSW")
struct HNSWTests {
  private static func configuration(
    _ metric: VectorMetric = .cosine, _ encoding: VectorEncoding = .float32, traversal: VectorEncoding = .int8, M: Int = 8,
    dimension: Int = 24
  ) -> VectorIndexConfiguration {
    VectorIndexConfiguration(
      dimension: dimension, metric: metric, encoding: encoding, encoder: RandomVectors.encoder,
      graph: HNSWOptions(M: M, efConstruction: 60, traversal: traversal))
  }

  private static let walk = VectorSearchOptions(efSearch: 100, strategy: .graph)

  @Test(
    "Finds nearly all of the exact top ten, whatever it walks on and stores", arguments: VectorMetric.allCases,
    VectorEncoding.allCases)
  func recall(metric: VectorMetric, traversal: VectorEncoding) throws {
    let folder = try TemporaryFolder()
    let vectors = RandomVectors.make(2000, dimension: 24, seed: 5)
    let queries = RandomVectors.make(40, dimension: 24, seed: 6)
    for encoding in VectorEncoding.allCases {
      let index = try RandomVectors.build(
        vectors, in: folder.path(encoding.rawValue), Self.configuration(metric, encoding, traversal: traversal))
      var recall = 0.0
      for query in queries {
        let exact = try index.search(query, k: 10, options: VectorSearchOptions(strategy: .exact))
        let found = try index.search(query, k: 10, options: Self.walk)
        #expect(exact.methods == [.exact(.asked)] && found.methods == [.graph(efSearch: 100)])
        #expect(found.scoredVectors < 1500)
        recall += RandomVectors.recall(found.documents, exact.documents) / Double(queries.count)
        // The scores of what is found are exact, and the order is the tie rule's.
        let scores = Dictionary(uniqueKeysWithValues: exact.documents.map { ($0.docno, $0.score) })
        for hit in found.documents { if let score = scores[hit.docno] { #expect(hit.score == score) } }
        #expect(zip(found.documents, found.documents.dropFirst()).allSatisfy { ScoredDocument.precedes($0, $1) })
      }
      #expect(recall > 0.95, "\(metric) \(encoding) walked on \(traversal): \(recall)")
    }
  }

  @Test("The same bytes for any number of threads, on every run", arguments: [VectorEncoding.float32, .int8])
  func threads(traversal: VectorEncoding) throws {
    let folder = try TemporaryFolder()
    let vectors = RandomVectors.make(1500, dimension: 24, seed: 7)
    var contents: [[String: [UInt8]]] = []
    for (run, threads) in [1, 2, 3, 8, 2].enumerated() {
      let path = folder.path("\(run)")
      try RandomVectors.build(vectors, in: path, Self.configuration(traversal: traversal), threads: threads)
      contents.append(try TemporaryFolder.contents(of: path))
    }
    for other in contents.dropFirst() { #expect(other == contents[0]) }
  }

  @Test("Batches of queries give the answers of single ones")
  func batches() throws {
    let folder = try TemporaryFolder()
    let vectors = RandomVectors.make(1500, dimension: 24, seed: 7)
    let index = try RandomVectors.build(vectors, in: folder.path("idx"), Self.configuration())
    let queries = RandomVectors.make(50, dimension: 24, seed: 8)
    let together = try index.search(queries, k: 5, options: Self.walk)
    #expect(together == (try queries.map { try index.search($0, k: 5, options: Self.walk) }))
    let resident = try VectorIndex(path: folder.path("idx"), residency: .resident)
    #expect(try resident.search(queries, k: 5, options: Self.walk) == together)
  }

  @Test("A larger efSearch never finds fewer of the best on average, and k above efSearch raises it")
  func efSearch() throws {
    let folder = try TemporaryFolder()
    let index = try RandomVectors.build(
      RandomVectors.make(3000, dimension: 24, clusters: 60, seed: 9), in: folder.path("idx"), Self.configuration(M: 4))
    let queries = RandomVectors.make(60, dimension: 24, clusters: 60, seed: 10)
    let recalls = try [5, 10, 40, 200].map { ef in
      try queries.reduce(0.0) { sum, query in
        let exact = try index.search(query, k: 5, options: VectorSearchOptions(strategy: .exact))
        let found = try index.search(query, k: 5, options: VectorSearchOptions(efSearch: ef, strategy: .graph))
        return sum + RandomVectors.recall(found.documents, exact.documents)
      } / Double(queries.count)
    }
    #expect(recalls == recalls.sorted() && recalls[3] > 0.95 && recalls[0] < recalls[3], "\(recalls)")
    let many = try index.search(queries[0], k: 150, options: VectorSearchOptions(efSearch: 1, strategy: .graph))
    #expect(many.documents.count == 150 && many.methods == [.graph(efSearch: 150)])
  }

  @Test("A narrow filter is searched exactly and says so; a wide one on the graph")
  func filters() throws {
    let folder = try TemporaryFolder()
    let vectors = RandomVectors.make(4000, dimension: 24, seed: 11)
    let index = try RandomVectors.build(vectors, in: folder.path("idx"), Self.configuration(M: 4))
    let options = VectorSearchOptions(efSearch: 40)
    let query = RandomVectors.make(1, dimension: 24, seed: 12)[0]
    let narrow = try index.filter(docnos: (0..<100).map(RandomVectors.docno))
    let few = try index.search(query, k: 10, options: options, filter: narrow)
    #expect(few.methods == [.exact(.narrowFilter)] && few.scoredVectors == 100)
    let isWide: (String) -> Bool = { $0.utf8.last! % 2 == 0 }
    let wide = try index.filter(where: isWide)
    #expect((1500...2500).contains(wide.count))
    let found = try index.search(query, k: 10, options: options, filter: wide)
    // Half of the candidates are allowed: twice as many are kept.
    guard case .graph(let ef) = found.methods[0] else { return #expect(Bool(false), "\(found.methods)") }
    #expect((70...90).contains(ef))
    #expect(found.documents.allSatisfy { isWide($0.docno) })
    let exact = try RandomVectors.bruteForce(index, query, k: 10, where: isWide)
    #expect(RandomVectors.recall(found.documents, exact) >= 0.8)
    // Walking for an answer that the filter hides from the walk ends in an exact search.
    let far = try index.search([Float](repeating: 0, count: 24), k: 1, options: options)
    #expect(far.documents.count == 1)
  }
}
