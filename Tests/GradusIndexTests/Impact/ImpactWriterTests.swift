import Foundation
import GradusCore
@testable import GradusIndex
import Testing

@Suite("Adding to and deleting from an impact index")
struct ImpactWriterTests {
  private typealias Weighted = (document: Document, terms: [WeightedTerm])

  private static let collection = WeightedCollection(700, terms: 12, vocabulary: 150, seed: 41).documents
  private static let queries = WeightedCollection.queries(12, terms: 9, vocabulary: 160, seed: 42)

  private static func writer(
    _ path: String, memoryBudget: Int = 64 << 20, calls: SystemCalls = .posix
  ) throws -> ImpactIndexWriter {
    try ImpactIndexWriter(path, source: ImpactIndexConfiguration(), memoryBudget: memoryBudget, calls: calls)
  }

  @discardableResult
  private static func build(
    _ documents: some Sequence<Weighted>, in path: String, greatestWeight: Float? = nil, columns: [MetadataColumn] = [],
    quantization: ImpactQuantization = .nearest
  ) throws -> ImpactIndex {
    let builder = try ImpactIndexBuilder(
      creating: path, configuration: ImpactIndexConfiguration(quantization: quantization), columns: columns,
      greatestWeight: greatestWeight)
    for (document, terms) in documents { try builder.add(document, terms: terms) }
    _ = try builder.finish()
    return try ImpactIndex(path: path)
  }

  private static func version(_ path: String) throws -> String {
    String(decoding: try TemporaryFolder.read(path + "/manifest").prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      .split(separator: " ").prefix(2).joined(separator: " ")
  }

  /// What can be got out of an index, whatever its layout.
  private struct Answers: Equatable {
    var statistics: ImpactStatistics
    var results: [SearchResult]
    var frequencies: [Int]
    var explanations: [ImpactExplanation]

    init(_ path: String) throws {
      let index = try ImpactIndex(path: path)
      try index.verify()
      statistics = index.statistics
      results = []
      explanations = []
      for query in ImpactWriterTests.queries {
        for pruning in Pruning.allCases {
          for k in [1, 10, 2000] { results.append(try index.search(query, k: k, pruning: pruning)) }
        }
        let found = try index.search(query, k: 2000).documents
        let docnos = found.map(\.docno)
        #expect(try index.score(query, docnos: docnos.reversed()) == found.map(\.score).reversed())
        explanations += try docnos.prefix(3).map { try index.explain(query, docno: $0) }
      }
      frequencies = try (0..<160).map { try index.documentFrequency(of: "t\($0)") }
    }
  }

  /// Contents by kind of file: names hold numbers.
  private static func contents(_ path: String) throws -> [String: [UInt8]] {
    var files = try TemporaryFolder.contents(of: path)
    files["manifest"] = nil
    return Dictionary(uniqueKeysWithValues: files.map { (String($0.key.split(separator: ".")[1]), $0.value) })
  }

  @Test(
    "Changed in any way: the answers of an index that was built at once, and after compaction its bytes",
    arguments: ImpactQuantization.allCases)
  func sameAsBuilt(quantization: ImpactQuantization) throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let all = Self.collection
    let first = try Self.build(all[..<400], in: path, quantization: quantization)
    let before = try Answers(path)
    let earlier = try first.search(Self.queries, k: 50)
    let greatest = try #require(try ImpactIndexManifest.read(folder: path).greatestWeight)
    #expect(greatest == all[..<400].flatMap { $0.terms.map { Float($0.weight) } }.max())
    var live = Array(all[..<400])
    func delete(_ docno: String, _ writer: ImpactIndexWriter) throws {
      try writer.delete(docno: docno)
      live.removeAll { $0.document.docno == docno }
    }
    func add(_ weighted: Weighted, _ writer: ImpactIndexWriter) throws {
      try writer.add(weighted.document, terms: weighted.terms)
      live.append(weighted)
    }
    // Three commits: additions, deletions of old and new documents, replacements, documents that go and come back.
    for round in 0..<3 {
      let writer = try Self.writer(path, memoryBudget: round == 1 ? 1 : 64 << 20)
      for number in 400 + 80 * round..<480 + 80 * round { try add(all[number], writer) }
      for number in stride(from: round, to: 460 + 80 * round, by: 7) {
        let docno = all[number].document.docno
        if try writer.contains(docno: docno) { try delete(docno, writer) }
      }
      let replaced = all[30 + round]
      if try writer.contains(docno: replaced.document.docno) { try delete(replaced.document.docno, writer) }
      try add((replaced.document, all[640 + round].terms), writer)
      let statistics = try writer.commit()
      #expect(try ImpactIndex(path: path).statistics == statistics)
      let expected = folder.path("built\(round)")
      try Self.build(live, in: expected, greatestWeight: greatest, quantization: quantization)
      #expect(try Answers(path) == Answers(expected), "round \(round)")
      #expect(try Self.version(path) == "gradus-impacts 5")
    }
    let changed = try ImpactIndex(path: path)
    #expect(changed.segmentCount > 3 && changed.deletedCount > 100 && changed.statistics.documents == live.count)
    for (document, terms) in live.prefix(40) + live.suffix(40) {
      #expect(try changed.document(docno: document.docno) == document)
      #expect(try changed.termCount(docno: document.docno) ?? 0 <= terms.count)
    }
    #expect(try Answers(path) != before)
    #expect(try first.search(Self.queries, k: 50) == earlier, "an open index goes on showing what it showed")

    try Self.writer(path).compact()
    let compacted = try ImpactIndex(path: path)
    #expect(compacted.segmentCount == 1 && compacted.deletedCount == 0)
    #expect(try Answers(path) == Answers(folder.path("built2")))
    #expect(try Self.contents(path) == Self.contents(folder.path("built2")))
    #expect(try Self.version(path) == Self.version(folder.path("built2")))
    #expect(try TemporaryFolder.names(in: path).count == 4, "the lock, the manifest and one segment")
  }

  @Test("Columns: filters hold for what was added, deleted and compacted, and are of live documents")
  func columns() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let all = Self.collection.prefix(300).enumerated().map { number, weighted -> Weighted in
      let metadata = ["year": "\(1990 + number % 20)", "part": "\(number % 3)"]
      return (Document(docno: weighted.document.docno, text: "", metadata: metadata), weighted.terms)
    }
    let columns = [MetadataColumn("year", .date)]
    let greatest: Float = 3.5
    try Self.build(all[..<200], in: path, greatestWeight: greatest, columns: columns)
    let writer = try Self.writer(path)
    let wrong = Document(docno: "wrong", text: "", metadata: ["year": "soon"])
    #expect(throws: IndexError.self) { try writer.add(wrong, terms: []) }
    for (document, terms) in all[200...] { try writer.add(document, terms: terms) }
    for number in stride(from: 0, to: 300, by: 4) { try writer.delete(docno: all[number].document.docno) }
    try writer.commit()
    let live = all.enumerated().filter { $0.offset % 4 != 0 }.map(\.element)
    let built = try Self.build(live, in: folder.path("built"), greatestWeight: greatest, columns: columns)
    for compacts in [false, true] {
      if compacts { try Self.writer(path).compact() }
      let index = try ImpactIndex(path: path)
      #expect(index.columns == columns)
      for text in ["year>=2000", "year<1995 part=1", "part=2", "year=1991|1992", "year>2030"] {
        let filter = try MetadataFilter(parsing: text)
        let allowed = try index.documents(matching: filter)
        #expect(try allowed == built.documents(matching: filter), "\(text)")
        for query in Self.queries {
          #expect(try index.search(query, k: 30, filter: allowed) == built.search(query, k: 30, filter: allowed), "\(text)")
        }
      }
      #expect(throws: IndexError.self) { try index.search([WeightedTerm("t0")], filter: DocumentSet(documents: 300)) }
    }
    #expect(try Self.contents(path) == Self.contents(folder.path("built")))
  }

  @Test("Greater weights than the index was built with are cut to its greatest, and counted; room can be made for them")
  func clipping() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let old: [Weighted] = [(Document(docno: "a", text: ""), [WeightedTerm("x", weight: 2), WeightedTerm("y", weight: 1)])]
    let new: Weighted = (
      Document(docno: "b", text: ""),
      [WeightedTerm("x", weight: 4), WeightedTerm("y", weight: 2), WeightedTerm("z", weight: 1e30), WeightedTerm("w", weight: 0)]
    )
    try Self.build(old, in: path)
    let writer = try Self.writer(path)
    #expect(writer.greatestWeight == 2)
    try writer.add(new.document, terms: new.terms)
    #expect(writer.addedWeights == 3 && writer.clippedWeights == 2)
    try writer.commit()
    let index = try ImpactIndex(path: path)
    let step = Double(Float(2) / 255)
    #expect(index.statistics == ImpactStatistics(documents: 2, terms: 3, postings: 5, scale: Float(2) / 255))
    let scores = try ["x", "y", "z", "w"].map { try index.score([WeightedTerm($0)], docnos: ["b"])[0] }
    #expect(scores == [step * 255, step * 255, step * 255, 0])
    #expect(try index.score([WeightedTerm("x"), WeightedTerm("y")], docnos: ["a"]) == [step * 255 + step * 128])

    // Built with room: 4 are 255 steps, 1e30 is cut at once.
    let builder = try ImpactIndexBuilder(creating: folder.path("room"), greatestWeight: 4)
    try builder.add(old[0].document, terms: old[0].terms)
    #expect(builder.clippedWeights == 0)
    try builder.add(new.document, terms: new.terms)
    #expect(builder.clippedWeights == 1)
    #expect(try builder.finish().scale == Float(4) / 255)
    let room = try ImpactIndex(path: folder.path("room"))
    let coarse = Double(Float(4) / 255)
    #expect(try room.score([WeightedTerm("x")], docnos: ["a", "b"]) == [coarse * 128, coarse * 255])
    for weight in [0, -1, Float.nan, .infinity] {
      #expect(throws: ImpactIndexError.self) { try ImpactIndexBuilder(creating: folder.path("bad"), greatestWeight: weight) }
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path("bad")))
  }

  @Test("The greatest weight is kept to the last bit, whatever scale it makes")
  func greatestWeights() throws {
    let folder = try TemporaryFolder()
    let subnormal = Float.leastNormalMagnitude / 8
    let weights: [Float] = [1.999, 1.9999999, 1.5, 3, 0.1, 255, subnormal, 3e38]
    for (number, weight) in weights.enumerated() {
      let path = folder.path("\(number)")
      try Self.build([(Document(docno: "a", text: ""), [WeightedTerm("x", weight: Double(weight))])], in: path)
      #expect(try ImpactIndexManifest.read(folder: path).greatestWeight == weight)
      let writer = try Self.writer(path)
      #expect(writer.greatestWeight == weight)
      try writer.delete(docno: "a")
      try writer.compact()
      // No document is left to tell it.
      let next = try Self.writer(path)
      #expect(next.greatestWeight == weight)
      try next.add(Document(docno: "b", text: ""), terms: [WeightedTerm("x", weight: Double(weight))])
      try next.commit()
      #expect(try ImpactIndex(path: path).explain([WeightedTerm("x")], docno: "b").terms.map(\.impact) == [255])
    }
  }

  @Test("Terms that only deleted documents hold are unknown; all documents may go, and others come")
  func emptied() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let documents: [Weighted] = [
      (Document(docno: "a", text: ""), [WeightedTerm("x", weight: 2), WeightedTerm("y", weight: 1)]),
      (Document(docno: "b", text: ""), [WeightedTerm("x", weight: 1)]),
    ]
    try Self.build(documents, in: path)
    var writer = try Self.writer(path)
    try writer.delete(docno: "a")
    #expect(throws: IndexError.unknownDocno("a")) { try writer.delete(docno: "a") }
    #expect(throws: IndexError.unknownDocno("nobody")) { try writer.delete(docno: "nobody") }
    #expect(try writer.commit() == ImpactStatistics(documents: 1, terms: 1, postings: 1, scale: Float(2) / 255))
    #expect(throws: IndexError.builderClosed(path: path)) { try writer.delete(docno: "b") }
    #expect(throws: IndexError.builderClosed(path: path)) { try writer.commit() }
    let index = try ImpactIndex(path: path)
    let result = try index.search([WeightedTerm("x"), WeightedTerm("y")])
    #expect(result.unknownTerms == ["y"] && result.documents.map(\.docno) == ["b"])
    #expect(try index.document(docno: "a") == nil && index.termCount(docno: "a") == nil)
    #expect(throws: IndexError.unknownDocno("a")) { try index.score([WeightedTerm("x")], docnos: ["a"]) }
    writer = try Self.writer(path)
    try writer.delete(docno: "b")
    try writer.commit()
    #expect(try ImpactIndex(path: path).search([WeightedTerm("x")]).hasKnownTerms == false)
    writer = try Self.writer(path)
    // What was added by the same writer may go and come back.
    try writer.add(documents[0].document, terms: documents[0].terms)
    try writer.delete(docno: "a")
    try writer.add(documents[0].document, terms: documents[1].terms)
    #expect(throws: IndexError.documentExists("a")) { try writer.add(documents[0].document, terms: []) }
    try writer.commit()
    #expect(try ImpactIndex(path: path).search([WeightedTerm("x")]).documents == [
      ScoredDocument(docno: "a", score: Double(Float(2) / 255) * 128)
    ])
  }

  @Test("A refused document changes nothing, and the writer goes on")
  func refusedDocuments() throws {
    let folder = try TemporaryFolder()
    for name in ["plain", "refused"] {
      let path = folder.path(name)
      try Self.build(Self.collection[..<20], in: path)
      let writer = try Self.writer(path)
      for (number, (document, terms)) in Self.collection[20..<60].enumerated() {
        if name == "refused" {
          let next = Document(docno: "next\(number)", text: "")
          let term = WeightedTerm("t1", weight: 2.5)
          #expect(throws: ImpactIndexError.duplicateTerm(docno: next.docno, term: "t1")) {
            try writer.add(next, terms: [WeightedTerm("new\(number)"), term, term])
          }
          #expect(throws: ImpactIndexError.invalidWeight(docno: next.docno, term: "t2", weight: -1)) {
            try writer.add(next, terms: [term, WeightedTerm("t2", weight: -1)])
          }
          #expect(throws: ImpactIndexError.emptyTerm(docno: next.docno)) { try writer.add(next, terms: [term, WeightedTerm("")]) }
          #expect(throws: IndexError.self) { try writer.add(Document(docno: "a b", text: ""), terms: [term]) }
        }
        try writer.add(document, terms: terms)
      }
      try writer.commit()
    }
    #expect(try TemporaryFolder.contents(of: folder.path("plain")) == TemporaryFolder.contents(of: folder.path("refused")))
    // Refused documents alone leave no segment.
    let path = folder.path("plain")
    let writer = try Self.writer(path)
    #expect(throws: ImpactIndexError.self) { try writer.add(Document(docno: "x", text: ""), terms: [WeightedTerm("")]) }
    try writer.commit()
    #expect(try ImpactIndex(path: path).segmentCount == 2)
  }

  @Test("What is refused: weights of another model, a second writer, other indexes, weights where there is no greatest one")
  func refusals() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    let own = EncoderFingerprint(name: "splade", digest: "abc"), other = EncoderFingerprint(name: "another", digest: "def")
    let source = ImpactIndexConfiguration(method: .splade, encoder: own, vocabulary: own)
    let builder = try ImpactIndexBuilder(creating: path, configuration: source)
    try builder.add(Document(docno: "a", text: ""), terms: [WeightedTerm("x")])
    _ = try builder.finish()
    let before = try TemporaryFolder.contents(of: path)
    for (encoder, vocabulary, found) in [(other, own, other), (own, other, other), (nil, nil, nil)] as [
      (EncoderFingerprint?, EncoderFingerprint?, EncoderFingerprint?)
    ] {
      #expect(throws: ImpactIndexError.encoderMismatch(path: path, found: found, expected: own)) {
        try ImpactIndexWriter(
          updating: path, source: ImpactIndexConfiguration(method: .splade, encoder: encoder, vocabulary: vocabulary))
      }
    }
    let writer = try ImpactIndexWriter(updating: path, source: source)
    #expect(throws: IndexError.locked(path: path, pid: getpid())) { try ImpactIndexWriter(updating: path, source: source) }
    #expect(throws: IndexError.locked(path: path, pid: getpid())) { try ImpactIndexBuilder(creating: path) }
    try writer.add(Document(docno: "b", text: ""), terms: [WeightedTerm("y")])
    writer.abandon()
    #expect(try TemporaryFolder.contents(of: path) == before)

    try RandomVectors.build(RandomVectors.make(3, dimension: 8, seed: 1), in: folder.path("vectors"), .init(
      dimension: 8, encoder: RandomVectors.encoder))
    #expect(throws: IndexError.notAnIndex(path: folder.path("vectors/manifest"))) { try Self.writer(folder.path("vectors")) }
    #expect(throws: FileError.self) { try Self.writer(folder.path("none")) }
    #expect(!FileManager.default.fileExists(atPath: folder.path("none")))

    let bare = folder.path("bare")
    try Self.build([], in: bare)
    let late = try Self.writer(bare)
    #expect(late.greatestWeight == nil)
    #expect(throws: ImpactIndexError.noScale(path: bare)) {
      try late.add(Document(docno: "a", text: ""), terms: [WeightedTerm("x")])
    }
    try late.add(Document(docno: "nothing", text: ""), terms: [])
    #expect(try late.commit().documents == 1)
    // With a given one there is a scale from the start.
    try Self.build([], in: bare, greatestWeight: 2)
    let early = try Self.writer(bare)
    try early.add(Document(docno: "a", text: ""), terms: [WeightedTerm("x", weight: 2)])
    #expect(try early.commit() == ImpactStatistics(documents: 1, terms: 1, postings: 1, scale: Float(2) / 255))
    for error in [
      ImpactIndexError.encoderMismatch(path: "p", found: nil, expected: own), .noScale(path: "p"), .invalidGreatestWeight(0),
    ] {
      #expect(!error.description.contains("\n") && error.description.count > 30 && error.failureKind == .usage)
    }
  }

  /// Two documents are added, and one of these and one of before deleted.
  private static func change(_ path: String, _ calls: SystemCalls, compacts: Bool = false) throws {
    let writer = try Self.writer(path, memoryBudget: 1, calls: calls)
    for (document, terms) in collection[100..<102] { try writer.add(document, terms: terms) }
    try writer.delete(docno: collection[3].document.docno)
    try writer.delete(docno: collection[101].document.docno)
    if compacts { try writer.compact() } else { try writer.commit() }
  }

  @Test("A power cut at any call leaves the index of before or of after, and the next writer goes on")
  func powerCut() throws {
    let folder = try TemporaryFolder()
    let original = folder.path("original")
    try Self.build(Self.collection[..<8], in: original)
    let states = try [original, folder.path("changed")].map { path in
      if path != original {
        try FileManager.default.copyItem(atPath: original, toPath: path)
        try Self.change(path, .posix)
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
        try Self.change(path, disk.calls)
      } catch let error as FileError {
        #expect(error.code == EIO)
      }
      for remains in CrashingDisk.Remains.allCases {
        let after = folder.path("\(calls)-\(remains)")
        try disk.leave(remains, in: after)
        let found = try Answers(after)
        #expect(states.contains(found), "\(remains), after \(calls) calls")
        let next = try Self.writer(after)
        try next.add(Document(docno: "next", text: ""), terms: [WeightedTerm("t0")])
        #expect(try next.commit().documents == found.statistics.documents + 1)
        let listed = try ImpactIndexManifest.read(folder: after).fileNames
        #expect(Set(try TemporaryFolder.names(in: after)) == Set(listed + ["lock", "manifest"]))
        try FileManager.default.removeItem(atPath: after)
      }
      try FileManager.default.removeItem(atPath: path)
      if !disk.isDown { break }
      calls += 1
      try #require(calls < 300)
    }
    // Two segments, two lists of deleted rows and the manifest: each opened, written and flushed.
    #expect(calls > 12)
  }

  @Test("A full disk at any call leaves the folder as it was", arguments: [false, true])
  func fullDisk(compacts: Bool) throws {
    let folder = try TemporaryFolder()
    let original = folder.path("original")
    try Self.build(Self.collection[..<8], in: original)
    let expected = try TemporaryFolder.contents(of: original)
    var failures = 0
    for calls in 0..<300 {
      let path = folder.path("\(calls)")
      try FileManager.default.copyItem(atPath: original, toPath: path)
      do {
        try Self.change(path, Faults(after: calls).calls, compacts: compacts)
        break
      } catch let error as FileError {
        failures += 1
        #expect(error.code == ENOSPC)
        // The last call flushes the folder after the manifest was renamed: then the new index is there.
        let index = try ImpactIndex(path: path)
        if index.segmentCount == 1, try index.document(docno: Self.collection[3].document.docno) != nil {
          #expect(try TemporaryFolder.contents(of: path) == expected, "after \(calls) calls")
        }
      }
    }
    #expect(failures > 8)
    let last = try ImpactIndex(path: folder.path("\(failures)"))
    #expect(last.statistics.documents == 8 && last.deletedCount == (compacts ? 0 : 2))
  }

  @Test("Damage in any file of a changed index: an error, or an answer; verify finds what opening does not")
  func damage() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    try Self.build(Self.collection[..<60], in: path)
    let writer = try Self.writer(path)
    for (document, terms) in Self.collection[60..<80] { try writer.add(document, terms: terms) }
    try writer.delete(docno: Self.collection[4].document.docno)
    try writer.commit()
    let expected = try Answers(path)
    var generator = SeededGenerator(seed: 6)
    var errors = 0
    let names = try TemporaryFolder.names(in: path).filter { $0 != "lock" }
    #expect(names.count == 6)
    for name in names {
      let file = path + "/" + name
      let bytes = try TemporaryFolder.read(file)
      for place in bytes.indices where place < 100 || place >= bytes.count - 100 || place % 41 == 0 {
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
        if let index = try? ImpactIndex(path: path) { _ = try? index.search(Self.queries, k: 5) }
      }
      for count in [0, 15, 40, bytes.count / 2, bytes.count - 1] {
        try TemporaryFolder.write(Array(bytes[..<count]), file)
        #expect(throws: IndexError.self, "\(name), \(count) bytes") { try ImpactIndex(path: path) }
      }
      try TemporaryFolder.write(bytes, file)
    }
    #expect(errors > 200)
  }

  @Test("Compaction of damaged postings ends in an error or in an index, never in a crash")
  func compactedDamage() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("idx")
    try Self.build(Self.collection[..<60], in: path)
    let file = path + "/segment-1.impacts"
    let bytes = try TemporaryFolder.read(file)
    // The postings are the first section; opening does not check them.
    for place in stride(from: 64, to: min(bytes.count, 600), by: 5) {
      var damaged = bytes
      damaged[place] ^= 0xA5
      let copy = folder.path("\(place)")
      try FileManager.default.copyItem(atPath: path, toPath: copy)
      try TemporaryFolder.write(damaged, copy + "/segment-1.impacts")
      if let writer = try? Self.writer(copy) {
        try writer.delete(docno: Self.collection[5].document.docno)
        if (try? writer.compact()) != nil { try ImpactIndex(path: copy).verify() }
      }
      try FileManager.default.removeItem(atPath: copy)
    }
  }
}
