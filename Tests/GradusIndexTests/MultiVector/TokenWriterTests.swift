import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Adding to and deleting from a late-interaction index")
struct TokenWriterTests {
  private static let queries = (0..<8).map { TokenCollection.query($0 * 37) }
  private static let pruned = TokenSearchOptions(probes: 3, candidates: 40)

  /// What can be got out of an index, whatever its layout.
  private struct Answers: Equatable {
    var count: Int
    var tokens: Int
    var exact: [[ScoredDocument]]
    var pruned: [TokenSearchResult]

    init(_ path: String) throws {
      let index = try TokenIndex(path: path)
      try index.verify()
      count = index.count
      tokens = index.tokenCount
      exact = try index.exhaustive(TokenWriterTests.queries, k: 1000)
      pruned = try index.search(TokenWriterTests.queries, k: 20, options: TokenWriterTests.pruned)
    }
  }

  private static func writer(_ path: String) throws -> TokenIndexWriter {
    try TokenIndexWriter(updating: path, encoder: TokenCollection.encoder)
  }

  private static func add(_ documents: some Sequence<Int>, to writer: TokenIndexWriter) throws {
    for document in documents {
      try writer.add(docno: RandomVectors.docno(document), tokens: TokenCollection.tokens(document))
    }
  }

  private static func version(_ path: String) throws -> String {
    String(decoding: try TemporaryFolder.read(path + "/manifest").prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      .split(separator: " ").prefix(2).joined(separator: " ")
  }

  @Test("All documents deleted and added anew: the answers of the index that was built, and after compaction its bytes")
  func sameAsBuilt() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try TokenCollection.build(300, in: path)
    let built = try TemporaryFolder.contents(of: path)
    let expected = try Answers(path)
    let writer = try Self.writer(path)
    for document in 0..<300 { try writer.delete(docno: RandomVectors.docno(document)) }
    try Self.add(0..<300, to: writer)
    // The very tokens that the levels are quantiles of.
    try writer.commit()
    #expect(writer.expectedClippedShare == 0.25)
    #expect(abs(try #require(writer.clippedShare) - 0.25) < 0.01)
    #expect(try Answers(path) == expected)
    let changed = try TokenIndex(path: path)
    #expect(changed.segmentCount == 2 && changed.deletedCount == 300 && changed.numberCount == 600)
    #expect(try Self.version(path) == "gradus-tokens 2")

    try Self.writer(path).compact()
    #expect(try Answers(path) == expected)
    let compacted = try TokenIndex(path: path)
    #expect(compacted.segmentCount == 1 && compacted.deletedCount == 0 && compacted.numberCount == 300)
    #expect(try Self.version(path) == "gradus-tokens 1")
    let contents = try TemporaryFolder.contents(of: path)
    #expect(contents.count == 2)
    #expect(contents.first { $0.key.hasSuffix(".tokens") }?.value == built["segment-1.tokens"])
  }

  @Test("Additions, deletions and replacements: what is not touched keeps its bits, and compaction changes no answer")
  func changes() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let before = try TokenCollection.build(200, in: path)
    let old = try before.exhaustive(Self.queries, k: 1000)
    func docno(_ document: Int) -> String { RandomVectors.docno(document) }
    let writer = try Self.writer(path)
    try Self.add(200..<320, to: writer)
    // Old ones, and new ones of this very writer.
    let gone = Set(stride(from: 0, to: 320, by: 7))
    for document in gone.sorted() { try writer.delete(docno: docno(document)) }
    #expect(throws: VectorIndexError.unknownDocno(docno(14))) { try writer.delete(docno: docno(14)) }
    #expect(throws: VectorIndexError.duplicateDocno(docno(1))) { try writer.add(docno: docno(1), tokens: []) }
    #expect(throws: VectorIndexError.duplicateDocno(docno(201))) { try writer.add(docno: docno(201), tokens: []) }
    // Two come back, as other documents; and one has no tokens.
    try writer.add(docno: docno(7), tokens: TokenCollection.tokens(900))
    try writer.add(docno: docno(301), tokens: TokenCollection.tokens(901))
    try writer.add(docno: "empty", tokens: [])
    #expect(try writer.contains(docno: docno(7)) && writer.contains(docno: "empty") && !writer.contains(docno: docno(14)))
    try writer.commit()
    #expect(try before.exhaustive(Self.queries, k: 1000) == old, "an open index goes on showing what it showed")
    #expect(throws: IndexError.builderClosed(path: path)) { try writer.add(docno: "late", tokens: []) }

    let index = try TokenIndex(path: path)
    #expect(index.segmentCount == 3 && index.count == 320 - gone.count + 3)
    let live = (0..<320).filter { !gone.contains($0) }
    for (query, earlier) in zip(Self.queries, old) {
      let found = try index.exhaustive(query, k: 1000)
      let names = Set(found.map(\.docno))
      #expect(names == Set(live.map(docno) + [docno(7), docno(301)]))
      #expect(zip(found, found.dropFirst()).allSatisfy(ScoredDocument.precedes))
      let scores = Dictionary(uniqueKeysWithValues: found.map { ($0.docno, $0.score) })
      for hit in earlier where hit.docno != docno(7) && names.contains(hit.docno) { #expect(scores[hit.docno] == hit.score) }
      // New documents are stored with the levels of the old: their vectors come back as near.
      let several = ["nobody", docno(319), docno(7), docno(0), docno(3)]
      let asked = try index.scores(query, docnos: several)
      #expect(asked == [nil, scores[docno(319)], scores[docno(7)], nil, scores[docno(3)]])
      // All that is probed is all that there is.
      let all = TokenSearchOptions(probes: index.centroidCount, centroidThreshold: nil, candidates: 1000)
      #expect(try index.search(query, k: 1000, options: all).documents == found)
    }
    let (own, other) = (TokenCollection.tokens(900), try #require(try index.tokens(docno: docno(7))))
    #expect(own.count == other.count)
    #expect(innerProduct(own, other) / Double(own.count / TokenCollection.dimension) > 0.8)
    #expect(try index.tokens(docno: docno(14)) == nil && index.tokenCount(docno: docno(14)) == nil)
    #expect(try index.tokenCount(docno: "empty") == 0)

    let answers = try Answers(path)
    try Self.writer(path).compact()
    #expect(try Answers(path) == answers)
    #expect(try TokenIndex(path: path).segmentCount == 1)
    #expect(try TemporaryFolder.names(in: path).count == 3, "the lock, the manifest and one segment")
  }

  @Test("Documents and columns: filters hold for what was added, deleted and compacted")
  func columns() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    func document(_ number: Int) -> Document {
      Document(
        docno: RandomVectors.docno(number), text: "text \(number)",
        metadata: ["year": "\(1990 + number % 30)", "source": "s\(number % 4)"])
    }
    let builder = try TokenIndexBuilder(
      creating: path,
      configuration: TokenIndexConfiguration(
        dimension: TokenCollection.dimension, encoder: TokenCollection.encoder, columns: [MetadataColumn("year", .date)]),
      storesDocuments: true)
    for number in 0..<90 { try builder.add(document(number), tokens: TokenCollection.tokens(number)) }
    try builder.commit()
    let writer = try Self.writer(path)
    #expect(throws: VectorIndexError.self) { try writer.add(docno: "x", tokens: []) }
    let wrong = Document(docno: "wrong", text: "", metadata: ["year": "soon"])
    #expect(throws: IndexError.self) { try writer.add(wrong, tokens: []) }
    for number in 90..<140 { try writer.add(document(number), tokens: TokenCollection.tokens(number)) }
    for number in stride(from: 0, to: 140, by: 5) { try writer.delete(docno: RandomVectors.docno(number)) }
    try writer.commit()
    func check() throws {
      let index = try TokenIndex(path: path)
      try index.verify()
      let live = (0..<140).filter { $0 % 5 != 0 }
      for text in ["year>=2010", "year<1995 source=s1", "source=s2", "year=2001|2002", "year>2030"] {
        let filter = try MetadataFilter(parsing: text)
        let allowed = try index.documents(matching: filter)
        let wanted = try live.map(document).filter { try filter.matches($0.metadata) }
        #expect(allowed.count == wanted.count, "\(text)")
        for query in Self.queries {
          let found = try index.exhaustive(query, k: 200, filter: allowed)
          #expect(Set(found.map(\.docno)) == Set(wanted.map(\.docno)), "\(text)")
          #expect(try index.search(query, k: 200, filter: allowed).documents == found)
        }
      }
      for number in live { #expect(try index.document(docno: RandomVectors.docno(number)) == document(number)) }
      #expect(try index.document(docno: RandomVectors.docno(5)) == nil)
      // A set that names deleted documents finds none of them.
      let all = try index.exhaustive(Self.queries[0], k: 200, filter: .all(documents: index.numberCount))
      #expect(all.count == live.count)
      #expect(throws: VectorIndexError.foreignFilter) {
        try index.search(Self.queries[0], k: 5, filter: .all(documents: index.numberCount + 1))
      }
    }
    try check()
    try Self.writer(path).compact()
    try check()
  }

  @Test("The share of clipped numbers tells tokens that lie far from all centroids")
  func clipping() throws {
    let folder = try TemporaryFolder()
    for (bits, expected) in [(1, 0.5), (2, 0.25), (4, 0.0625)] {
      let path = folder.path("\(bits)")
      _ = try TokenCollection.build(200, in: path, bits: bits)
      var generator = SeededGenerator(seed: 5)
      let writer = try Self.writer(path)
      #expect(writer.clippedShare == nil && writer.expectedClippedShare == expected)
      for number in 0..<10 {
        let strange = (0..<20 * TokenCollection.dimension).map { _ in Float(generator.normal()) }
        try writer.add(docno: "strange\(number)", tokens: strange)
      }
      try writer.commit()
      #expect(try #require(writer.clippedShare) > 1.3 * expected, "\(bits) bits: \(writer.clippedShare ?? 0)")
    }
  }

  @Test("Levels that were made of a sample: the share of all that the index was built from is kept")
  func sampledLevels() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let dimension = 4096
    #expect(TokenCodebook.levelTokens(dimension: dimension) == 1024 && TokenCodebook.levelTokens(dimension: 16) == 1 << 17)
    var generator = SeededGenerator(seed: 7)
    func tokens(_ count: Int, _ scale: Int) -> [Float] {
      // Some numbers near 0 and one far away: the larger `scale`, the more of the length is in one place.
      (0..<count * dimension).map { Float(generator.normal()) * ($0 % dimension == 0 ? Float(scale) : 1) }
    }
    let builder = try TokenIndexBuilder(
      creating: path,
      configuration: TokenIndexConfiguration(
        dimension: dimension, encoder: TokenCollection.encoder, residualBits: 1, centroids: 1, iterations: 0))
    for number in 0..<3 { try builder.add(docno: "d\(number)", tokens: tokens(400, 1 + 100 * number)) }
    try builder.commit()
    let share = try #require(try TokenIndexManifest.read(folder: path).clippedShare)
    #expect(share > 0.2 && share < 0.8)
    let writer = try Self.writer(path)
    #expect(writer.expectedClippedShare == share)
    try writer.add(docno: "more", tokens: tokens(10, 1))
    try writer.delete(docno: "d1")
    try writer.commit()
    try Self.writer(path).compact()
    #expect(try Self.writer(path).expectedClippedShare == share)
    #expect(try TokenIndex(path: path).count == 3)
  }

  @Test("Deletions of several commits add up: what one deleted, the next neither shows nor deletes again")
  func deletionsAddUp() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try TokenCollection.build(30, in: path)
    func docno(_ document: Int) -> String { RandomVectors.docno(document) }
    for gone in [[3, 4], [20], [5]] {
      let writer = try Self.writer(path)
      for document in gone { try writer.delete(docno: docno(document)) }
      if gone == [20] {
        #expect(throws: VectorIndexError.unknownDocno(docno(3))) { try writer.delete(docno: docno(3)) }
        try writer.add(docno: docno(4), tokens: TokenCollection.tokens(77))
      }
      try writer.commit()
    }
    let index = try TokenIndex(path: path)
    #expect(index.count == 27 && index.deletedCount == 4 && index.numberCount == 31)
    let found = try index.exhaustive(Self.queries[0], k: 100).map(\.docno)
    #expect(Set(found) == Set((0..<30).filter { ![3, 20, 5].contains($0) }.map(docno)) && found.count == 27)
    // The one that came back has its new tokens.
    #expect(try index.tokenCount(docno: docno(4)) == TokenCollection.tokens(77).count / TokenCollection.dimension)
  }

  @Test("Tokens are encoded in pieces: stored as if every document had come alone")
  func pieces() throws {
    let folder = try TemporaryFolder()
    let dimension = 16
    // The third document fills a piece of 16,384 tokens.
    let lengths = [7000, 9000, 500, 60, 1]
    func document(_ number: Int) -> [Float] {
      var generator = SeededGenerator(seed: 12).stream("document", number)
      return (0..<lengths[number] * dimension).map { _ in Float(generator.normal()) }
    }
    func build(_ name: String) throws -> String {
      let path = folder.path(name)
      let configuration = TokenIndexConfiguration(dimension: dimension, encoder: TokenCollection.encoder, centroids: 4)
      let builder = try TokenIndexBuilder(creating: path, configuration: configuration)
      try builder.add(docno: "first", tokens: Array(document(0).prefix(400)))
      try builder.commit()
      return path
    }
    let together = try build("together"), alone = try build("alone")
    let writer = try Self.writer(together)
    for number in lengths.indices { try writer.add(docno: "d\(number)", tokens: document(number)) }
    try writer.commit()
    for number in lengths.indices {
      let single = try Self.writer(alone)
      try single.add(docno: "d\(number)", tokens: document(number))
      try single.commit()
    }
    let (one, other) = (try TokenIndex(path: together), try TokenIndex(path: alone))
    try one.verify()
    #expect(one.segmentCount == 2 && other.segmentCount == 6 && one.tokenCount == 25 + lengths.reduce(0, +))
    for (number, length) in lengths.enumerated() {
      let tokens = try #require(try one.tokens(docno: "d\(number)"))
      let isSame = try tokens == other.tokens(docno: "d\(number)")
      #expect(isSame && tokens.count == length * dimension, "document \(number)")
    }
  }

  @Test("The same bytes for any number of threads")
  func threads() throws {
    let folder = try TemporaryFolder()
    let before = WorkerPool.shared.threadLimit
    defer { WorkerPool.shared.threadLimit = before }
    var contents: [[String: [UInt8]]] = []
    for threads in [1, 2, 5] {
      WorkerPool.shared.threadLimit = threads
      let path = folder.path("\(threads)")
      _ = try TokenCollection.build(100, in: path)
      let writer = try Self.writer(path)
      try Self.add(100..<180, to: writer)
      try writer.delete(docno: RandomVectors.docno(20))
      try writer.commit()
      contents.append(try TemporaryFolder.contents(of: path))
    }
    #expect(contents[0] == contents[1] && contents[0] == contents[2])
  }

  @Test("A power cut at any call leaves the index of before or of after, and the next writer goes on")
  func powerCut() throws {
    let folder = try TemporaryFolder()
    let original = folder.path("original")
    _ = try TokenCollection.build(12, in: original, centroids: 4)
    func work(_ path: String, _ calls: SystemCalls) throws {
      let writer = try TokenIndexWriter(path, encoder: TokenCollection.encoder, calls: calls)
      try Self.add(12..<15, to: writer)
      try writer.delete(docno: RandomVectors.docno(3))
      try writer.delete(docno: RandomVectors.docno(13))
      try writer.commit()
    }
    let states = try [original, folder.path("changed")].map { path in
      if path != original {
        try FileManager.default.copyItem(atPath: original, toPath: path)
        try work(path, .posix)
      }
      return try Answers(path)
    }
    #expect(states[0] != states[1])
    var calls = 0
    while true {
      let path = folder.path("\(calls)")
      try FileManager.default.copyItem(atPath: original, toPath: path)
      let disk = try CrashingDisk(path, calls: calls)
      do {
        try work(path, disk.calls)
      } catch let error as FileError {
        #expect(error.code == EIO)
      }
      for remains in CrashingDisk.Remains.allCases {
        let after = folder.path("\(calls)-\(remains)")
        try disk.leave(remains, in: after)
        let found = try Answers(after)
        #expect(states.contains(found), "\(remains), after \(calls) calls")
        let next = try TokenIndexWriter(after, encoder: TokenCollection.encoder, calls: .posix)
        try next.add(docno: "next", tokens: TokenCollection.tokens(50))
        try next.commit()
        #expect(try TokenIndex(path: after).count == found.count + 1)
        let listed = try TokenIndexManifest.read(folder: after).fileNames
        #expect(Set(try TemporaryFolder.names(in: after)) == Set(listed + ["lock", "manifest"]))
        try FileManager.default.removeItem(atPath: after)
      }
      try FileManager.default.removeItem(atPath: path)
      if !disk.isDown { break }
      calls += 1
      try #require(calls < 300)
    }
    // A segment, two lists of deleted rows and the manifest: each opened, written and flushed.
    #expect(calls > 12)
  }

  @Test("A full disk at any call leaves the folder as it was", arguments: [false, true])
  func fullDisk(compacts: Bool) throws {
    let folder = try TemporaryFolder()
    let original = folder.path("original")
    _ = try TokenCollection.build(12, in: original, centroids: 4)
    let expected = try TemporaryFolder.contents(of: original)
    var failures = 0
    for calls in 0..<200 {
      let path = folder.path("\(calls)")
      try FileManager.default.copyItem(atPath: original, toPath: path)
      do {
        let writer = try TokenIndexWriter(path, encoder: TokenCollection.encoder, calls: Faults(after: calls).calls)
        try Self.add(12..<15, to: writer)
        try writer.delete(docno: RandomVectors.docno(2))
        if compacts { try writer.compact() } else { try writer.commit() }
        break
      } catch let error as FileError {
        failures += 1
        #expect(error.code == ENOSPC)
        // The last call flushes the folder after the manifest was renamed: then the new index is there.
        if try TokenIndex(path: path).count == 12 {
          #expect(try TemporaryFolder.contents(of: path) == expected, "after \(calls) calls")
        }
      }
    }
    #expect(failures > 8)
    #expect(try TokenIndex(path: folder.path("\(failures)")).count == 14)
  }

  @Test("Damage in any file of a changed index: an error, or an answer; verify finds what opening does not")
  func damage() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try TokenCollection.build(20, in: path, centroids: 6)
    let writer = try Self.writer(path)
    try Self.add(20..<26, to: writer)
    try writer.delete(docno: RandomVectors.docno(4))
    try writer.commit()
    let expected = try Answers(path)
    var generator = SeededGenerator(seed: 6)
    var errors = 0
    let names = try TemporaryFolder.names(in: path).filter { $0 != "lock" }
    #expect(names.count == 4)
    for name in names {
      let file = path + "/" + name
      let bytes = try TemporaryFolder.read(file)
      for place in bytes.indices where place < 100 || place >= bytes.count - 100 || place % 61 == 0 {
        var damaged = bytes
        damaged[place] ^= 1 << UInt8(generator.integer(below: 8))
        try TemporaryFolder.write(damaged, file)
        do {
          // Verifies: whatever passes must be what it was.
          #expect(try Answers(path) == expected, "\(name), byte \(place)")
        } catch is GradusError {
          errors += 1
        }
        // Without a check of all bytes there is an answer or an error.
        if let index = try? TokenIndex(path: path) { _ = try? index.search(Self.queries, k: 5, options: Self.pruned) }
      }
      for count in [0, 15, 40, bytes.count / 2, bytes.count - 1] {
        try TemporaryFolder.write(Array(bytes[..<count]), file)
        #expect(throws: IndexError.self, "\(name), \(count) bytes") { try TokenIndex(path: path) }
      }
      try TemporaryFolder.write(bytes, file)
    }
    #expect(errors > 200)
  }

  @Test("What is refused: other encoders, other indexes, a second writer, tokens where there are no centroids")
  func refusals() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    _ = try TokenCollection.build(5, in: path, centroids: 3)
    let before = try TemporaryFolder.contents(of: path)
    let other = EncoderFingerprint(name: "another", digest: "def")
    #expect(throws: VectorIndexError.encoderMismatch(path: path, found: other, expected: TokenCollection.encoder)) {
      try TokenIndexWriter(updating: path, encoder: other)
    }
    let writer = try Self.writer(path)
    #expect(throws: IndexError.locked(path: path, pid: getpid())) { try Self.writer(path) }
    #expect(throws: VectorIndexError.wrongDimension(docno: "d", found: 1, expected: 32)) {
      try writer.add(docno: "d", tokens: [Float](repeating: 1, count: 33))
    }
    #expect(throws: VectorIndexError.notFinite(docno: "d", position: 2)) {
      try writer.add(docno: "d", tokens: [0, 1, .infinity] + [Float](repeating: 0, count: 29))
    }
    #expect(throws: IndexError.invalidDocno("a b", position: 1)) { try writer.add(docno: "a b", tokens: []) }
    writer.abandon()
    #expect(try TemporaryFolder.contents(of: path) == before)
    // Refused documents alone leave no segment.
    let next = try Self.writer(path)
    #expect(throws: VectorIndexError.self) { try next.add(docno: "d", tokens: [1]) }
    try next.commit()
    #expect(try TokenIndex(path: path).segmentCount == 1)

    try RandomVectors.build(RandomVectors.make(3, dimension: 8, seed: 1), in: folder.path("vectors"), .init(
      dimension: 8, encoder: RandomVectors.encoder))
    #expect(throws: IndexError.notAnIndex(path: folder.path("vectors/manifest"))) { try Self.writer(folder.path("vectors")) }
    #expect(throws: FileError.self) { try Self.writer(folder.path("none")) }
    #expect(!FileManager.default.fileExists(atPath: folder.path("none")))

    let empty = try TokenIndexBuilder(
      creating: folder.path("empty"), configuration: TokenIndexConfiguration(dimension: 32, encoder: TokenCollection.encoder))
    try empty.commit()
    let late = try Self.writer(folder.path("empty"))
    #expect(throws: VectorIndexError.self) { try late.add(docno: "d", tokens: TokenCollection.tokens(0)) }
    try late.add(docno: "nothing", tokens: [])
    try late.commit()
    #expect(try TokenIndex(path: folder.path("empty")).count == 1)
  }

  @Test("No writer replaces an index of another kind")
  func kinds() throws {
    let folder = try TemporaryFolder()
    let builder = try ImpactIndexBuilder(creating: folder.path("impacts"))
    try builder.add(Document(docno: "d", text: ""), terms: [WeightedTerm("a", weight: 1)])
    _ = try builder.finish()
    _ = try RandomCollection.build([Document(docno: "d", text: "w1")], in: folder.path("lexical"))
    _ = try TokenCollection.build(3, in: folder.path("tokens"))
    try RandomVectors.build(RandomVectors.make(3, dimension: 8, seed: 1), in: folder.path("vectors"), .init(
      dimension: 8, encoder: RandomVectors.encoder))
    for name in ["impacts", "lexical", "tokens", "vectors"] {
      let path = folder.path(name)
      let before = try TemporaryFolder.contents(of: path)
      if name != "tokens" {
        #expect(throws: VectorIndexError.otherIndex(path: path)) {
          try TokenIndexBuilder(
            creating: path, configuration: TokenIndexConfiguration(dimension: 32, encoder: TokenCollection.encoder))
        }
      }
      if name != "vectors" {
        #expect(throws: VectorIndexError.otherIndex(path: path)) {
          try VectorIndexWriter(creating: path, configuration: .init(dimension: 8, encoder: RandomVectors.encoder))
        }
      }
      if name != "impacts" {
        #expect(throws: ImpactIndexError.otherIndex(path: path)) { try ImpactIndexBuilder(creating: path) }
      }
      if name != "lexical" {
        #expect(throws: IndexError.otherKind(path: path)) {
          try IndexBuilder(directory: path, analyzer: RandomCollection.analyzer)
        }
      }
      #expect(try TemporaryFolder.contents(of: path) == before)
    }
  }
}
