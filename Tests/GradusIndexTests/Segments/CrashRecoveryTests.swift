import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Power cuts, full disks and damage while an index is changed")
struct CrashRecoveryTests {
  private static let documents = RandomCollection.documents(40, words: 6, vocabulary: 30, seed: 71)
  private static let newcomer = documents[39]

  private static func build(in folder: String) throws {
    _ = try RandomCollection.build(Array(documents[..<12]), in: folder, positions: true)
  }

  /// Three commits; `committed` is called after each.
  private static func work(in folder: String, calls: SystemCalls, committed: () -> Void) throws {
    let writer = try IndexWriter(folder, memoryBudgetBytes: 1, threads: 1, calls: calls)
    for document in documents[12..<20] { try writer.add(document) }
    try writer.delete(docno: documents[3].docno)
    try writer.commit()
    committed()
    try writer.update(Document(docno: documents[5].docno, text: "w1 w2"))
    try writer.delete(docno: documents[13].docno)
    for document in documents[20..<24] { try writer.add(document) }
    try writer.commit()
    committed()
    try writer.add(documents[30])
    try writer.optimize()
    committed()
  }

  /// What an index shows: its documents, and some answers.
  private struct Contents: Equatable {
    let documents: [Document]
    let results: [SearchResult]

    init(_ folder: String) throws {
      let index = try InvertedIndex(path: folder)
      try index.verify()
      documents = try (0..<index.statistics.documents).map { try index.document(DocIndex($0)) }
      results = try ["w0 w1", "w2 w5 w9"].map { try index.search($0, k: 50) }
    }
  }

  /// The contents before the work and after each of its commits.
  private static func states(_ folder: TemporaryFolder) throws -> [Contents] {
    let path = folder.path("whole")
    try build(in: path)
    var states = [try Contents(path)]
    try work(in: path, calls: .posix) { if let contents = try? Contents(path) { states.append(contents) } }
    try #require(states.count == 4)
    for (before, after) in zip(states, states.dropFirst()) { try #require(before != after) }
    return states
  }

  @Test("Wherever the power fails, the index opens at the last commit, or at the one that was under way")
  func powerCuts() throws {
    let folder = try TemporaryFolder()
    let states = try Self.states(folder)
    var calls = 0
    while true {
      let path = folder.path("\(calls)")
      try Self.build(in: path)
      let disk = try CrashingDisk(path, calls: calls)
      var commits = 0
      do {
        try Self.work(in: path, calls: disk.calls) { commits += 1 }
      } catch let error as FileError {
        #expect(error.code == EIO)
      }
      for remains in CrashingDisk.Remains.allCases {
        let after = folder.path("\(calls)-\(remains)")
        try disk.leave(remains, in: after)
        let found = try Contents(after)
        let allowed = states[commits...min(commits + 1, states.count - 1)]
        #expect(allowed.contains(found), "\(remains), after \(calls) calls and \(commits) commits")
        // A writer that comes next takes over and leaves only what it lists.
        let writer = try IndexWriter(after, threads: 1, calls: .posix)
        try writer.add(Self.newcomer)
        try writer.commit()
        #expect(try Contents(after).documents == found.documents + [Self.newcomer])
        let listed = try IndexManifest.read(folder: after).fileNames
        #expect(Set(try TemporaryFolder.names(in: after)) == Set(listed + ["lock", "manifest"]))
        writer.close()
        try FileManager.default.removeItem(atPath: after)
      }
      try FileManager.default.removeItem(atPath: path)
      if !disk.isDown { break }
      calls += 1
      try #require(calls < 1000)
    }
    // Each commit opens, writes and flushes some four files and the manifest.
    #expect(calls > 50)
  }

  @Test(
    "A call that fails once or from then on closes the writer: the index is at the last commit and nothing is left behind",
    arguments: [(ENOSPC, true), (EIO, true), (EIO, false)])
  func failures(code: Int32, isLasting: Bool) throws {
    let folder = try TemporaryFolder()
    let states = try Self.states(folder)
    var failed = 0
    // More calls than the work makes.
    for calls in 0..<150 {
      let path = folder.path("\(calls)")
      try Self.build(in: path)
      var commits = 0
      do {
        try Self.work(in: path, calls: Faults(after: calls, code: code, isLasting: isLasting).calls) { commits += 1 }
        #expect(commits == 3)
      } catch let error as FileError {
        #expect(error.code == code)
        failed += 1
      }
      let found = try Contents(path)
      // The last call of a commit flushes the folder, when the new index is there already.
      #expect(states[commits...min(commits + 1, 3)].contains(found), "after \(calls) calls")
      // Where that flush fails, it is open which commit is on the disk: the files of both stay for the next writer to sort out.
      if found == states[commits] {
        let listed = try IndexManifest.read(folder: path).fileNames
        let others = Set(try TemporaryFolder.names(in: path)).subtracting(listed)
        #expect(others.isSubset(of: ["lock", "manifest"]), "after \(calls) calls")
      }
      try FileManager.default.removeItem(atPath: path)
    }
    #expect(failed > 30)
  }

  @Test("Writes that take a few bytes at a time make the same index")
  func shortWrites() throws {
    let folder = try TemporaryFolder()
    let states = try Self.states(folder)
    try Self.build(in: folder.path("short"))
    var calls = SystemCalls.posix
    calls.write = { descriptor, bytes, count in SystemCalls.posix.write(descriptor, bytes, min(count, 7)) }
    try Self.work(in: folder.path("short"), calls: calls) {}
    #expect(try Contents(folder.path("short")) == states[3])
    #expect(try TemporaryFolder.contents(of: folder.path("short")) == TemporaryFolder.contents(of: folder.path("whole")))
  }

  @Test("One flipped bit anywhere in an index of several segments: named by file and part when all is verified")
  func flippedBits() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    try Self.build(in: path)
    let writer = try IndexWriter(updating: path)
    for document in Self.documents[12..<30] { try writer.add(document) }
    for document in Self.documents[..<6] { try writer.delete(docno: document.docno) }
    try writer.commit()
    writer.close()
    let expected = try Contents(path)
    var generator = SeededGenerator(seed: 72)
    var kinds: Set<Substring> = []
    for name in try TemporaryFolder.names(in: path) where name != "lock" {
      let file = path + "/" + name
      let bytes = try TemporaryFolder.read(file)
      for place in bytes.indices where place % 5 == 0 || place < 80 || place > bytes.count - 60 {
        var damaged = bytes
        damaged[place] ^= 1 << UInt8(generator.integer(below: 8))
        try TemporaryFolder.write(damaged, file)
        do {
          #expect(try Contents(path) == expected, "\(name), byte \(place): only zeros between sections may go unnoticed")
        } catch let error as IndexError {
          kinds.insert(name.split(separator: ".").last ?? "")
          #expect(error.description.contains(name), "\(error.description)")
          #expect(error.failureKind == .badData)
        }
      }
      try TemporaryFolder.write(bytes, file)
    }
    #expect(kinds == ["manifest", "documents", "postings", "positions", "deletions"])
  }
}
