import Foundation
import GradusCore
@testable import GradusIndex
import GradusText
import Testing

@Suite("Indexes whose documents were put in another order")
struct ReorderedIndexTests {
  private static let bisection = GraphBisection(smallestPartition: 4)

  @Test("Documents, every model, phrases and filters: the same answers, to the bit")
  func answers() throws {
    let folder = try TemporaryFolder()
    let documents = ChangingCollection.documents(360, seed: 51)
    let plain = try RandomCollection.build(
      documents, in: folder.path("plain"), positions: true, columns: ChangingCollection.columns, fields: .standard)
    let reordered = try RandomCollection.build(
      documents, in: folder.path("reordered"), positions: true, columns: ChangingCollection.columns, fields: .standard,
      reordering: Self.bisection)
    try reordered.verify()
    #expect(try (0..<360).map { try reordered.docno(DocIndex($0)) } != documents.map(\.docno))
    try IndexComparison(changed: reordered, once: plain, hasSameNumbers: false)
      .all(models: allModels + ["bm25f(title=3,title.b=0.5)"])
  }

  @Test("The same after deletions and additions, a plain merge, and a merge that puts all in order again")
  func changes() throws {
    let folder = try TemporaryFolder()
    let documents = ChangingCollection.documents(360, seed: 52)
    var writers: [IndexWriter] = []
    for (name, reordering) in [("plain", nil), ("reordered", Self.bisection)] {
      _ = try RandomCollection.build(
        Array(documents[..<250]), in: folder.path(name), positions: true, columns: ChangingCollection.columns,
        fields: .standard, reordering: reordering)
      let writer = try IndexWriter(updating: folder.path(name), threads: 2)
      for number in stride(from: 0, to: 250, by: 6) { try writer.delete(docno: documents[number].docno) }
      try writer.commit()
      for document in documents[250...] { try writer.add(document) }
      try writer.update(Document(docno: documents[8].docno, text: "w1 w2 w61", metadata: ["kind": "even"]))
      try writer.delete(docno: documents[255].docno)
      try writer.commit()
      writers.append(writer)
    }
    func compare() throws {
      let reordered = try InvertedIndex(path: folder.path("reordered"))
      try reordered.verify()
      try IndexComparison(changed: reordered, once: InvertedIndex(path: folder.path("plain")), hasSameNumbers: false)
        .all(models: ["bm25", "ql-dirichlet(mu=10)", "pl2(c=7)", "dph", "bm25f(title=3)"])
    }
    try compare()
    try writers[1].optimize(reordering: Self.bisection)
    let report = try #require(writers[1].reorderingReport)
    #expect(report.bitsPerGapAfter < report.bitsPerGapBefore)
    #expect(writers[1].segmentCount == 1)
    try compare()
    // One segment without deletions is put in order too, where that is asked for, and otherwise left as it is.
    let before = try TemporaryFolder.names(in: folder.path("reordered"))
    try writers[1].optimize()
    #expect(try TemporaryFolder.names(in: folder.path("reordered")) == before)
    try writers[1].optimize(reordering: GraphBisection(smallestPartition: 1))
    #expect(try TemporaryFolder.names(in: folder.path("reordered")) != before)
    try compare()
    // What is added afterwards comes after the others, through a plain merge as well.
    for writer in writers {
      try writer.add(Document(docno: "new", text: "w0 w1 w1"))
      try writer.optimize()
    }
    let index = try InvertedIndex(path: folder.path("reordered"))
    #expect(try index.docno(DocIndex(index.statistics.documents - 1)) == "new")
    try compare()
  }

  @Test("Threads and memory change no byte", arguments: [1, 3, 8])
  func bytes(threads: Int) throws {
    let folder = try TemporaryFolder()
    let documents = ChangingCollection.documents(700, seed: 53)
    for (name, threads, budget) in [("one", 2, 64 << 20), ("other", threads, 10_000)] {
      _ = try RandomCollection.build(
        documents, in: folder.path(name), memoryBudgetBytes: budget, threads: threads, positions: true,
        columns: ChangingCollection.columns, fields: .standard, reordering: Self.bisection)
    }
    #expect(try TemporaryFolder.contents(of: folder.path("one")) == TemporaryFolder.contents(of: folder.path("other")))
  }

  @Test("The worked bisection through an index: order, gaps, and nothing left over")
  func worked() throws {
    let folder = try TemporaryFolder()
    let builder = try IndexBuilder(
      directory: folder.path("idx"), analyzer: RandomCollection.analyzer, threads: 1,
      reordering: GraphBisection(smallestPartition: 3))
    for (number, text) in ["w1 w2", "w2 w1", "w3 w4", "w1 w2 w2", "w4 w3", "w3 w4"].enumerated() {
      try builder.add(Document(docno: "d\(number)", text: text))
    }
    let statistics = try builder.finish()
    let report = try #require(builder.reorderingReport)
    #expect(abs(report.bitsPerGapBefore - (1 + 1.584962500721156 + 1) / 6) < 1e-12)
    #expect(report.bitsPerGapAfter == 2.0 / 6)
    let index = try InvertedIndex(path: folder.path("idx"))
    #expect(try (0..<6).map { try index.docno(DocIndex($0)) } == ["d0", "d1", "d3", "d2", "d4", "d5"])
    #expect(index.statistics == statistics)
    let names = try TemporaryFolder.names(in: folder.path("idx"))
    #expect(names == ["lock", "manifest", "segment-2.documents", "segment-2.postings"])
  }

  @Test("Documents of the same subjects together have smaller gaps")
  func gaps() throws {
    let folder = try TemporaryFolder()
    var texts = [String](repeating: "", count: 1500)
    for (term, list) in GraphBisectionTests.subjects(1500, subjects: 16, seed: 8).enumerated() {
      for doc in list { texts[Int(doc)] += "w\(term) " }
    }
    let builder = try IndexBuilder(
      directory: folder.path("idx"), analyzer: RandomCollection.analyzer, threads: 2, reordering: GraphBisection())
    for (number, text) in texts.enumerated() { try builder.add(Document(docno: "d\(number)", text: text)) }
    _ = try builder.finish()
    let report = try #require(builder.reorderingReport)
    #expect(report.bitsPerGapAfter < 0.9 * report.bitsPerGapBefore, "\(report)")
  }

  @Test("Compact blocks: shorter lists in the new order, and pruned searches have the bits of a scan")
  func compactBlocks() throws {
    let folder = try TemporaryFolder()
    let subjects = 16
    var texts = [String](repeating: "", count: 3000)
    for (term, list) in GraphBisectionTests.subjects(texts.count, subjects: subjects, seed: 9).enumerated() {
      for doc in list {
        // Now and then a document in which a word stands often.
        for _ in 0..<((Int(doc) + term) % 29 == 0 ? 9 : 1) { texts[Int(doc)] += "w\(term) " }
      }
    }
    let documents = texts.enumerated().map { Document(docno: "d\($0 * 7919 % 1_000_003)", text: $1) }
    let plain = try RandomCollection.build(documents, in: folder.path("plain"))
    let reordered = try RandomCollection.build(documents, in: folder.path("reordered"), reordering: GraphBisection())
    var bytes: [Int] = []
    for name in ["plain", "reordered"] {
      let segment = try #require(try IndexManifest.read(folder: folder.path(name)).segments.first)
      #expect(segment.coding == .packed)
      bytes.append(segment.postings.bytes)
    }
    #expect(bytes[1] < bytes[0])
    var generator = SeededGenerator(seed: 10)
    for number in 0..<12 {
      let subject = generator.integer(below: subjects)
      let ofSubject = (0..<3).map { _ in 40 * subject + generator.integer(below: 40) }
      let words = ofSubject + [40 * subjects + generator.integer(below: 50)]
      let query = words.map { "w\($0)" }.joined(separator: " ")
      for name in ["bm25", "ql-dirichlet(mu=10)", "pl2(c=7)"] {
        let model = try WeightingModels.parse(name)
        for k in [1, 10, 200] {
          let expected = try plain.search(query, k: k, model: model, pruning: .exhaustive)
          for pruning in Pruning.allCases {
            #expect(
              try reordered.search(query, k: k, model: model, pruning: pruning) == expected,
              "\(name), \(number), \(k), \(pruning)")
          }
        }
      }
    }
  }

  @Test("Empty collections and one document")
  func few() throws {
    let folder = try TemporaryFolder()
    for count in [0, 1] {
      let documents = Array(ChangingCollection.documents(1, seed: 3)[..<count])
      let index = try RandomCollection.build(documents, in: folder.path("\(count)"), reordering: GraphBisection())
      try index.verify()
      #expect(index.statistics.documents == count)
      #expect(try documents.map { try index.document(docno: $0.docno) } == documents)
    }
  }

  @Test("A full disk at any call leaves the index that was there")
  func fullDisk() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try RandomCollection.build(ChangingCollection.documents(2, seed: 54), in: path)
    let before = try TemporaryFolder.contents(of: path)
    let documents = ChangingCollection.documents(40, seed: 55)
    var failures = 0
    while true {
      do {
        let builder = try IndexBuilder(
          directory: path, analyzer: RandomCollection.analyzer, memoryBudgetBytes: 1, threads: 1,
          calls: Faults(after: failures).calls, positions: true, reordering: Self.bisection)
        for document in documents { try builder.add(document) }
        _ = try builder.finish()
        break
      } catch let error as FileError {
        #expect(error.code == ENOSPC)
        if try TemporaryFolder.contents(of: path)["manifest"] == before["manifest"] {
          #expect(try TemporaryFolder.contents(of: path) == before, "after \(failures) calls")
        } else {
          // The last flush of the folder failed after the manifest was in place: the new index is complete.
          #expect(try InvertedIndex(path: path).statistics.documents == documents.count)
        }
      }
      failures += 1
      try #require(failures < 400)
    }
    #expect(failures > 15)
    try InvertedIndex(path: path).verify()
  }
}
