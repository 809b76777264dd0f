import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Fields in the files of an index, however documents are spread over segments")
struct FieldLayoutTests {
  private static let models = [
    "bm25f", "bm25f(k1=1.2,title=3,title.b=0.5,text.b=0.75,kind=0.3,kind.b=0)", "bm25f(title=0,b=1,year=2)", "bm25", "dph",
  ]

  private static let fields = Result { try IndexFields(parsing: "title,text,kind,year") }

  /// Files of a folder by kind, the manifest left out.
  private static func files(_ folder: String) throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for (name, bytes) in try TemporaryFolder.contents(of: folder) where name != "manifest" {
      files[String(name.split(separator: ".").last ?? "")] = bytes
    }
    return files
  }

  @Test("The bytes do not depend on threads and memory", arguments: [false, true])
  func sameBytes(positions: Bool) throws {
    let folder = try TemporaryFolder()
    let documents = FieldCollection.documents(3000, words: 8, vocabulary: 300, seed: 13)
    try FieldCollection.build(documents, in: folder.path("one"), threads: 1, positions: positions)
    let expected = try TemporaryFolder.contents(of: folder.path("one"))
    #expect(expected.keys.contains("segment-1.fields"))
    for (threads, memory) in [(1, 1), (2, 1), (3, 1 << 20), (8, 64 << 20)] {
      let path = folder.path("\(threads)-\(memory)")
      try FieldCollection.build(documents, in: path, memoryBudgetBytes: memory, threads: threads, positions: positions)
      #expect(try TemporaryFolder.contents(of: path) == expected, "\(threads) threads, \(memory) bytes")
    }
  }

  @Test("The other files are those of an index without fields, byte for byte; the manifest says version 6")
  func otherFiles() throws {
    let folder = try TemporaryFolder()
    let documents = FieldCollection.documents(500, words: 8, vocabulary: 100, seed: 14)
    let plain = try RandomCollection.build(documents, in: folder.path("plain"), positions: true)
    let fields = try RandomCollection.build(documents, in: folder.path("fields"), positions: true, fields: .standard)
    var files = try Self.files(folder.path("fields"))
    #expect(files.removeValue(forKey: "fields") != nil)
    #expect(try files == Self.files(folder.path("plain")))
    let manifest = String(decoding: try TemporaryFolder.read(folder.path("fields/manifest")), as: UTF8.self)
    #expect(manifest.hasPrefix("gradus-index 6 "))
    #expect(plain.fields == nil && fields.fields == .standard)
    // Only a title's and a text's share is kept: some bits a posting.
    let postings = try #require(files["postings"]).count
    #expect(try TemporaryFolder.read(folder.path("fields/segment-1.fields")).count < postings)
    try plain.exportCIFF(to: folder.path("plain.ciff"))
    try fields.exportCIFF(to: folder.path("fields.ciff"))
    #expect(try TemporaryFolder.read(folder.path("plain.ciff")) == TemporaryFolder.read(folder.path("fields.ciff")))
  }

  @Test("Attributes of the metadata that are fields are a part of the document for all models")
  func metadata() throws {
    let folder = try TemporaryFolder()
    let documents = FieldCollection.documents(200, words: 6, vocabulary: 50, seed: 15)
    let index = try FieldCollection.build(documents, in: folder.path("idx"))
    let whole = documents.map { document in
      let notes = document.metadata["notes"] ?? ""
      return Document(
        docno: document.docno, title: document.title, text: document.text.isEmpty ? notes : document.text + " " + notes)
    }
    let joined = try RandomCollection.build(whole, in: folder.path("joined"))
    #expect(index.statistics == joined.statistics)
    for query in RandomCollection.queries(10, terms: 4, vocabulary: 50, seed: 16) {
      #expect(try index.search(query, k: 40) == joined.search(query, k: 40))
    }
    for number in [0, 1, 6, 100, 199] {
      #expect(try index.termVector(of: DocIndex(number)) == joined.termVector(of: DocIndex(number)))
      #expect(try index.fieldLengths(DocIndex(number)).reduce(0, +) == joined.length(DocIndex(number)))
    }
  }

  @Test("Added, updated and deleted in several segments, before and after merges: the same bits as built at once")
  func changes() throws {
    let folder = try TemporaryFolder()
    let documents = ChangingCollection.documents(360, seed: 51)
    var collection = try ChangingCollection(Array(documents[..<150]), in: folder.path("idx"), fields: Self.fields.get())
    try collection.add(documents[150..<260])
    try collection.writer.commit()
    for number in stride(from: 0, to: 260, by: 6) { try collection.delete(documents[number].docno) }
    try collection.add(documents[260..<270])
    try collection.writer.commit()
    for number in stride(from: 1, to: 200, by: 12) {
      let text = documents[number + 1].text + " w3 w3"
      try collection.update(Document(docno: documents[number].docno, title: "w2", text: text, metadata: ["kind": "w5 even"]))
    }
    try collection.add(documents[270..<340])
    try collection.update(Document(docno: documents[271].docno, text: "w1 w2 w61"))
    try collection.delete(documents[271].docno)
    try collection.writer.commit()
    for start in stride(from: 340, to: 360, by: 5) {
      try collection.add(documents[start..<start + 5])
      try collection.writer.commit()
    }
    let once = try collection.once(in: folder.path("once"))
    func compare(_ changed: InvertedIndex) throws {
      try changed.verify()
      #expect(try changed.fields == Self.fields.get())
      var comparison = IndexComparison(changed: changed, once: once)
      comparison.queries += ["even w1", "1995 w0 odd", "title w5"]
      try comparison.all(models: Self.models)
      for number in 0..<once.statistics.documents {
        #expect(try changed.fieldLengths(DocIndex(number)) == once.fieldLengths(DocIndex(number)))
      }
    }
    let spread = try InvertedIndex(path: folder.path("idx"))
    #expect(spread.segmentCount == 8 && spread.deletedCount > 40)
    try compare(spread)
    #expect(try collection.writer.merge(MergePolicy(segmentsPerTier: 4, smallest: 20)) == 1)
    let merged = try spread.reopened()
    #expect(merged.segmentCount > 1 && merged.segmentCount < spread.segmentCount)
    try compare(merged)
    try collection.writer.optimize()
    try compare(try InvertedIndex(path: folder.path("idx")))
    #expect(try Self.files(folder.path("idx")) == Self.files(folder.path("once")))
    // The index that was opened first goes on as it was.
    #expect(
      try spread.search("w1 w2", k: 50, model: BM25F(fields: [.init("title", weight: 2)]))
        == once.search("w1 w2", k: 50, model: BM25F(fields: [.init("title", weight: 2)])))
  }

  @Test("Where the last document with a field is deleted, nothing of it is left in the scores")
  func emptiedField() throws {
    let folder = try TemporaryFolder()
    let documents = [
      Document(docno: "a", title: "x x x y", text: "x"), Document(docno: "b", text: "x y y"), Document(docno: "c", text: "x z"),
    ]
    _ = try RandomCollection.build(documents, in: folder.path("idx"), fields: .standard)
    let writer = try IndexWriter(updating: folder.path("idx"))
    #expect(writer.fields == .standard)
    try writer.delete(docno: "a")
    try writer.commit()
    let index = try InvertedIndex(path: folder.path("idx"))
    let once = try RandomCollection.build(Array(documents[1...]), in: folder.path("once"), fields: .standard)
    for model in [BM25F(b: 1, fields: [.init("title", weight: 9)]), BM25F(k1: 0), BM25F()] {
      for pruning in Pruning.allCases {
        let expected = try once.search("x y", k: 3, model: model, pruning: pruning)
        #expect(try index.search("x y", k: 3, model: model, pruning: pruning) == expected && expected.documents.count == 2)
      }
    }
  }

  @Test("Pruned searches over large segments are exhaustive ones, with deleted documents in the lists")
  func pruning() throws {
    let folder = try TemporaryFolder()
    let documents = FieldCollection.documents(18_000, words: 8, vocabulary: 900, seed: 17)
    _ = try FieldCollection.build(Array(documents[..<11_000]), in: folder.path("idx"))
    let writer = try IndexWriter(updating: folder.path("idx"))
    for document in documents[11_000...] { try writer.add(document) }
    for number in stride(from: 0, to: 18_000, by: 3) { try writer.delete(docno: documents[number].docno) }
    try writer.commit()
    let once = try FieldCollection.build(
      documents.enumerated().filter { $0.offset % 3 != 0 }.map(\.element), in: folder.path("once"))
    let index = try InvertedIndex(path: folder.path("idx"))
    let model = try WeightingModels.parse(FieldCollection.models[1])
    for k in [1, 10, 300] {
      for query in RandomCollection.queries(20, terms: 8, vocabulary: 900, seed: UInt64(k)) {
        let expected = try once.search(query, k: k, model: model, pruning: .exhaustive)
        #expect(try index.search(query, k: k, model: model) == expected, "\(query) \(k)")
        #expect(try index.search(query, k: k, model: model, pruning: .exhaustive) == expected, "\(query) \(k)")
      }
    }
  }

  @Test("Indexes without fields open as before and say what is missing", arguments: ["index-v1", "index-v2", "index-v3"])
  func oldVersions(name: String) throws {
    let folder = try TemporaryFolder()
    let source = Bundle.module.path(forResource: name, ofType: nil, inDirectory: "Fixtures") ?? ""
    try FileManager.default.copyItem(atPath: source, toPath: folder.path("idx"))
    let path = folder.path("idx")
    let index = try InvertedIndex(path: path)
    #expect(index.fields == nil)
    #expect(try !index.search("heated plates", k: 3).documents.isEmpty)
    #expect(try index.fieldLengths(DocIndex(0)).isEmpty)
    let error = IndexError.notBuilt(path: path, what: "fields")
    #expect(throws: error) { try index.search("heated plates", k: 3, model: BM25F()) }
    #expect(throws: error) { try index.score("heated", docnos: ["d1"], model: BM25F()) }
    #expect(error.failureKind == .usage && error.description.contains("built without fields"))
    #expect(try IndexWriter(updating: path).fields == nil)
  }

  @Test("Names of fields: what is read and what is refused")
  func names() throws {
    #expect(try IndexFields(parsing: "text,keywords,title").names == ["title", "text", "keywords"])
    #expect(try IndexFields(parsing: "title") == .standard && IndexFields(parsing: "a-b_1").names.last == "a-b_1")
    for wrong in ["", "title,,text", "title,title", "k1", "b", "a,a", "a.b", "a b", "a=1", "a(b"] {
      #expect(throws: IndexError.self, "\(wrong)") { try IndexFields(parsing: wrong) }
    }
    #expect(throws: IndexError.self) { try IndexFields(metadata: ["text"]) }
    let many = (0..<IndexFields.limit - 2).map { "f\($0)" }
    #expect(try IndexFields(metadata: many).names.count == IndexFields.limit)
    #expect(throws: IndexError.self) { try IndexFields(metadata: many + ["more"]) }
  }

  @Test("As many fields as there can be")
  func manyFields() throws {
    let folder = try TemporaryFolder()
    let fields = try IndexFields(metadata: (0..<IndexFields.limit - 2).map { "f\($0)" })
    let documents = (0..<400).map { number in
      let metadata = Dictionary(uniqueKeysWithValues: fields.metadata.enumerated().map { place, name in
        (name, [String](repeating: "w\(place % 4)", count: number * (place + 3) % 5).joined(separator: " "))
      })
      return Document(docno: "d\(number)", title: "w\(number % 3)", text: "w0 w\(number % 7)", metadata: metadata)
    }
    let index = try RandomCollection.build(documents, in: folder.path("idx"), fields: fields)
    let reference = try FieldBruteForce(documents, fields: fields)
    let model = BM25F(k1: 3, fields: fields.names.enumerated().map { .init($1, weight: Double($0) / 4, b: Double($0) / 16) })
    for query in ["w0 w1", "w2", "w3 w6 w1"] {
      let found = try index.search(query, k: 60, model: model).documents
      #expect(agree(found, reference.search(query, k: 60, model)), "\(query)")
      #expect(try found == index.search(query, k: 60, model: model, pruning: .exhaustive).documents)
    }
  }
}
