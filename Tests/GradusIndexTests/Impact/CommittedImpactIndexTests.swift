import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Committed impact indexes of released format versions")
struct CommittedImpactIndexTests {
  private static let documents: [(document: Document, terms: [WeightedTerm])] = [
    (
      Document(docno: "d1", text: "Heat transfer in the laminar boundary layer."),
      [
        WeightedTerm("heat", weight: 2.5), WeightedTerm("transfer", weight: 1.25), WeightedTerm("laminar", weight: 3),
        WeightedTerm("warm", weight: 0.75),
      ]
    ),
    (
      Document(docno: "d2", text: "Flow of air over a flat plate."),
      [
        WeightedTerm("flow", weight: 2), WeightedTerm("air", weight: 1.5), WeightedTerm("plate", weight: 2.25),
        WeightedTerm("wing", weight: 0.004),
      ]
    ),
    (Document(docno: "d3", text: ""), []),
    (
      Document(docno: "d4", text: "Heat and heat again: plates that are heated in flowing air."),
      [
        WeightedTerm("heat", weight: 2.75), WeightedTerm("plate", weight: 1), WeightedTerm("flow", weight: 0.5),
        WeightedTerm("air", weight: 1),
      ]
    ),
  ]

  private var folder: String { Self.folder("impacts-v1") }

  private static func folder(_ name: String) -> String {
    Bundle.module.path(forResource: name, ofType: nil, inDirectory: "Fixtures") ?? ""
  }

  @Test("Version 1 opens, verifies and answers")
  func version1() throws {
    let index = try ImpactIndex(path: folder)
    try index.verify()
    // The weight 0.004 is less than half a step of 3 / 255.
    #expect(index.statistics == ImpactStatistics(documents: 4, terms: 7, postings: 11, scale: Float(3) / 255))
    for (document, terms) in Self.documents {
      #expect(try index.document(docno: document.docno) == document)
      #expect(try index.termCount(docno: document.docno) == terms.count { $0.weight > 0.01 })
    }
    let query = [WeightedTerm("heat", weight: 1), WeightedTerm("plate", weight: 2)]
    let result = try index.search(query, k: 10)
    #expect(result.documents.map(\.docno) == ["d4", "d2", "d1"])
    // In steps of 3 / 255: 2.75 is 233.75 and 1 is 85, 2.25 is 191.25, 2.5 is 212.5 and rounded up.
    let step = Double(Float(3) / 255)
    #expect(result.documents.map(\.score) == [step * 234 + 2 * step * 85, 2 * step * 191, step * 213])
  }

  @Test("Version 2, with columns, opens, verifies, filters and answers")
  func version2() throws {
    let index = try ImpactIndex(path: Self.folder("impacts-v2"))
    try index.verify()
    #expect(index.statistics.documents == 4 && index.statistics.terms == 72 && index.configuration.method == .splade)
    #expect(index.columns == [MetadataColumn("day", .date), MetadataColumn("lang", .keyword)])
    #expect(
      try index.document(docno: "d1")
        == Document(
          docno: "d1", title: "Hash", text: "Values of a hash are found by key", metadata: ["day": "2004-05", "lang": "en"]))
    let step = Double(index.statistics.scale)
    let sort = try index.search([WeightedTerm("sort")], k: 9).documents
    #expect(sort == [ScoredDocument(docno: "d3", score: 255 * step), ScoredDocument(docno: "d0", score: 232 * step)])
    let before = try index.documents(matching: MetadataFilter(parsing: "day<2004-05-02 lang=en|de"))
    let hash = try index.search([WeightedTerm("hash")], k: 9, filter: before).documents
    #expect(hash == [ScoredDocument(docno: "d0", score: 234 * step), ScoredDocument(docno: "d1", score: 232 * step)])
    #expect(try index.documents(matching: MetadataFilter(parsing: "lang!=en")).count == 1)
  }

  @Test("Version 3, with compact blocks, opens, verifies and answers as one that is built today")
  func version3() throws {
    let index = try ImpactIndex(path: Self.folder("impacts-v3"))
    try index.verify()
    #expect(try ImpactIndexManifest.read(folder: index.path).segments[0].coding == .compact)
    let temporary = try TemporaryFolder()
    let builder = try ImpactIndexBuilder(creating: temporary.path("idx"))
    for number in 0..<150 {
      var terms = [WeightedTerm("all", weight: number % 37 == 0 ? 3 : 1)]
      if number / 10 % 3 == 0 { terms.append(WeightedTerm("some", weight: 0.5)) }
      if number % 40 == 7 { terms.append(WeightedTerm("rare", weight: 2)) }
      if number == 9 { terms.append(WeightedTerm("one", weight: 1.5)) }
      try builder.add(Document(docno: "d\(number)", text: "text \(number)"), terms: terms)
    }
    #expect(try builder.finish() == index.statistics)
    let today = try ImpactIndex(path: temporary.path("idx"))
    for query in [["all"], ["some", "rare"], ["one", "all", "some"], ["rare", "all"]] {
      let terms = query.enumerated().map { WeightedTerm($1, weight: 1 + Double($0)) }
      for pruning in Pruning.allCases {
        #expect(try index.search(terms, k: 12, pruning: pruning) == today.search(terms, k: 12, pruning: .exhaustive))
      }
    }
    // In steps of 3 / 255: 2 is 170, 1 is 85, 0.5 is 42.5 and rounded up; d7 and d127 have both of the rarer ones.
    let step = Double(Float(3) / 255)
    let best = try index.search([WeightedTerm("some"), WeightedTerm("rare")], k: 2).documents
    let score = step * 170 + step * 43
    #expect(best == [ScoredDocument(docno: "d7", score: score), ScoredDocument(docno: "d127", score: score)])
  }

  @Test("Version 5, of two segments with a deletion, opens, verifies and answers, and has the bytes that are written today")
  func version5() throws {
    let index = try ImpactIndex(path: Self.folder("impacts-v5"))
    try index.verify()
    #expect(index.segmentCount == 2 && index.deletedCount == 1)
    #expect(index.statistics == ImpactStatistics(documents: 4, terms: 8, postings: 11, scale: Float(3) / 255))
    #expect(try ImpactIndexManifest.read(folder: index.path).greatestWeight == 3)
    let new = Document(docno: "d5", text: "Hot plates, new.")
    #expect(try index.document(docno: "d5") == new && index.document(docno: "d2") == nil)
    // In steps of 3 / 255: 4 is cut to 255, 1.5 is 127.5 and rounded up. With d2 gone, no plate weighs more.
    let step = Double(Float(3) / 255)
    let query = [WeightedTerm("heat", weight: 1), WeightedTerm("plate", weight: 2), WeightedTerm("wing", weight: 1)]
    let result = try index.search(query, k: 10)
    #expect(result.documents == [
      ScoredDocument(docno: "d5", score: 2 * step * 128 + step * 255),
      ScoredDocument(docno: "d4", score: 2 * step * 85 + step * 234), ScoredDocument(docno: "d1", score: step * 213),
    ])
    #expect(result.unknownTerms == ["wing"])
    #expect(try index.documentFrequency(of: "air") == 1 && index.documentFrequency(of: "plate") == 2)

    let temporary = try TemporaryFolder()
    let path = temporary.path("idx")
    let builder = try ImpactIndexBuilder(creating: path)
    for (document, terms) in Self.documents { try builder.add(document, terms: terms) }
    _ = try builder.finish()
    let adding = try ImpactIndexWriter(updating: path, source: ImpactIndexConfiguration())
    try adding.add(
      new, terms: [WeightedTerm("heat", weight: 4), WeightedTerm("plate", weight: 1.5), WeightedTerm("new", weight: 0.75)])
    #expect(adding.clippedWeights == 1 && adding.addedWeights == 3)
    try adding.commit()
    let deleting = try ImpactIndexWriter(updating: path, source: ImpactIndexConfiguration())
    try deleting.delete(docno: "d2")
    try deleting.commit()
    #expect(try TemporaryFolder.contents(of: path) == TemporaryFolder.contents(of: index.path))
  }

  @Test("Version 4, with a packed dictionary, has the bytes that today's builder writes: a change needs a new version number")
  func sameBytes() throws {
    let temporary = try TemporaryFolder()
    let builder = try ImpactIndexBuilder(creating: temporary.path("idx"))
    for (document, terms) in Self.documents { try builder.add(document, terms: terms) }
    _ = try builder.finish()
    let expected = try TemporaryFolder.contents(of: Self.folder("impacts-v4"))
    #expect(try TemporaryFolder.contents(of: temporary.path("idx")) == expected)
  }
}
