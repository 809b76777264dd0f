import CGradusKernels
import GradusCore

/// Writes the files of one segment of an impact index, in bounded memory.
///
/// Weights are kept in 32 bits until the end, when it is known what they are quantised in steps of. The bytes depend on the
/// documents and their order, not on the memory.
final class ImpactSegmentWriter {
  private let number: Int
  private let folder: IndexFolder
  private let memoryBudget: Int
  private let documents: SegmentDocumentsWriter
  private var accumulator = ImpactAccumulator()
  private var runPaths: [String] = []
  /// Of all documents so far.
  private(set) var greatestWeight: Float = 0

  private static let largestDocumentCount = Int(Int32.max)

  init(number: Int, columns: [MetadataColumn], memoryBudget: Int, in folder: IndexFolder) throws {
    self.number = number
    self.folder = folder
    self.memoryBudget = memoryBudget
    documents = try SegmentDocumentsWriter(number: number, columns: columns, storesDocuments: true, in: folder)
  }

  var count: Int { documents.count }

  func contains(docno: String) -> Bool { documents.position(of: docno) != nil }

  /// Adds a document after those before it. Terms of weight 0 are left out. What is refused changes nothing; after an error of
  /// the disk the segment is of no use.
  ///
  /// - Throws: As ``ImpactIndexBuilder/add(_:terms:)``.
  func add(_ document: Document, _ terms: [WeightedTerm]) throws {
    try check(document)
    var greatest = greatestWeight
    let doc = UInt32(count)
    do {
      for weighted in terms { greatest = max(greatest, try add(weighted, of: document, doc)) }
    } catch {
      accumulator.remove(doc: doc)
      throw error
    }
    greatestWeight = greatest
    _ = try documents.append(docno: document.docno, document)
    if accumulator.memory > memoryBudget, !accumulator.isEmpty { try spill() }
  }

  private func check(_ document: Document) throws {
    guard count < Self.largestDocumentCount else {
      throw IndexError.limitExceeded(path: folder.path, what: "documents", limit: Self.largestDocumentCount)
    }
    try documents.check(docno: document.docno, document, position: count + 1)
    if let first = documents.position(of: document.docno) {
      throw IndexError.duplicateDocno(document.docno, firstPosition: first + 1, position: count + 1)
    }
    guard document.title.utf8.count + document.text.utf8.count < Int(Int32.max) else {
      throw IndexError.limitExceeded(
        path: folder.path, what: "bytes in document '\(document.docno)'", limit: Int(Int32.max) - 1)
    }
  }

  private func add(_ weighted: WeightedTerm, of document: Document, _ doc: UInt32) throws -> Float {
    let weight = Float(weighted.weight)
    guard weighted.weight >= 0, weight.isFinite else {
      throw ImpactIndexError.invalidWeight(docno: document.docno, term: weighted.term, weight: weighted.weight)
    }
    var term = weighted.term
    guard !term.isEmpty else { throw ImpactIndexError.emptyTerm(docno: document.docno) }
    guard weight > 0 else { return 0 }
    guard term.withUTF8({ accumulator.add($0, doc: doc, weight: weight) }) else {
      throw ImpactIndexError.duplicateTerm(docno: document.docno, term: term)
    }
    return weight
  }

  /// Adds a document whose impacts will be given to ``finish(_:scale:impact:)``.
  func list(_ document: Document) throws { _ = try documents.append(docno: document.docno, document) }

  private func spill() throws {
    let path = folder.path(of: IndexFolder.runName(runPaths.count + 1))
    try FileRun.write(accumulator.sorted(), path: path, calls: folder.calls)
    runPaths.append(path)
    accumulator = ImpactAccumulator()
  }

  /// Writes the segment with the weights that were added; greater ones than `greatest` become the greatest impact.
  ///
  /// - Parameters:
  ///   - greatest: The weight of the greatest impact; at least 0.
  ///   - scale: The weight of impact 1.
  func finish(
    _ quantization: ImpactQuantization, greatest: Float, scale: Float
  ) throws -> ImpactIndexManifest.Segment {
    var runs: [any PostingsRun] = try runPaths.map { try FileRun(path: $0) }
    runs.append(accumulator.sorted())
    let segment = try finish(runs, scale: scale) { bits in
      quantization.impact(of: min(Float(bitPattern: bits), greatest), greatest: greatest)
    }
    for path in runPaths { _ = folder.calls.unlink(path) }
    return segment
  }

  /// Writes the segment.
  ///
  /// - Parameters:
  ///   - runs: Postings of the documents that were added, in their low 32 bits what `impact` reads.
  ///   - scale: The weight of impact 1.
  func finish(
    _ runs: [any PostingsRun], scale: Float, impact: (UInt32) -> Int
  ) throws -> ImpactIndexManifest.Segment {
    let file = try folder.begin(.impacts, named: "impacts", ofSegment: number)
    // Blocks are bounded by their greatest impact alone: as if all documents were of one length.
    let lengths = [UInt32](repeating: 1, count: count)
    var counts = [UInt32](repeating: 0, count: count)
    var greatestImpacts: [UInt8] = []
    var merger = PostingsMerger(runs)
    let (terms, postings) = try lengths.withUnsafeBufferPointer { lengths in
      var writer = try PostingsWriter(file: file, path: file.path, lengths: lengths)
      let none = UnsafeBufferPointer<UInt32>(start: nil, count: 0)
      var quantised: [UInt64] = []
      try merger.forEach { term, weights, _, _ in
        quantised.removeAll(keepingCapacity: true)
        var largest = 0
        for posting in weights {
          let impact = impact(UInt32(truncatingIfNeeded: posting))
          guard impact > 0 else { continue }
          largest = max(largest, impact)
          quantised.append((posting >> 32) << 32 | UInt64(impact))
          counts[Int(posting >> 32)] += 1
        }
        guard largest > 0 else { return }
        greatestImpacts.append(UInt8(largest))
        try quantised.withUnsafeBufferPointer { try writer.append(term, $0, none, none) }
      }
      return try writer.finish()
    }
    try file.begin(.greatestImpacts)
    try greatestImpacts.withUnsafeBytes { try file.append($0) }
    try file.begin(.lengths)
    try file.append(counts)
    try DocnoTable.write(documents.docnos, order: (0..<UInt32(count)).map { $0 }, to: file)
    let impacts = try file.close()
    let stored = try documents.finish()
    return ImpactIndexManifest.Segment(
      impacts: impacts, documentsFile: stored.documents,
      statistics: ImpactStatistics(documents: count, terms: terms, postings: postings, scale: scale),
      columnsFile: stored.columns, coding: .packed)
  }
}
