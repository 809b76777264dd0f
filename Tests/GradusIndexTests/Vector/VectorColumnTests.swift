import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Columns of metadata in vector indexes")
struct VectorColumnTests {
  private static let columns = [MetadataColumn("lang", .keyword), MetadataColumn("price", .number), MetadataColumn("day", .date)]
  private static let filters = [
    "lang=en", "lang!=en", "lang=en|none", "lang=none", "price>=10", "price<10 lang=de", "day=2003", "day>2003-05 price!=7",
    // `source` is no column; the second needs both.
    "source=s3", "source!=s3 lang=en price<30", "nothing=1",
  ]

  private static func document(_ number: Int) -> Document {
    var metadata = ["source": "s\(number % 5)"]
    if number % 4 != 0 { metadata["lang"] = ["en", "de", "fr"][number % 3] }
    if number % 7 != 0 { metadata["price"] = "\(number % 40)" }
    metadata["day"] = "200\(number % 6)-0\(1 + number % 9)"
    return Document(docno: RandomVectors.docno(number), text: "text \(number)", metadata: metadata)
  }

  private static func allowed(_ filter: String, _ numbers: some Sequence<Int>) throws -> [String] {
    let filter = try MetadataFilter(parsing: filter)
    return try numbers.map(document).filter { try filter.matches($0.metadata) }.map(\.docno).sorted()
  }

  @Test("Filters by columns allow what filters by stored documents do, also after changes", arguments: [true, false])
  func vectors(isGraph: Bool) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let vectors = RandomVectors.make(300, dimension: 16, seed: 1)
    let configuration = VectorIndexConfiguration(
      dimension: 16, encoder: RandomVectors.encoder, graph: isGraph ? HNSWOptions(M: 6, efConstruction: 40) : nil,
      columns: Self.columns)
    let writer = try VectorIndexWriter(creating: path, configuration: configuration, storesDocuments: true)
    for number in 0..<200 { try writer.add(Self.document(number), vector: vectors[number]) }
    try writer.commit()
    func check(_ live: [Int]) throws {
      let index = try VectorIndex(path: path)
      try index.verify()
      #expect(index.columns == Self.columns && index.count == live.count)
      for text in Self.filters {
        let filter = try index.filter(matching: MetadataFilter(parsing: text))
        let found = try index.search(vectors[3], k: 300, options: VectorSearchOptions(strategy: .exact), filter: filter)
        #expect(try found.documents.map(\.docno).sorted() == Self.allowed(text, live), "\(text)")
        #expect(filter.count == found.documents.count)
      }
    }
    try check(Array(0..<200))
    let update = try VectorIndexWriter(updating: path, encoder: RandomVectors.encoder)
    for number in 200..<300 { try update.add(Self.document(number), vector: vectors[number]) }
    for number in stride(from: 0, to: 300, by: 6) { try update.delete(docno: RandomVectors.docno(number)) }
    // A value that does not suit its column is refused, and the writer goes on.
    let wrong = Document(docno: "wrong", text: "", metadata: ["price": "cheap"])
    #expect(throws: IndexError.invalidColumnValue(docno: "wrong", column: "price", value: "cheap", expected: "a finite number")) {
      try update.add(wrong, vector: vectors[0])
    }
    try update.commit()
    let live = (0..<300).filter { $0 % 6 != 0 }
    try check(live)
    try VectorIndexWriter(updating: path, encoder: RandomVectors.encoder).compact()
    try check(live)
    let index = try VectorIndex(path: path)
    #expect(throws: IndexError.self) { try index.filter(matching: MetadataFilter(parsing: "lang>en")) }
    #expect(throws: IndexError.self) { try index.filter(matching: MetadataFilter(parsing: "price=cheap")) }
  }

  @Test("An index without columns has the files that it had; columns ask for stored documents and no name twice")
  func options() throws {
    let folder = try TemporaryFolder()
    let plain = VectorIndexConfiguration(dimension: 4, encoder: RandomVectors.encoder, graph: nil)
    let writer = try VectorIndexWriter(creating: folder.path("plain"), configuration: plain, storesDocuments: true)
    try writer.add(Self.document(1), vector: [1, 2, 3, 4])
    try writer.commit()
    let manifest = try String(contentsOfFile: folder.path("plain/" + IndexManifest.name), encoding: .utf8)
    #expect(!manifest.contains("columns"))
    #expect(try VectorIndex(path: folder.path("plain")).columns.isEmpty)
    var columned = plain
    columned.columns = Self.columns
    #expect(throws: VectorIndexError.self) { try VectorIndexWriter(creating: folder.path("x"), configuration: columned) }
    columned.columns = [Self.columns[0], Self.columns[0]]
    #expect(throws: IndexError.self) {
      try VectorIndexWriter(creating: folder.path("x"), configuration: columned, storesDocuments: true)
    }
    var tokens = TokenIndexConfiguration(dimension: 32, encoder: TokenCollection.encoder, columns: Self.columns)
    #expect(throws: VectorIndexError.self) { try TokenIndexBuilder(creating: folder.path("x"), configuration: tokens) }
    tokens.columns = [Self.columns[1], Self.columns[1]]
    #expect(throws: IndexError.self) {
      try TokenIndexBuilder(creating: folder.path("x"), configuration: tokens, storesDocuments: true)
    }
  }

  @Test("Token vectors: filtered searches give the best of what is allowed, with columns and without", arguments: [true, false])
  func tokens(hasColumns: Bool) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let builder = try TokenIndexBuilder(
      creating: path,
      configuration: TokenIndexConfiguration(
        dimension: TokenCollection.dimension, encoder: TokenCollection.encoder, columns: hasColumns ? Self.columns : []),
      storesDocuments: true)
    for number in 0..<150 { try builder.add(Self.document(number), tokens: TokenCollection.tokens(number)) }
    if hasColumns {
      let wrong = Document(docno: "wrong", text: "", metadata: ["day": "soon"])
      #expect(throws: IndexError.self) { try builder.add(wrong, tokens: TokenCollection.tokens(0)) }
    }
    try builder.commit()
    let index = try TokenIndex(path: path)
    try index.verify()
    #expect(index.count == 150 && index.columns == (hasColumns ? Self.columns : []))
    let query = TokenCollection.query(20)
    let all = try index.exhaustive(query, k: 150)
    for text in Self.filters {
      let filter = try index.documents(matching: MetadataFilter(parsing: text))
      let allowed = Set(try Self.allowed(text, 0..<150))
      let expected = all.filter { allowed.contains($0.docno) }
      #expect(filter.count == allowed.count, "\(text)")
      #expect(try index.exhaustive(query, k: 150, filter: filter) == expected, "\(text)")
      // No more are allowed than are scored exactly: one probe finds all of them.
      let narrow = try index.search(query, k: 5, options: TokenSearchOptions(probes: 1, candidates: 150), filter: filter)
      #expect(narrow.documents == Array(expected.prefix(5)) && narrow.scoredDocuments == allowed.count)
      // More are: those near the query that are allowed.
      let options = TokenSearchOptions(probes: index.centroidCount, centroidThreshold: nil, candidates: 3)
      let wide = try index.search([query], k: 3, options: options, filter: filter)[0]
      #expect(wide.documents.allSatisfy { allowed.contains($0.docno) } && wide.documents.count == min(3, allowed.count))
    }
    #expect(throws: VectorIndexError.foreignFilter) { try index.search(query, k: 1, filter: DocumentSet(documents: 149)) }
    #expect(throws: VectorIndexError.foreignFilter) { try index.exhaustive(query, k: 1, filter: DocumentSet(documents: 149)) }
    let bare = try TokenCollection.build(5, in: folder.path("bare"))
    #expect(throws: VectorIndexError.self) { try bare.documents(matching: MetadataFilter(parsing: "lang=en")) }
  }
}
