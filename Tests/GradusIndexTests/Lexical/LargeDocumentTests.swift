import GradusCore
@testable import GradusIndex
import GradusText
import Testing

@Suite("Documents that are far larger than others")
struct LargeDocumentTests {
  @Test("A document of 50 MB among small ones, with less memory than it has")
  func fiftyMegabytes() throws {
    let folder = try TemporaryFolder()
    // 125 words of eight bytes are a kilobyte.
    let line = (0..<125).map { "word\(100 + $0) " }.joined()
    let text = String(repeating: line, count: 50_000) + "rarity"
    #expect(text.utf8.count > 50_000_000)
    let documents = [
      Document(docno: "small", text: "word117 rarity"), Document(docno: "large", title: "Large", text: text),
      Document(docno: "empty", text: ""),
    ]
    let index = try RandomCollection.build(documents, in: folder.path("idx"), memoryBudgetBytes: 1 << 20, threads: 1)
    try index.verify()
    let large = try #require(try index.docIndex(of: "large"))
    #expect(try index.length(large) == 125 * 50_000 + 2)
    #expect(try index.document(docno: "large") == documents[1])
    for pruning in Pruning.allCases {
      let found = try index.search("rarity", k: 5, pruning: pruning)
      #expect(found.documents.map(\.docno) == ["small", "large"], "the shorter one is the better one")
    }
    #expect(try index.collectionFrequency(of: "word117") == 50_001)
    // The document as a query: every word counts as often as it stands there.
    let asked = try index.search(String(text.prefix(1_000_000)), k: 5)
    #expect(Set(asked.documents.map(\.docno)) == ["small", "large"])
    let explained = try index.explain("word117 rarity", docno: "large")
    let score = try index.score("word117 rarity", docnos: ["large"])[0]
    #expect(abs(explained.terms.reduce(0) { $0 + $1.contribution } - score) < 1e-9)
  }

  @Test("A document with 100,000 attributes; so many fields are refused at once, so many columns are columns")
  func attributes() throws {
    let folder = try TemporaryFolder()
    let names = (0..<100_000).map { "k\($0)" }
    let document = Document(
      docno: "d", text: "w1", metadata: Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, "\($0)") }))
    #expect(throws: IndexError.invalidQuery("100002 fields, title and text included: at most 16 are possible")) {
      try IndexFields(metadata: names)
    }
    let columns = names.prefix(2000).map { MetadataColumn($0, .number) }
    let index = try RandomCollection.build(
      [document, Document(docno: "e", text: "w1")], in: folder.path("idx"), columns: columns)
    #expect(try index.document(docno: "d") == document)
    let allowed = try index.documents(matching: MetadataFilter(parsing: "k1999>=1999 k0=0"))
    #expect(try index.search("w1", k: 5, filter: allowed).documents.map(\.docno) == ["d"])
    _ = try ColumnsBuilder(names.map { MetadataColumn($0, .number) })
    #expect(throws: IndexError.invalidQuery("column 'k7' is listed twice")) {
      try ColumnsBuilder((names + ["k7"]).map { MetadataColumn($0, .number) })
    }
  }
}
