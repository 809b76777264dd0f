import Foundation
import GradusCore
@testable import GradusIndex
import GradusText
import Testing

@Suite("Changing an index")
struct IndexWriterTests {
  private let folder: TemporaryFolder
  private var path: String { folder.path("idx") }

  init() throws {
    folder = try TemporaryFolder()
    _ = try RandomCollection.build(
      [Document(docno: "a", text: "x y"), Document(docno: "b", text: "x"), Document(docno: "c", text: "z z x")],
      in: folder.path("idx"), columns: [MetadataColumn("year", .date)])
  }

  private func found(_ query: String) throws -> [String] {
    try InvertedIndex(path: path).search(query, k: 10).documents.map(\.docno).sorted()
  }

  @Test("Nothing is visible before the commit, all of it after")
  func commits() throws {
    let writer = try IndexWriter(updating: path)
    let before = try InvertedIndex(path: path)
    try writer.add(Document(docno: "d", text: "x new"))
    try writer.delete(docno: "a")
    #expect(try writer.update(Document(docno: "b", text: "other")))
    #expect(try !writer.update(Document(docno: "e", text: "x")))
    #expect(try found("x") == ["a", "b", "c"])
    #expect(try writer.commit() == IndexStatistics(documents: 4, terms: 4, postings: 6, tokens: 7))
    #expect(try found("x") == ["c", "d", "e"])
    #expect(try found("other") == ["b"])
    #expect(try before.search("x", k: 10).documents.count == 3)
    #expect(try before.reopened().search("other", k: 10).documents.count == 1)
    // Nothing to commit: nothing is written.
    let names = try TemporaryFolder.names(in: path)
    try writer.commit()
    #expect(try TemporaryFolder.names(in: path) == names)
    let index = try InvertedIndex(path: path)
    #expect(try index.reopened() === index)
    // A writer that stays open goes on.
    try writer.delete(docno: "e")
    try writer.commit()
    #expect(try found("x") == ["c", "d"])
    // What was not committed is given up.
    try writer.delete(docno: "d")
    writer.close()
    #expect(try found("x") == ["c", "d"])
    #expect(throws: IndexError.builderClosed(path: path)) { try writer.add(Document(docno: "q", text: "")) }
    #expect(throws: IndexError.builderClosed(path: path)) { try writer.commit() }
  }

  @Test("A document that is refused changes nothing, and the writer goes on")
  func refused() throws {
    let writer = try IndexWriter(updating: path)
    #expect(throws: IndexError.documentExists("b")) { try writer.add(Document(docno: "b", text: "y")) }
    try writer.add(Document(docno: "d", text: "y"))
    try writer.add(Document(docno: "e", text: "y"))
    #expect(throws: IndexError.duplicateDocno("d", firstPosition: 1, position: 3)) {
      try writer.add(Document(docno: "d", text: "z"))
    }
    #expect(throws: IndexError.invalidDocno("a b", position: 3)) { try writer.add(Document(docno: "a b", text: "z")) }
    #expect(throws: IndexError.unknownDocno("q")) { try writer.delete(docno: "q") }
    let wrong = Document(docno: "b", text: "y", metadata: ["year": "soon"])
    #expect(throws: IndexError.self) { try writer.update(wrong) }
    #expect(throws: IndexError.self) { try writer.update(Document(docno: "n", text: "y", metadata: ["year": "soon"])) }
    try writer.commit()
    #expect(try found("y") == ["a", "d", "e"])
    #expect(try found("x") == ["a", "b", "c"])
    #expect(try found("z") == ["c"])
    try InvertedIndex(path: path).verify()
  }

  @Test("A document may be deleted, added and changed again before a commit")
  func pending() throws {
    let writer = try IndexWriter(updating: path)
    try writer.add(Document(docno: "d", text: "one"))
    #expect(try writer.contains(docno: "d"))
    try writer.delete(docno: "d")
    #expect(try !writer.contains(docno: "d"))
    #expect(throws: IndexError.unknownDocno("d")) { try writer.delete(docno: "d") }
    try writer.add(Document(docno: "d", text: "two"))
    try writer.update(Document(docno: "d", text: "three"))
    try writer.update(Document(docno: "d", text: "four"))
    try writer.delete(docno: "c")
    try writer.add(Document(docno: "c", text: "four"))
    try writer.commit()
    #expect(try found("one two three").isEmpty)
    #expect(try found("four") == ["c", "d"])
    #expect(try InvertedIndex(path: path).documentFrequency(of: "z") == 0)
    #expect(try InvertedIndex(path: path).statistics.documents == 4)
  }

  @Test("An index may lose all its documents and get new ones")
  func empty() throws {
    let writer = try IndexWriter(updating: path)
    for docno in ["a", "b", "c"] { try writer.delete(docno: docno) }
    #expect(try writer.commit() == IndexStatistics(documents: 0, terms: 0, postings: 0, tokens: 0))
    let none = try InvertedIndex(path: path)
    try none.verify()
    #expect(try none.search("x", k: 5).documents.isEmpty)
    #expect(try none.document(docno: "a") == nil)
    #expect(try none.search("x", k: 5).unknownTerms == ["x"])
    try writer.optimize()
    #expect(try InvertedIndex(path: path).deletedCount == 0)
    try writer.add(Document(docno: "a", text: "x again"))
    try writer.commit()
    #expect(try found("again") == ["a"])
    #expect(try InvertedIndex(path: path).segmentCount == 1, "a segment without documents is left out")
  }

  @Test("An empty index is where one may begin")
  func fromNothing() throws {
    _ = try RandomCollection.build([], in: folder.path("new"))
    let writer = try IndexWriter(updating: folder.path("new"))
    for number in 0..<5 {
      try writer.add(Document(docno: "d\(number)", text: "w\(number) w"))
      try writer.commit()
    }
    let index = try InvertedIndex(path: folder.path("new"))
    #expect(index.segmentCount == 5 && index.statistics.documents == 5 && index.statistics.terms == 6)
    #expect(try writer.merge(MergePolicy(segmentsPerTier: 4)) == 1)
    #expect(try InvertedIndex(path: folder.path("new")).segmentCount == 1)
  }

  @Test("One writer at a time; the lock of a process that is gone does not count")
  func locking() throws {
    let writer = try IndexWriter(updating: path)
    #expect(throws: IndexError.locked(path: path, pid: getpid())) { try IndexWriter(updating: path) }
    #expect(throws: IndexError.locked(path: path, pid: getpid())) { try IndexBuilder(directory: path, analyzer: .english) }
    writer.close()
    // As a process leaves it that was killed: its number is there, the lock is not.
    try TemporaryFolder.write(Array("999999999".utf8), path + "/lock")
    let next = try IndexWriter(updating: path)
    #expect(String(decoding: try TemporaryFolder.read(path + "/lock"), as: UTF8.self) == "\(getpid())")
    next.close()
  }

  @Test("A folder that may not be written, one without an index, and one with another kind")
  func otherFolders() throws {
    for code in [EACCES, EROFS] {
      #expect(throws: IndexError.readOnly(path: path)) {
        try IndexWriter(path, calls: Faults(after: 0, code: code).calls)
      }
    }
    #expect(try found("x").count == 3)
    #expect(throws: IndexError.notAnIndex(path: folder.path)) { try IndexWriter(updating: folder.path) }
    #expect(throws: FileError.self) { try IndexWriter(updating: folder.path("none")) }
    #expect(!FileManager.default.fileExists(atPath: folder.path("none")))
    let vectors = RandomVectors.make(5, dimension: 24, seed: 1)
    try RandomVectors.build(vectors, in: folder.path("vectors"), VectorWriterTests.configuration)
    #expect(throws: IndexError.otherKind(path: folder.path("vectors"))) { try IndexWriter(updating: folder.path("vectors")) }
    #expect(throws: IndexError.otherKind(path: folder.path("vectors"))) {
      try IndexBuilder(directory: folder.path("vectors"), analyzer: .english)
    }
    #expect(try VectorIndex(path: folder.path("vectors")).count == 5)
  }

  @Test("A merge in the background: deletions meanwhile reach the new segment, and open indexes go on")
  func background() throws {
    let documents = ChangingCollection.documents(400, seed: 47)
    var collection = try ChangingCollection(Array(documents[..<50]), in: folder.path("big"))
    collection.writer.mergesInBackground = true
    collection.writer.mergePolicy = MergePolicy(segmentsPerTier: 3, smallest: 10)
    for start in stride(from: 50, to: 400, by: 50) {
      try collection.add(documents[start..<start + 50])
      try collection.writer.commit()
      // Some in the segments that are being merged now, some in the newest.
      for number in stride(from: start - 40, to: start + 40, by: 11) { try collection.delete(documents[number].docno) }
    }
    try collection.writer.waitForMerges()
    try collection.writer.commit()
    #expect(collection.writer.mergeError == nil)
    let index = try InvertedIndex(path: folder.path("big"))
    try index.verify()
    #expect(index.segmentCount < 6)
    try IndexComparison(changed: index, once: collection.once(in: folder.path("once"))).all(models: ["bm25", "dph"])
    let listed = try IndexManifest.read(folder: folder.path("big")).fileNames
    #expect(Set(try TemporaryFolder.names(in: folder.path("big"))) == Set(listed + ["lock", "manifest"]))
  }

  @Test("A merge in the background that fails leaves the changes alone and is reported")
  func failingBackground() throws {
    let writer = try IndexWriter(updating: path)
    writer.mergesInBackground = true
    writer.mergePolicy = MergePolicy(segmentsPerTier: 2)
    // The stored text of a segment is damaged: the merge, which reads it, cannot go on.
    let file = path + "/segment-1.documents"
    let bytes = try TemporaryFolder.read(file)
    let handle = try #require(FileHandle(forWritingAtPath: file))
    try handle.seek(toOffset: 64)
    try handle.write(contentsOf: Data(repeating: 255, count: 24))
    try writer.add(Document(docno: "d", text: "x"))
    try writer.commit()
    #expect(throws: IndexError.self) { try writer.waitForMerges() }
    #expect(writer.mergeError is IndexError)
    try writer.add(Document(docno: "e", text: "x"))
    try writer.commit()
    #expect(try found("x") == ["a", "b", "c", "d", "e"])
    try TemporaryFolder.write(bytes, file)
  }
}
