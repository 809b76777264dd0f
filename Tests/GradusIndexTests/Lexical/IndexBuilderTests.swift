import Foundation
import GradusCore
@testable import GradusIndex
import GradusText
import Testing

@Suite("Building an index")
struct IndexBuilderTests {
  @Test("Threads and memory budget change no byte", arguments: [(1, 1), (2, 1), (8, 1), (3, 200_000), (2, 64 << 20)])
  func bytesDependOnDocumentsAlone(threads: Int, budget: Int) throws {
    let documents = RandomCollection.documents(6000, words: 25, vocabulary: 20_000, seed: 2)
    let folder = try TemporaryFolder()
    _ = try RandomCollection.build(documents, in: folder.path("one"), memoryBudgetBytes: 1 << 30, threads: 1)
    _ = try RandomCollection.build(documents, in: folder.path("other"), memoryBudgetBytes: budget, threads: threads)
    let one = try TemporaryFolder.contents(of: folder.path("one"))
    #expect(one.keys.sorted() == ["manifest", "segment-1.documents", "segment-1.postings"])
    #expect(try TemporaryFolder.contents(of: folder.path("other")) == one)
  }

  @Test("Documents, lengths and counts come back")
  func contents() throws {
    let documents = [
      Document(docno: "n1", title: "A title", text: "some text", metadata: ["b": "2", "a": "1", "": ""]),
      Document(docno: "empty", text: ""), Document(docno: "n0", text: "sömé 文字 text", metadata: ["k": "väl"]),
      Document(docno: "stop", text: "the of"),
    ]
    let folder = try TemporaryFolder()
    let index = try RandomCollection.build(documents, in: folder.path("idx"), analyzer: .english)
    for (number, document) in documents.enumerated() {
      #expect(try index.document(DocIndex(number)) == document)
      #expect(try index.docno(DocIndex(number)) == document.docno)
      #expect(try index.docIndex(of: document.docno) == DocIndex(number))
    }
    #expect(try index.docIndex(of: "n") == nil)
    #expect(try index.document(docno: "n2") == nil)
    #expect(throws: IndexError.self) { try index.document(DocIndex(4)) }
    #expect(try (0..<4).map { try index.length(DocIndex($0)) } == [4 - 1, 0, 3, 0])
    #expect(index.statistics.documents == 4)
    #expect(index.statistics.tokens == 6)
    #expect(index.statistics.averageLength == 1.5)
    #expect(try index.documentFrequency(of: "text") == 2)
    #expect(try index.collectionFrequency(of: "text") == 2)
    #expect(try index.documentFrequency(of: "nothing") == 0)
    #expect(index.analyzerConfiguration == .english)
    try index.verify()
  }

  @Test("A collection without documents, and one of empty documents")
  func empty() throws {
    let folder = try TemporaryFolder()
    let none = try RandomCollection.build([], in: folder.path("none"))
    #expect(none.statistics == IndexStatistics(documents: 0, terms: 0, postings: 0, tokens: 0))
    #expect(try none.search("x", k: 5).documents.isEmpty)
    let blank = try RandomCollection.build([Document(docno: "a", text: "")], in: folder.path("blank"))
    #expect(try blank.search("x", k: 5).documents.isEmpty)
    #expect(try blank.score("x", docnos: ["a"]) == [0])
    try none.verify()
  }

  @Test("A docno given twice is refused, with both places, and so is one that no run can express")
  func badDocnos() throws {
    let folder = try TemporaryFolder()
    let builder = try IndexBuilder(directory: folder.path("idx"), analyzer: .english)
    try builder.add(Document(docno: "a", text: "x"))
    try builder.add(Document(docno: "b", text: "x"))
    #expect(throws: IndexError.duplicateDocno("a", firstPosition: 1, position: 3)) {
      try builder.add(Document(docno: "a", text: "y"))
    }
    #expect(throws: IndexError.builderClosed(path: folder.path("idx"))) { try builder.finish() }
    #expect(try TemporaryFolder.names(in: folder.path("idx")) == ["lock"])
    for docno in ["", "a b", "a\tb", "a\n"] {
      let builder = try IndexBuilder(directory: folder.path("idx"), analyzer: .english)
      #expect(throws: IndexError.invalidDocno(docno, position: 1)) { try builder.add(Document(docno: docno, text: "")) }
    }
  }

  @Test("A second writer is refused with the number of the first process")
  func twoWriters() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let first = try IndexBuilder(directory: path, analyzer: .english)
    #expect(throws: IndexError.locked(path: path, pid: getpid())) { try IndexBuilder(directory: path, analyzer: .english) }
    try first.add(Document(docno: "a", text: "word"))
    _ = try first.finish()
    // Done: the next one may.
    try IndexBuilder(directory: path, analyzer: .english).abandon()
    #expect(try InvertedIndex(path: path).search("word", k: 1).documents.count == 1)
  }

  @Test("An open index goes on showing what it was opened on")
  func replacing() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let old = try RandomCollection.build([Document(docno: "old", text: "word")], in: path)
    let new = try RandomCollection.build([Document(docno: "new", text: "word"), Document(docno: "x", text: "y")], in: path)
    #expect(try old.search("word", k: 5).documents.map(\.docno) == ["old"])
    #expect(try new.search("word", k: 5).documents.map(\.docno) == ["new"])
    #expect(try TemporaryFolder.names(in: path) == ["lock", "manifest", "segment-2.documents", "segment-2.postings"])
  }

  @Test("What a killed builder leaves hides nothing and is swept up by the next")
  func killed() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try RandomCollection.build([Document(docno: "old", text: "word")], in: path)
    let before = try TemporaryFolder.contents(of: path)
    // The files of a process that died at the worst moment: all written but the manifest not yet in place.
    for name in ["segment-2.documents", "segment-2.postings", "run-1.tmp", "run-2.tmp", "manifest.tmp"] {
      try TemporaryFolder.write([1, 2, 3], path + "/" + name)
    }
    try TemporaryFolder.write([9], path + "/notes.txt")
    #expect(try InvertedIndex(path: path).search("word", k: 1).documents.map(\.docno) == ["old"])
    try IndexBuilder(directory: path, analyzer: .english).abandon()
    var after = try TemporaryFolder.contents(of: path)
    // A file that is not ours stays.
    #expect(after.removeValue(forKey: "notes.txt") == [9])
    #expect(after == before)
  }

  @Test("A disk that fills up at any moment leaves the old index and nothing else")
  func fullDisk() throws {
    let documents = RandomCollection.documents(300, words: 20, vocabulary: 500, seed: 8)
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try RandomCollection.build([Document(docno: "old", text: "word")], in: path)
    let before = try TemporaryFolder.contents(of: path)
    var failures = 0
    while true {
      do {
        let builder = try IndexBuilder(
          directory: path, analyzer: RandomCollection.analyzer, memoryBudgetBytes: 1, threads: 2,
          calls: Faults(after: failures).calls)
        for document in documents { try builder.add(document) }
        _ = try builder.finish()
        break
      } catch let error as FileError {
        #expect(error.code == ENOSPC)
        if try TemporaryFolder.contents(of: path)["manifest"] == before["manifest"] {
          #expect(try TemporaryFolder.contents(of: path) == before, "after \(failures) calls")
          #expect(try InvertedIndex(path: path).search("word", k: 1).documents.map(\.docno) == ["old"])
        } else {
          // The last flush of the folder failed after the manifest was in place: the new index is complete.
          #expect(try InvertedIndex(path: path).statistics.documents == documents.count)
        }
      }
      failures += 1
      try #require(failures < 200)
    }
    // Two segment files, a run, the manifest: each opened, written and flushed.
    #expect(failures > 12)
    #expect(try InvertedIndex(path: path).statistics.documents == documents.count)
  }

  @Test("A folder that cannot be made")
  func noFolder() {
    #expect(throws: FileError.self) { try IndexBuilder(directory: "/nonexistent/folder/idx", analyzer: .english) }
    #expect(throws: FileError.self) { try IndexBuilder(directory: "/dev/null", analyzer: .english) }
  }
}
