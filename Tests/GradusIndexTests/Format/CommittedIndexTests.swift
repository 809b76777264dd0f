import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Committed indexes of released format versions")
struct CommittedIndexTests {
  static let documents = [
    Document(docno: "d1", title: "Boundary layer", text: "Heat transfer in the laminar boundary layer."),
    Document(docno: "d2", text: "Flow of air over a flat plate.", metadata: ["source": "manual"]),
    Document(docno: "d3", text: ""),
    Document(docno: "d4", title: "Plates", text: "Heat and heat again: plates that are heated in flowing air."),
  ]

  private var folder: String { Bundle.module.path(forResource: "index-v1", ofType: nil, inDirectory: "Fixtures") ?? "" }

  @Test("Version 1 opens, verifies and answers")
  func version1() throws {
    let index = try InvertedIndex(path: folder)
    try index.verify()
    #expect(index.statistics == IndexStatistics(documents: 4, terms: 11, postings: 15, tokens: 20))
    #expect(try Self.documents.indices.map { try index.document(DocIndex($0)) } == Self.documents)
    let result = try index.search("heated plates", k: 10)
    #expect(result.documents.map(\.docno) == ["d4", "d2", "d1"])
    #expect(abs(result.documents[0].score - 0.9501048) < 1e-7)
  }

  @Test("Today's builder still writes the same bytes: a change needs a new version number")
  func sameBytes() throws {
    let temporary = try TemporaryFolder()
    _ = try RandomCollection.build(Self.documents, in: temporary.path("idx"), analyzer: .english)
    #expect(try TemporaryFolder.contents(of: temporary.path("idx")) == TemporaryFolder.contents(of: folder))
  }
}
