import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Equal vectors in a graph")
struct EqualVectorTests {
  private static let walk = VectorSearchOptions(efSearch: 100, strategy: .graph)
  private static let twin = RandomVectors.make(1, dimension: 24, seed: 14)[0]
  /// A thousand equal vectors among 800 others, some of which stand there twice.
  private static let vectors: [[Float]] = {
    let others = RandomVectors.make(800, dimension: 24, seed: 13)
    return (0..<1800).map { $0 % 9 < 5 ? twin : others[$0 % 600] }
  }()
  private static let twins = Set(vectors.indices.filter { $0 % 9 < 5 }.map(RandomVectors.docno))

  private static func configuration(
    _ encoding: VectorEncoding = .float32, traversal: VectorEncoding = .int8, graph: Bool = true
  ) -> VectorIndexConfiguration {
    VectorIndexConfiguration(
      dimension: 24, metric: .cosine, encoding: encoding, encoder: RandomVectors.encoder,
      graph: graph ? HNSWOptions(M: 8, efConstruction: 60, traversal: traversal) : nil)
  }

  @Test("Every one of a thousand equal vectors is found, and every other vector too", arguments: VectorEncoding.allCases)
  func reached(traversal: VectorEncoding) throws {
    let folder = try TemporaryFolder()
    let index = try RandomVectors.build(Self.vectors, in: folder.path("idx"), Self.configuration(traversal: traversal))
    try index.verify()
    let all = try index.search(Self.twin, k: 1000, options: Self.walk)
    #expect(all.methods == [.graph(efSearch: 1000)] || all.methods == [.graph(efSearch: index.segments[0].manifest.nodeCount)])
    #expect(Set(all.documents.map(\.docno)) == Self.twins)
    #expect(all.documents.allSatisfy { $0.score == all.documents[0].score })
    // The tie rule chooses among all of them.
    let few = try index.search(Self.twin, k: 7, options: Self.walk).documents
    #expect(few == Array(all.documents.prefix(7)))
    #expect(few.map(\.docno) == Array(Self.twins.sorted().reversed().prefix(7)))
    let others = Self.vectors.indices.filter { $0 % 9 >= 5 }
    for number in others {
      let found = try index.search(Self.vectors[number], k: 4, options: Self.walk).documents
      let exact = try index.search(Self.vectors[number], k: 1, options: VectorSearchOptions(strategy: .exact)).documents
      #expect(found[0] == exact[0])
      #expect(found.contains { $0.docno == RandomVectors.docno(number) })
    }
  }

  @Test("Deleted and filtered rows of a node stay away, the others are found", arguments: [false, true])
  func deletions(compacts: Bool) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    try RandomVectors.build(Self.vectors, in: path, Self.configuration())
    let gone = Set(Self.twins.sorted().enumerated().filter { $0.offset % 3 == 0 }.map(\.element))
    let update = try VectorIndexWriter(updating: path, encoder: RandomVectors.encoder)
    for docno in gone { try update.delete(docno: docno) }
    if compacts { try update.compact() } else { try update.commit() }
    let index = try VectorIndex(path: path)
    #expect(index.count == 1800 - gone.count && index.deletedCount == (compacts ? 0 : gone.count))
    let left = Self.twins.subtracting(gone)
    #expect(Set(try index.search(Self.twin, k: left.count, options: Self.walk).documents.map(\.docno)) == left)
    let wanted = Set(left.sorted().prefix(40))
    let filter = try index.filter(docnos: wanted)
    for strategy in VectorSearchOptions.Strategy.allCases {
      let found = try index.search(
        Self.twin, k: 100, options: VectorSearchOptions(efSearch: 100, strategy: strategy), filter: filter)
      #expect(Set(found.documents.map(\.docno)) == wanted)
    }
  }

  @Test("The same bytes for any number of threads; a vector of a node is a row of its own everywhere else")
  func threads() throws {
    let folder = try TemporaryFolder()
    var contents: [[String: [UInt8]]] = []
    for threads in [1, 2, 8] {
      try RandomVectors.build(Self.vectors, in: folder.path("\(threads)"), Self.configuration(.int8), threads: threads)
      contents.append(try TemporaryFolder.contents(of: folder.path("\(threads)")))
    }
    #expect(contents[1] == contents[0] && contents[2] == contents[0])
    let index = try VectorIndex(path: folder.path("1"))
    let flat = try RandomVectors.build(Self.vectors, in: folder.path("flat"), Self.configuration(.int8, graph: false))
    #expect(index.count == 1800 && index.segments[0].manifest.nodeCount < 620)
    for number in [0, 5, 6, 1799] {
      let docno = RandomVectors.docno(number)
      #expect(try index.vector(docno: docno) == flat.vector(docno: docno))
      #expect(try index.score(Self.twin, docno: docno) == flat.score(Self.twin, docno: docno))
    }
    var names: [String] = []
    try index.forEachVector { docno, _ in names.append(docno) }
    #expect(names == Self.vectors.indices.map(RandomVectors.docno))
    let exact = VectorSearchOptions(strategy: .exact)
    #expect(
      try index.search(Self.vectors[7], k: 50, options: exact).documents
        == flat.search(Self.vectors[7], k: 50, options: exact).documents)
  }

  @Test("Version 2 is written where vectors are equal, version 1 where none are, and of one vector alone")
  func versions() throws {
    let folder = try TemporaryFolder()
    func firstLine(_ path: String) throws -> String {
      let text = try String(contentsOfFile: path + "/manifest", encoding: .utf8)
      return String(text.prefix { $0 != "\n" }.prefix(16))
    }
    try RandomVectors.build(Self.vectors, in: folder.path("equal"), Self.configuration())
    #expect(try firstLine(folder.path("equal")) == "gradus-vectors 2")
    let different = RandomVectors.make(300, dimension: 24, seed: 15)
    for (name, vectors) in [("different", different), ("flat", Self.vectors)] {
      try RandomVectors.build(vectors, in: folder.path(name), Self.configuration(graph: name != "flat"))
      #expect(try firstLine(folder.path(name)) == "gradus-vectors 1")
    }
    // All vectors equal: a graph of one node.
    let same = try RandomVectors.build([[Float]](repeating: Self.twin, count: 50), in: folder.path("one"), Self.configuration())
    #expect(same.segments[0].manifest.nodeCount == 1)
    #expect(try same.search(different[0], k: 60, options: Self.walk).documents.count == 50)
    // Equal int8 codes of different scales are different vectors.
    let scaled = try RandomVectors.build(
      [[1, 0], [2, 0], [1, 0]], in: folder.path("scaled"),
      VectorIndexConfiguration(
        dimension: 2, metric: .dot, encoding: .int8, encoder: RandomVectors.encoder,
        graph: HNSWOptions(M: 2, efConstruction: 4)))
    #expect(scaled.segments[0].manifest.nodeCount == 2)
    let found = try scaled.search([1, 0], k: 3, options: Self.walk).documents
    #expect(found.map(\.docno) == [1, 2, 0].map(RandomVectors.docno))
    #expect(zip(found, [2.0, 1, 1]).allSatisfy { abs($0.score - $1) < 0.01 })
  }

  @Test("Vectors of equal hash that are not equal stay apart")
  func collisions() {
    let codes: [UInt8] = [1, 1, 2, 2, 1, 1, 3, 3, 2, 2]
    let equal = codes.withUnsafeBytes {
      EqualVectors(hashes: [7, 7, 7, 7, 9], codes: $0, stride: 2, scales: [1, 1, 1, 1, 1])
    }
    // The last is equal to the second and has another hash: it is not looked for there.
    #expect(equal.firsts == [0, 1, 3, 4] && equal.hasEqual)
    let rows = equal.rows(in: [2, 0, 1, 3])
    #expect(rows.positions == [3, 0, 2, 1, 4] && rows.starts == [0, 1, 3, 4, 5])
  }
}
