import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Results do not depend on how documents are spread over segments")
struct SegmentLayoutTests {
  private static let fewModels = ["bm25", "ql-dirichlet(mu=10)", "dph", "pl2(c=7)", "db2", "bm25-robertson", "tfidf-pivoted"]

  /// Adds, updates and deletions in five commits.
  private static func change(_ collection: inout ChangingCollection, _ documents: [Document]) throws {
    try collection.add(documents[150..<260])
    try collection.writer.commit()
    // Old documents, new ones, and all of some length.
    for number in stride(from: 0, to: 260, by: 6) { try collection.delete(documents[number].docno) }
    try collection.add(documents[260..<270])
    try collection.writer.commit()
    for number in stride(from: 1, to: 200, by: 12) {
      let text = documents[number + 1].text + " w3 w3"
      try collection.update(Document(docno: documents[number].docno, text: text, metadata: ["kind": "even"]))
    }
    try collection.writer.commit()
    // Back again, and one that was added and changed before it was committed.
    try collection.add([documents[0], documents[6]])
    try collection.add(documents[270..<330])
    try collection.update(Document(docno: documents[271].docno, text: "w1 w2 w61"))
    try collection.delete(documents[272].docno)
    try collection.update(Document(docno: documents[5].docno, text: ""))
    try collection.writer.commit()
    // A word that no document is left with, and one that only a deleted document had, and a new one.
    try collection.delete(documents[271].docno)
    try collection.add(documents[330...])
    try collection.writer.commit()
  }

  @Test("Added, updated and deleted in several segments, before and after merges: the same bits as built at once")
  func changes() throws {
    let folder = try TemporaryFolder()
    let documents = ChangingCollection.documents(360, seed: 41)
    var collection = try ChangingCollection(Array(documents[..<150]), in: folder.path("idx"))
    try Self.change(&collection, documents)
    let once = try collection.once(in: folder.path("once"))
    let spread = try InvertedIndex(path: folder.path("idx"))
    try spread.verify()
    #expect(spread.segmentCount >= 6 && spread.deletedCount > 60)
    try IndexComparison(changed: spread, once: once).all(models: Self.fewModels)

    #expect(try collection.writer.merge(MergePolicy(segmentsPerTier: 4, smallest: 20)) == 1)
    let merged = try InvertedIndex(path: folder.path("idx"))
    try merged.verify()
    #expect(merged.segmentCount < spread.segmentCount && merged.segmentCount > 1)
    try IndexComparison(changed: merged, once: once).all(models: Self.fewModels)

    try collection.writer.optimize()
    let whole = try InvertedIndex(path: folder.path("idx"))
    #expect(whole.segmentCount == 1 && whole.deletedCount == 0)
    try IndexComparison(changed: whole, once: once).all(models: Self.fewModels)
    // The index that was opened first goes on as it was.
    try IndexComparison(changed: spread, once: once).documentsAndCounts()
    try IndexComparison(changed: spread.reopened(), once: once).searches(models: ["bm25"])
  }

  @Test("Every model scores live documents alone", arguments: allModels)
  func everyModel(name: String) throws {
    let folder = try TemporaryFolder()
    let documents = ChangingCollection.documents(200, seed: 42)
    var collection = try ChangingCollection(Array(documents[..<90]), in: folder.path("idx"), positions: false)
    try collection.add(documents[90...])
    // The documents with most of a word: what is left has lower frequencies than the posting lists show.
    for document in documents where document.text.split(separator: " ").count(where: { $0 == "w1" }) > 1 {
      try collection.delete(document.docno)
    }
    try collection.writer.commit()
    let once = try collection.once(in: folder.path("once"), positions: false)
    try IndexComparison(changed: InvertedIndex(path: folder.path("idx")), once: once).searches(models: [name])
  }

  @Test(
    "Pruned searches over large segments are exhaustive ones, with deleted documents in the lists",
    arguments: ["bm25", "pl2", "ql-dirichlet"])
  func pruning(name: String) throws {
    let folder = try TemporaryFolder()
    let documents = RandomCollection.documents(24_000, words: 10, vocabulary: 900, seed: 43)
    _ = try RandomCollection.build(Array(documents[..<15_000]), in: folder.path("idx"))
    let writer = try IndexWriter(updating: folder.path("idx"))
    for document in documents[15_000...] { try writer.add(document) }
    for number in stride(from: 0, to: 24_000, by: 3) { try writer.delete(docno: documents[number].docno) }
    try writer.commit()
    let once = try RandomCollection.build(
      documents.enumerated().filter { $0.offset % 3 != 0 }.map(\.element), in: folder.path("once"))
    let index = try InvertedIndex(path: folder.path("idx"))
    #expect(index.statistics == once.statistics)
    let model = try WeightingModels.parse(name)
    let queries = RandomCollection.queries(25, terms: 8, vocabulary: 900, seed: 44)
    for k in [1, 10, 300] {
      for query in queries {
        let expected = try once.search(query, k: k, model: model, pruning: .exhaustive)
        #expect(try index.search(query, k: k, model: model) == expected, "\(query) \(k)")
        #expect(try index.search(query, k: k, model: model, pruning: .exhaustive) == expected, "\(query) \(k)")
      }
    }
    let topics = queries.enumerated().map { Query(qid: "q\($0)", text: $1) }
    let expected = try once.search(topics, k: 20, model: model, threads: 1)
    for threads in [1, 2, 8] { #expect(try index.search(topics, k: 20, model: model, threads: threads) == expected) }
  }

  @Test(
    "After merging all, the files have the bytes of an index that was built at once",
    arguments: [StoredFieldCompression?.none, .zstd])
  func sameBytes(compression: StoredFieldCompression?) throws {
    let folder = try TemporaryFolder()
    let documents = ChangingCollection.documents(360, seed: 45)
    _ = try RandomCollection.build(
      Array(documents[..<100]), in: folder.path("idx"), positions: true, columns: ChangingCollection.columns,
      compression: compression)
    let writer = try IndexWriter(updating: folder.path("idx"), compression: compression)
    for start in stride(from: 100, to: 360, by: 65) {
      for document in documents[start..<start + 65] { try writer.add(document) }
      for number in stride(from: start - 50, to: start, by: 9) { try writer.delete(docno: documents[number].docno) }
      try writer.commit()
    }
    let live = try documents.filter { try writer.contains(docno: $0.docno) }
    #expect(live.count < 350)
    try writer.optimize()
    _ = try RandomCollection.build(
      live, in: folder.path("once"), positions: true, columns: ChangingCollection.columns, compression: compression)
    let once = try TemporaryFolder.contents(of: folder.path("once"))
    for (name, bytes) in try TemporaryFolder.contents(of: folder.path("idx")) where name != "manifest" {
      let kind = name.split(separator: ".").last ?? ""
      #expect(once["segment-1.\(kind)"] == bytes, "\(name)")
    }
    #expect(try InvertedIndex(path: folder.path("idx")).fingerprint() == InvertedIndex(path: folder.path("once")).fingerprint())
  }

  @Test("What is written for other engines is the same from any layout")
  func export() throws {
    let folder = try TemporaryFolder()
    let documents = ChangingCollection.documents(360, seed: 46)
    var collection = try ChangingCollection(Array(documents[..<150]), in: folder.path("idx"))
    try Self.change(&collection, documents)
    try InvertedIndex(path: folder.path("idx")).exportCIFF(to: folder.path("a.ciff"))
    try collection.once(in: folder.path("once")).exportCIFF(to: folder.path("b.ciff"))
    #expect(try TemporaryFolder.read(folder.path("a.ciff")) == TemporaryFolder.read(folder.path("b.ciff")))
  }

  @Test("Indexes of the first format versions can be changed", arguments: ["index-v1", "index-v2"])
  func oldVersions(name: String) throws {
    let folder = try TemporaryFolder()
    let source = Bundle.module.path(forResource: name, ofType: nil, inDirectory: "Fixtures") ?? ""
    try FileManager.default.copyItem(atPath: source, toPath: folder.path("idx"))
    let writer = try IndexWriter(updating: folder.path("idx"))
    try writer.add(Document(docno: "d5", text: "Heated plates in wind tunnels", metadata: ["year": "2001-01-01"]))
    try writer.update(Document(docno: "d2", title: "", text: "Flow over heated cylinders", metadata: ["pages": "7"]))
    try writer.delete(docno: "d1")
    try writer.commit()
    let positions = writer.hasPositions
    let live = [
      CommittedIndexTests.documents[2], CommittedIndexTests.documents[3], try writer.document("d5"), try writer.document("d2"),
    ]
    let once = try RandomCollection.build(live, in: folder.path("once"), analyzer: .english, positions: positions)
    for _ in 0..<2 {
      let index = try InvertedIndex(path: folder.path("idx"))
      try index.verify()
      #expect(index.statistics == once.statistics)
      for query in ["heated plates", "flow", "boundary layer"] {
        #expect(try index.search(query, k: 9) == once.search(query, k: 9))
      }
      try writer.optimize()
    }
    #expect(String(decoding: try TemporaryFolder.read(folder.path("idx/manifest")), as: UTF8.self).hasPrefix("gradus-index 6 "))
  }
}

extension IndexWriter {
  /// A committed document.
  fileprivate func document(_ docno: String) throws -> Document {
    try #require(try InvertedIndex(path: directory).document(docno: docno))
  }
}
