import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Indexes with compact blocks and packed dictionaries")
struct CompactIndexTests {
  private static let documents = RandomCollection.documents(400, words: 9, vocabulary: 60, seed: 61)

  private static func codings(_ path: String) throws -> [PostingsCoding?] {
    try IndexManifest.read(folder: path).segments.map(\.coding)
  }

  @Test("Segments of every version beside one of today, and merged with it", arguments: 1...6)
  func mixed(version: Int) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let source = Bundle.module.path(forResource: "index-v\(version)", ofType: nil, inDirectory: "Fixtures") ?? ""
    try FileManager.default.copyItem(atPath: source, toPath: path)
    let old = try InvertedIndex(path: path)
    var live = try (0..<old.statistics.documents).map { try old.document(DocIndex($0)) }
    // Names of their own: some of the fixture's are like these.
    let added = Self.documents.map { Document(docno: "new-" + $0.docno, title: $0.title, text: $0.text) }
    live += added
    let before = try Self.codings(path)
    let writer = try IndexWriter(updating: path)
    for document in added { try writer.add(document) }
    try writer.commit()
    #expect(try Self.codings(path) == before + [.packed])
    #expect(before.allSatisfy { $0 == (version == 6 ? .packed : version == 5 ? .compact : nil) })
    let once = try RandomCollection.build(
      live, in: folder.path("once"), analyzer: .english, positions: writer.hasPositions, columns: writer.columns,
      fields: writer.fields)
    var models = ["bm25", "ql-dirichlet(mu=10)", "dph"]
    if once.fields != nil { models.append("bm25f(title=3,title.b=0.5)") }
    for _ in 0..<2 {
      let index = try InvertedIndex(path: path)
      try index.verify()
      #expect(index.statistics == once.statistics)
      for name in models {
        let model = try WeightingModels.parse(name)
        for query in ["heated plates w10", "w11 w12 w59", "air w3", "w1 w2 w10 title heat"] {
          for pruning in Pruning.allCases {
            #expect(
              try index.search(query, k: 30, model: model, pruning: pruning) == once.search(query, k: 30, model: model),
              "\(name), '\(query)', \(pruning)")
          }
        }
      }
      try writer.optimize()
    }
    #expect(try Self.codings(path) == [.packed] && writer.segmentCount == 1)
    #expect(try IndexManifest.read(folder: path).version == 6)
  }

  @Test("Blocks of rare wide numbers: shorter lists, the same answers as by the book")
  func skewed() throws {
    let folder = try TemporaryFolder()
    var generator = SeededGenerator(seed: 62)
    // Runs of documents about a subject, some that speak of it very often, and now and then one far away.
    let frequencies = (0..<3000).map { number in
      guard number / 150 % 3 == 0 || generator.integer(below: 200) == 0 else { return 0 }
      return generator.integer(below: 60) == 0 ? 90 : 1
    }
    let documents = frequencies.enumerated().map { number, frequency in
      let words = ["all"] + [String](repeating: "subject", count: frequency) + (number % 7 == 0 ? ["other"] : [])
      return Document(docno: "d\(number)", text: words.joined(separator: " "))
    }
    let index = try RandomCollection.build(documents, in: folder.path("idx"))
    let bruteForce = try BruteForce(documents, RandomCollection.analyzer)
    for query in ["subject", "other subject", "all other"] {
      let found = try index.search(query, k: 40)
      #expect(agree(found.documents, bruteForce.search(query, k: 40)), "\(query)")
      #expect(try index.search(query, k: 40, pruning: .exhaustive) == found)
    }
    let postings = frequencies.enumerated().filter { $1 > 0 }.map { UInt64($0) << 32 | UInt64($1) }
    let lengths = documents.map { UInt32($0.text.split(separator: " ").count) }
    var encoder = PostingListEncoder()
    let isEncoded = postings.withUnsafeBufferPointer { postings in
      lengths.withUnsafeBufferPointer { encoder.encode(postings, lengths: $0) }
    }
    // The frequencies alone would take 7 bits each, were all as wide as the widest; one occurrence takes none.
    #expect(isEncoded && postings.count > 900 && encoder.bytes.count < 7 * postings.count / 8 / 2)
  }
}
