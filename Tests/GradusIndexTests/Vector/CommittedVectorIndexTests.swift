import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Committed vector indexes of released format versions")
struct CommittedVectorIndexTests {
  private static let encoder = EncoderFingerprint(name: "by hand", digest: "00", settings: "fixture")
  private static let documents = (0..<12).map { number in
    Document(docno: "d\(number)", title: "Title \(number)", text: "Text \(number)", metadata: ["source": "manual"])
  }

  /// Small whole numbers on a spiral: the same on every machine.
  private static func vector(_ number: Int) -> [Float] {
    (0..<6).map { Float((number * number + 3 * $0 * number + 7 * $0) % 23 - 11) }
  }

  private static func build(in path: String) throws {
    let writer = try VectorIndexWriter(
      creating: path,
      configuration: VectorIndexConfiguration(
        dimension: 6, metric: .l2, encoding: .bfloat16, encoder: encoder,
        graph: HNSWOptions(M: 2, efConstruction: 8, seed: 3, traversal: .int8)),
      storesDocuments: true, threads: 2)
    for (number, document) in documents.enumerated() { try writer.add(document, vector: vector(number)) }
    try writer.commit()
    let update = try VectorIndexWriter(updating: path, encoder: encoder)
    try update.delete(docno: "d4")
    try update.commit()
  }

  private static func buildTokens(in path: String) throws {
    let builder = try TokenIndexBuilder(
      creating: path,
      configuration: TokenIndexConfiguration(dimension: 16, encoder: encoder, residualBits: 2, centroids: 4, iterations: 3))
    for number in 0..<6 {
      try builder.add(
        docno: "d\(number)", tokens: (0..<3 * 16).map { Float((number * 5 + $0 * $0 + 11 * ($0 / 16)) % 17 - 8) })
    }
    try builder.commit()
  }

  private static func folder(_ name: String) -> String {
    Bundle.module.path(forResource: name, ofType: nil, inDirectory: "Fixtures") ?? ""
  }

  @Test("Version 1 of the vector index opens, verifies and answers")
  func version1() throws {
    let index = try VectorIndex(path: Self.folder("vectors-v1"))
    try index.verify()
    #expect(index.count == 11 && index.deletedCount == 1 && index.dimension == 6 && index.metric == .l2)
    #expect(index.configuration.encoder == Self.encoder)
    for (number, document) in Self.documents.enumerated() where number != 4 {
      // Small whole numbers survive the rounding to bfloat16.
      #expect(try index.vector(docno: document.docno) == Self.vector(number))
      #expect(try index.document(docno: document.docno) == document)
    }
    let query = Self.vector(7)
    let expected = try RandomVectors.bruteForce(index, query, k: 3)
    #expect(expected[0] == ScoredDocument(docno: "d7", score: 0))
    for strategy in VectorSearchOptions.Strategy.allCases {
      #expect(try index.search(query, k: 3, options: VectorSearchOptions(efSearch: 12, strategy: strategy)).documents == expected)
    }
  }

  @Test("Version 2 of the vector index, with equal vectors, opens, verifies and answers")
  func version2() throws {
    let index = try VectorIndex(path: Self.folder("vectors-v2"))
    try index.verify()
    #expect(index.count == 6 && index.dimension == 384 && index.segments[0].manifest.nodeCount == 3)
    #expect(try index.document(docno: "d3") == Document(docno: "d3", text: "something else"))
    let query = try #require(try index.vector(docno: "d1"))
    for strategy in VectorSearchOptions.Strategy.allCases {
      let found = try index.search(query, k: 6, options: VectorSearchOptions(efSearch: 6, strategy: strategy)).documents
      #expect(found.prefix(3).map(\.docno) == ["d4", "d2", "d1"] && found.count == 6)
      #expect(found[0].score == found[2].score && found[3].score < found[2].score - 0.1)
    }
  }

  @Test("Version 1 of the token index opens, verifies and answers")
  func tokens1() throws {
    let index = try TokenIndex(path: Self.folder("tokens-v1"))
    try index.verify()
    #expect(index.count == 6 && index.tokenCount == 18 && index.centroidCount == 4)
    let query = try #require(try index.tokens(docno: "d2"))
    let found = try index.search(query, k: 2)
    #expect(found.documents[0].docno == "d2" && abs(found.documents[0].score - 3) < 1e-5)
  }

  @Test("Version 2 of the token index, with a second segment and a deletion, opens, verifies and answers")
  func tokens2() throws {
    let index = try TokenIndex(path: Self.folder("tokens-v2"))
    try index.verify()
    #expect(index.count == 3 && index.deletedCount == 1 && index.segmentCount == 2 && index.centroidCount == 2)
    #expect(index.tokenCount == 16 && index.columns == [MetadataColumn("day", .date)])
    #expect(try index.document(docno: "d3") == Document(docno: "d3", text: "sort by key", metadata: ["day": "2010"]))
    #expect(try index.document(docno: "d1") == nil && index.tokens(docno: "d1") == nil)
    // The decompressed tokens of a document as a query: five of unit length.
    let query = try #require(try index.tokens(docno: "d3"))
    let found = try index.exhaustive(query, k: 9)
    #expect(found.count == 3 && found[0].docno == "d3" && abs(found[0].score - 5) < 1e-5 && found[1].score < 4.99)
    #expect(try index.search(query, k: 9).documents == found)
    let late = try index.documents(matching: MetadataFilter(parsing: "day>=2004"))
    #expect(try Set(index.search(query, k: 9, filter: late).documents.map(\.docno)) == ["d2", "d3"])
  }

  @Test("Today's writers still write the same bytes: a change needs a new version number")
  func sameBytes() throws {
    let temporary = try TemporaryFolder()
    let (vectors, tokens) = (temporary.path("vectors"), temporary.path("tokens"))
    try Self.build(in: vectors)
    #expect(try TemporaryFolder.contents(of: vectors) == TemporaryFolder.contents(of: Self.folder("vectors-v1")))
    try Self.buildTokens(in: tokens)
    #expect(try TemporaryFolder.contents(of: tokens) == TemporaryFolder.contents(of: Self.folder("tokens-v1")))
  }
}
