import CGradusKernels
import GradusCore

/// Builds an impact index: an inverted index of documents whose terms have learned weights, in bounded memory.
///
///     let builder = try ImpactIndexBuilder(creating: "faq.impacts")
///     try builder.add(document, terms: [WeightedTerm("heat", weight: 1.4), WeightedTerm("flow", weight: 0.7)])
///     let statistics = try builder.finish()
///
/// Weights are kept in 32 bits until all documents are known, and then quantised in steps of the greatest
/// (``ImpactQuantization``). The new index appears in one step at the end of ``finish()``; until then an index that was in the
/// folder stays readable. Its bytes depend on the documents, their order and the configuration, not on `memoryBudgetBytes`.
///
/// Memory: `memoryBudgetBytes` for weights, which spill to temporary files in the folder beyond it, and, outside the budget, some
/// 50 bytes per document, its docno, 50 bytes per distinct term, and 16 bytes per posting of the commonest term while it is
/// merged.
///
/// Not for use from several threads at once.
public final class ImpactIndexBuilder {
  public let directory: String
  private let configuration: ImpactIndexConfiguration
  private let memoryBudget: Int
  private let calls: SystemCalls
  private var folder: IndexFolder?
  private var documentsFile: SectionFileWriter?
  private var accumulator = ImpactAccumulator()
  private var runPaths: [String] = []
  private let docnos = ByteTable()
  private var columns: ColumnsBuilder
  private var storedOffsets: [UInt64] = [0]
  private var record: [UInt8] = []
  private var greatest: Float = 0

  private static let largestDocumentCount = Int(Int32.max)

  /// Locks the folder, making it where it is missing.
  ///
  /// - Parameter columns: Metadata to filter by. Without, filters read the stored documents.
  /// - Throws: ``ImpactIndexError/otherIndex(path:)``, ``IndexError/locked(path:pid:)``, ``IndexError/invalidQuery(_:)`` for a
  ///   column that is listed twice, `FileError`.
  public convenience init(
    creating directory: String, configuration: ImpactIndexConfiguration = ImpactIndexConfiguration(),
    columns: [MetadataColumn] = [], memoryBudgetBytes: Int = 512 << 20
  ) throws {
    try self.init(
      directory, configuration: configuration, columns: columns, memoryBudgetBytes: memoryBudgetBytes, calls: .posix)
  }

  init(
    _ directory: String, configuration: ImpactIndexConfiguration, columns: [MetadataColumn] = [], memoryBudgetBytes: Int,
    calls: SystemCalls
  ) throws {
    self.directory = directory
    self.configuration = configuration
    memoryBudget = memoryBudgetBytes
    self.columns = try ColumnsBuilder(columns)
    self.calls = calls
    if ImpactIndexManifest.isOtherPresent(in: directory) { throw ImpactIndexError.otherIndex(path: directory) }
    let folder = try IndexFolder(path: directory, calls: calls) { try ImpactIndexManifest.read(folder: $0) }
    self.folder = folder
    let name = IndexFolder.segmentName(generation: folder.nextGeneration, kind: "documents")
    do {
      let file = try SectionFileWriter(path: folder.path(of: name), kind: .documents, calls: calls)
      try file.begin(.storedText)
      documentsFile = file
    } catch {
      folder.removeUnfinished()
      throw error
    }
  }

  deinit { abandon() }

  /// Adds a document after those before it. Terms of weight 0 are left out; a document without others is never found.
  ///
  /// After an error the builder is closed, and the folder is as it was.
  ///
  /// - Throws: ``ImpactIndexError``, ``IndexError/duplicateDocno(_:firstPosition:position:)``,
  ///   ``IndexError/invalidDocno(_:position:)``, ``IndexError/invalidColumnValue(docno:column:value:expected:)``, `FileError`.
  public func add(_ document: Document, terms: [WeightedTerm]) throws {
    try closingOnError { file, folder in
      let doc = try register(document)
      try columns.append(document)
      try store(document, in: file)
      for weighted in terms {
        let weight = Float(weighted.weight)
        guard weighted.weight >= 0, weight.isFinite else {
          throw ImpactIndexError.invalidWeight(docno: document.docno, term: weighted.term, weight: weighted.weight)
        }
        var term = weighted.term
        guard !term.isEmpty else { throw ImpactIndexError.emptyTerm(docno: document.docno) }
        guard weight > 0 else { continue }
        guard term.withUTF8({ accumulator.add($0, doc: doc, weight: weight) }) else {
          throw ImpactIndexError.duplicateTerm(docno: document.docno, term: term)
        }
        greatest = max(greatest, weight)
      }
      if accumulator.memory > memoryBudget, !accumulator.isEmpty { try spill(folder) }
    }
  }

  private func register(_ document: Document) throws -> UInt32 {
    let position = docnos.count + 1
    guard position <= Self.largestDocumentCount else {
      throw IndexError.limitExceeded(path: directory, what: "documents", limit: Self.largestDocumentCount)
    }
    var docno = document.docno
    guard !docno.isEmpty, !docno.utf8.contains(where: { $0 == 32 || (9...13).contains($0) }) else {
      throw IndexError.invalidDocno(docno, position: position)
    }
    let (number, isNew) = docno.withUTF8 { docnos.insert($0) }
    guard isNew else { throw IndexError.duplicateDocno(docno, firstPosition: number + 1, position: position) }
    return UInt32(number)
  }

  private func store(_ document: Document, in file: SectionFileWriter) throws {
    guard document.title.utf8.count + document.text.utf8.count < Int(Int32.max) else {
      throw IndexError.limitExceeded(
        path: directory, what: "bytes in document '\(document.docno)'", limit: Int(Int32.max) - 1)
    }
    record.removeAll(keepingCapacity: true)
    DocumentStore.encode(document, into: &record)
    try file.append(record)
    storedOffsets.append(storedOffsets[storedOffsets.count - 1] + UInt64(record.count))
  }

  private func spill(_ folder: IndexFolder) throws {
    let path = folder.path(of: IndexFolder.runName(runPaths.count + 1))
    try FileRun.write(accumulator.sorted(), path: path, calls: calls)
    runPaths.append(path)
    accumulator = ImpactAccumulator()
  }

  /// Merges, quantises, writes, and puts the new index in the place of the one before.
  ///
  /// - Throws: `FileError`, ``IndexError/limitExceeded(path:what:limit:)``; the folder is then as it was.
  public func finish() throws -> ImpactStatistics {
    let statistics = try closingOnError { file, folder in
      try file.begin(.storedOffsets)
      try file.append(storedOffsets)
      let generation = folder.nextGeneration
      let documents = IndexManifest.File(
        name: IndexFolder.segmentName(generation: generation, kind: "documents"), bytes: try file.finish())
      let name = IndexFolder.segmentName(generation: generation, kind: "impacts")
      let impactsFile = try SectionFileWriter(path: folder.path(of: name), kind: .impacts, calls: calls)
      let statistics = try writeImpacts(to: impactsFile)
      let impacts = IndexManifest.File(name: name, bytes: try impactsFile.finish())
      try folder.commit(
        ImpactIndexManifest(
          generation: generation, configuration: configuration, impacts: impacts, documents: documents,
          statistics: statistics, columns: try columns.write(to: directory, number: generation, calls: calls),
          coding: .packed))
      return statistics
    }
    documentsFile = nil
    folder = nil
    return statistics
  }

  /// Gives up: removes what was written and lets others write into the folder. Without effect after ``finish()``.
  public func abandon() {
    documentsFile = nil
    folder?.removeUnfinished()
    folder = nil
  }

  private func closingOnError<Result>(_ body: (SectionFileWriter, IndexFolder) throws -> Result) throws -> Result {
    guard let documentsFile, let folder else { throw IndexError.builderClosed(path: directory) }
    do {
      return try body(documentsFile, folder)
    } catch {
      abandon()
      throw error
    }
  }

  private func writeImpacts(to file: SectionFileWriter) throws -> ImpactStatistics {
    var runs: [any PostingsRun] = try runPaths.map { try FileRun(path: $0) }
    runs.append(accumulator.sorted())
    var merger = PostingsMerger(runs)
    // Blocks are bounded by their greatest impact alone: as if all documents were of one length.
    let lengths = [UInt32](repeating: 1, count: docnos.count)
    var counts = [UInt32](repeating: 0, count: docnos.count)
    var greatestImpacts: [UInt8] = []
    let (terms, postings) = try lengths.withUnsafeBufferPointer { lengths in
      var writer = try PostingsWriter(file: file, path: file.path, lengths: lengths)
      let none = UnsafeBufferPointer<UInt32>(start: nil, count: 0)
      var quantised: [UInt64] = []
      try merger.forEach { term, weights, _, _ in
        quantised.removeAll(keepingCapacity: true)
        var largest = 0
        for posting in weights {
          let weight = Float(bitPattern: UInt32(truncatingIfNeeded: posting))
          let impact = configuration.quantization.impact(of: weight, greatest: greatest)
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
    try DocnoTable.write(docnos, order: (0..<docnos.count).map { UInt32($0) }, to: file)
    return ImpactStatistics(
      documents: docnos.count, terms: terms, postings: postings, scale: ImpactQuantization.scale(greatest: greatest))
  }
}
