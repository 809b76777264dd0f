import GradusCore
@testable import GradusIndex
import Testing

@Suite("Impact index: metadata filters")
struct ImpactFilterTests {
  private static let columns = [MetadataColumn("kind", .keyword), MetadataColumn("year", .date)]
  // `part` is no column: it is read from the stored documents.
  private static let filters = [
    "kind=even", "kind!=even", "year>=1995 year<2003", "kind=odd|even year=1999", "kind=none", "part=3", "part<2 kind=even",
    "nothing=1",
  ]

  /// Weighted documents with metadata; every fifth has no year.
  private static func documents(_ count: Int) -> [(document: Document, terms: [WeightedTerm])] {
    WeightedCollection(count, terms: 10, vocabulary: 60, seed: 31).documents.enumerated().map { number, pair in
      var metadata = ["kind": number % 2 == 0 ? "even" : "odd", "part": "\(number % 7)"]
      if number % 5 != 0 { metadata["year"] = "\(1990 + number % 20)" }
      return (Document(docno: pair.document.docno, text: pair.document.text, metadata: metadata), pair.terms)
    }
  }

  private static func build(
    _ documents: [(document: Document, terms: [WeightedTerm])], in path: String, columns: [MetadataColumn]
  ) throws -> ImpactIndex {
    let builder = try ImpactIndexBuilder(creating: path, columns: columns)
    for (document, terms) in documents { try builder.add(document, terms: terms) }
    _ = try builder.finish()
    return try ImpactIndex(path: path)
  }

  @Test("What a filter leaves is what the whole ranking has of it, with columns and without, pruned or not")
  func rankings() throws {
    let folder = try TemporaryFolder()
    let documents = Self.documents(9000)
    let plain = try Self.build(documents, in: folder.path("plain"), columns: [])
    let columned = try Self.build(documents, in: folder.path("columns"), columns: Self.columns)
    #expect(plain.columns.isEmpty && columned.columns == Self.columns)
    let queries = WeightedCollection.queries(10, terms: 8, vocabulary: 60, seed: 32)
    for text in Self.filters {
      let filter = try MetadataFilter(parsing: text)
      let allowed = try columned.documents(matching: filter)
      #expect(try plain.documents(matching: filter) == allowed, "\(text)")
      let passing = Set(
        try documents.filter { try filter.matches($0.document.metadata) }.map(\.document.docno))
      for query in queries {
        let expected = try plain.search(query, k: 9000).documents.filter { passing.contains($0.docno) }
        for k in [1, 10, 9000] {
          for pruning in Pruning.allCases {
            let found = try columned.search(query, k: k, pruning: pruning, filter: allowed).documents
            #expect(found == Array(expected.prefix(k)), "\(text), \(k), \(pruning)")
          }
        }
      }
      #expect(
        try columned.search(queries, k: 20, filter: allowed, threads: 3)
          == queries.map { try columned.search($0, k: 20, filter: allowed) })
    }
  }

  @Test("Mistakes are named, and damage is found")
  func mistakes() throws {
    let folder = try TemporaryFolder()
    let documents = Self.documents(70)
    let index = try Self.build(documents, in: folder.path("idx"), columns: Self.columns)
    for text in ["kind>even", "year=soon", "part<much"] {
      #expect(throws: IndexError.self, "\(text)") { try index.documents(matching: MetadataFilter(parsing: text)) }
    }
    #expect(throws: IndexError.invalidQuery("the filter is of 3 documents, the index of 70")) {
      try index.search([WeightedTerm("t0")], filter: DocumentSet(documents: 3))
    }
    #expect(throws: IndexError.self) {
      try ImpactIndexBuilder(creating: folder.path("two"), columns: [MetadataColumn("n", .date), MetadataColumn("n", .number)])
    }
    let builder = try ImpactIndexBuilder(creating: folder.path("bad"), columns: [MetadataColumn("n", .number)])
    #expect(throws: IndexError.invalidColumnValue(docno: "a", column: "n", value: "many", expected: "a finite number")) {
      try builder.add(Document(docno: "a", text: "", metadata: ["n": "many"]), terms: [])
    }
    try index.verify()
    let file = folder.path("idx/segment-1.columns")
    var bytes = try TemporaryFolder.read(file)
    bytes[70] ^= 1
    try TemporaryFolder.write(bytes, file)
    #expect(throws: IndexError.self) { try ImpactIndex(path: index.path).verify() }
  }

  @Test("Columns are in the fingerprint; the manifest says version 4 of the format")
  func version() throws {
    let folder = try TemporaryFolder()
    let documents = Array(Self.documents(20).prefix(3))
    let plain = try Self.build(documents, in: folder.path("plain"), columns: [])
    let columned = try Self.build(documents, in: folder.path("columns"), columns: Self.columns)
    #expect(try plain.fingerprint() != columned.fingerprint())
    for name in ["plain", "columns"] {
      let manifest = String(decoding: try TemporaryFolder.read(folder.path("\(name)/manifest")), as: UTF8.self)
      #expect(manifest.hasPrefix("gradus-impacts 4 "))
    }
  }
}
