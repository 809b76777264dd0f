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

  static let columns = [MetadataColumn("source", .keyword), MetadataColumn("year", .date), MetadataColumn("pages", .number)]

  private var folder: String { path("index-v1") }

  private func path(_ name: String) -> String {
    Bundle.module.path(forResource: name, ofType: nil, inDirectory: "Fixtures") ?? ""
  }

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

  /// Files whose layout has not changed: all but the manifest and the postings with their dictionary.
  private static func unchangedFiles(_ path: String) throws -> [String: [UInt8]] {
    try TemporaryFolder.contents(of: path).filter { $0.key != "manifest" && $0.key != "segment-1.postings" }
  }

  @Test("Today's builder still writes the same stored documents without compression: a change needs a new version number")
  func sameBytes() throws {
    let temporary = try TemporaryFolder()
    _ = try RandomCollection.build(Self.documents, in: temporary.path("idx"), analyzer: .english, compression: nil)
    let files = try Self.unchangedFiles(folder)
    #expect(try Self.unchangedFiles(temporary.path("idx")) == files && files.count == 1)
  }

  /// The documents of version 1 with metadata for the columns.
  private static let withMetadata = documents.enumerated().map { number, document in
    Document(
      docno: document.docno, title: document.title, text: document.text,
      metadata: document.metadata.merging(number == 2 ? [:] : ["year": "\(1990 + number)-05", "pages": "\(number)"]) { $1 })
  }

  @Test("Version 2, with positions and columns, opens, verifies and answers")
  func version2() throws {
    let index = try InvertedIndex(path: path("index-v2"))
    try index.verify()
    #expect(index.columns == Self.columns)
    #expect(try index.search("heated plates", k: 10).documents.map(\.docno) == ["d4", "d2", "d1"])
    #expect(try index.search(BooleanQuery(parsing: "\"boundary layer\""), k: 10).documents.map(\.docno) == ["d1"])
    let recent = try index.documents(matching: MetadataFilter(parsing: "year>=1991 pages<9"))
    #expect(try index.search("heated plates", k: 10, filter: recent).documents.map(\.docno) == ["d4", "d2"])
  }

  @Test("Today's builder still writes the same positions and columns as for version 2")
  func sameBytesOfVersion2() throws {
    let temporary = try TemporaryFolder()
    _ = try RandomCollection.build(
      Self.withMetadata, in: temporary.path("idx"), analyzer: .english, positions: true, columns: Self.columns,
      compression: nil)
    let files = try Self.unchangedFiles(path("index-v2"))
    #expect(try Self.unchangedFiles(temporary.path("idx")) == files && files.count == 3)
  }

  /// What the index of version 3 holds: d2 was replaced and d3 deleted.
  private static let ofVersion3 = [
    withMetadata[0], withMetadata[3],
    Document(
      docno: "d2", text: "Flow of heated air over two flat plates.",
      metadata: ["source": "paper", "year": "1995", "pages": "12"]),
    Document(docno: "d5", title: "Tunnels", text: "Plates in a wind tunnel.", metadata: ["source": "manual"]),
  ]

  @Test("Version 3, with two segments, deleted documents and packed texts, opens, verifies and answers as one built at once")
  func version3() throws {
    let index = try InvertedIndex(path: path("index-v3"))
    try index.verify()
    #expect(index.segmentCount == 2 && index.deletedCount == 2 && index.columns == Self.columns)
    let temporary = try TemporaryFolder()
    let once = try RandomCollection.build(
      Self.ofVersion3, in: temporary.path("once"), analyzer: .english, positions: true, columns: Self.columns)
    #expect(index.statistics == once.statistics)
    #expect(try Self.ofVersion3.indices.map { try index.document(DocIndex($0)) } == Self.ofVersion3)
    for query in ["heated plates", "flow", "boundary layer"] {
      #expect(try index.search(query, k: 10) == once.search(query, k: 10))
      let dependence = SequentialDependence()
      #expect(try index.search(query, dependence: dependence, k: 10) == once.search(query, dependence: dependence, k: 10))
    }
    let manuals = try index.documents(matching: MetadataFilter(parsing: "source=manual|paper"))
    #expect(try index.search("heated plates", k: 10, filter: manuals).documents.map(\.docno).sorted() == ["d2", "d5"])
  }

  @Test("Version 4, with the fields title and text, opens, verifies and answers")
  func version4() throws {
    let index = try InvertedIndex(path: path("index-v4"))
    try index.verify()
    #expect(index.fields == .standard)
    #expect(try Self.documents.indices.map { try index.fieldLengths(DocIndex($0)) } == [[2, 5], [0, 5], [0, 0], [1, 7]])
    // N = 4, df = 2: idf = ln 2. Titles have 0.75 tokens on average, texts 4.25. In d4 x = 2 / (0.5 + 0.5 / 0.75)
    // + 1 / (0.5 + 0.5 * 7 / 4.25), in d2 x = 1 / (0.5 + 0.5 * 5 / 4.25); ln 2 * x / (1 + x) is:
    let found = try index.search("plates", k: 9, model: BM25F(parsing: "bm25f(k1=1,b=0.5,title=2)")).documents
    #expect(found.map(\.docno) == ["d4", "d2"])
    #expect(abs(found[0].score - 0.49338381196307174) < 1e-12 && abs(found[1].score - 0.3319296357611005) < 1e-12)
  }

  @Test("Today's builder writes the fields of version 4 that another program wrote by its description")
  func sameBytesOfVersion4() throws {
    let temporary = try TemporaryFolder()
    _ = try RandomCollection.build(
      Self.documents, in: temporary.path("idx"), analyzer: .english, fields: .standard, compression: nil)
    let files = try Self.unchangedFiles(path("index-v4"))
    #expect(try Self.unchangedFiles(temporary.path("idx")) == files && files.count == 2)
  }

  /// What the index of version 5 holds: runs, outliers, and a list of two blocks.
  private static let ofVersion5 = (0..<200).map { number in
    var words = [String](repeating: "air", count: number % 41 == 0 ? 6 : 1)
    if number / 20 % 2 == 0 { words.append("heat") }
    if (number % 3 == 0 && number / 25 != 2) || number > 150 { words.append("plate") }
    if [3, 4, 5, 190].contains(number) { words.append("wing") }
    if number == 7 { words.append("jet") }
    return Document(docno: "d\(number)", title: number % 60 == 0 ? "heat" : "", text: words.joined(separator: " "))
  }

  @Test("Version 5, with compact blocks of postings and fields, opens, verifies and answers")
  func version5() throws {
    let index = try InvertedIndex(path: path("index-v5"))
    try index.verify()
    #expect(try Self.ofVersion5.indices.map { try index.document(DocIndex($0)) } == Self.ofVersion5)
    let bruteForce = try BruteForce(Self.ofVersion5, .english)
    for query in ["air", "heat plate", "wing air", "jet heat"] {
      for pruning in Pruning.allCases {
        #expect(agree(try index.search(query, k: 25, pruning: pruning).documents, bruteForce.search(query, k: 25)), "\(query)")
      }
    }
    let found = try index.search("heat", k: 9, model: BM25F(fields: [.init("title", weight: 9), .init("text", weight: 0)]))
    // Texts of d60 and d180 do not have it.
    #expect(found.documents.map(\.docno).sorted() == ["d0", "d120", "d180", "d60"])
  }

  @Test("Today's builder writes the compact fields of version 5 that another program wrote by its description")
  func sameBytesOfVersion5() throws {
    let temporary = try TemporaryFolder()
    _ = try RandomCollection.build(
      Self.ofVersion5, in: temporary.path("idx"), analyzer: .english, fields: .standard, compression: nil)
    let files = try Self.unchangedFiles(path("index-v5"))
    #expect(try Self.unchangedFiles(temporary.path("idx")) == files && files.count == 2)
  }

  /// What the index of version 6 holds: documents of other lengths, and one with a frequency that a byte does not hold.
  private static let ofVersion6 = ofVersion5.enumerated().map { number, document in
    var text = document.text
    if number % 9 == 4 { text += String(repeating: " pad", count: number * number % 97) }
    if number == 130 { text += String(repeating: " air", count: 300) }
    return Document(docno: document.docno, title: document.title, text: text)
  }

  @Test("Version 6, with a packed dictionary and skip data, opens, verifies and answers")
  func version6() throws {
    let index = try InvertedIndex(path: path("index-v6"))
    try index.verify()
    #expect(try Self.ofVersion6.indices.map { try index.document(DocIndex($0)) } == Self.ofVersion6)
    let bruteForce = try BruteForce(Self.ofVersion6, .english)
    for query in ["air", "heat plate", "wing air pad", "jet heat air"] {
      for pruning in Pruning.allCases {
        #expect(agree(try index.search(query, k: 9, pruning: pruning).documents, bruteForce.search(query, k: 9)), "\(query)")
      }
    }
  }

  @Test("Today's builder writes the bytes of version 6 that another program wrote by its description")
  func sameBytesOfVersion6() throws {
    let temporary = try TemporaryFolder()
    _ = try RandomCollection.build(
      Self.ofVersion6, in: temporary.path("idx"), analyzer: .english, fields: .standard, compression: nil)
    #expect(try TemporaryFolder.contents(of: temporary.path("idx")) == TemporaryFolder.contents(of: path("index-v6")))
  }
}
