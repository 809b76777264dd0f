import CGradusKernels
import GradusCore
import GradusText
import Synchronization

/// Builds an inverted index in a folder, in bounded memory and on several threads.
///
///     let builder = try IndexBuilder(directory: "idx", analyzer: .english)
///     for document in documents { try builder.add(document) }
///     let statistics = try builder.finish()
///
/// The new index appears in one step at the end of ``finish()``: until then, and when the process is killed or the disk is
/// full, an index that was in the folder stays readable. The bytes of the index depend on the documents, their order and
/// the analyzer, not on `threads` or `memoryBudgetBytes`. One builder writes into a folder at a time.
///
/// Memory: `memoryBudgetBytes` for postings, which spill to temporary files in the folder beyond it, and, outside the
/// budget, some 50 bytes per document, its docno, 50 bytes per distinct term, and 16 bytes per posting of the commonest
/// term while it is merged.
///
/// Not for use from several threads at once.
public final class IndexBuilder {
  public let directory: String
  private let configuration: AnalyzerConfiguration
  private let memoryBudget: Int
  private let calls: SystemCalls
  private var folder: IndexFolder?
  private let generation: Int
  private var documentsFile: SectionFileWriter?
  private var analyzers: [Analyzer]
  private var accumulators: [PostingsAccumulator]
  private var runPaths: [String] = []
  private let holdsPositions: Bool
  private var columns: ColumnsBuilder
  private let docnos = ByteTable()
  private var lengths: [UInt32] = []
  private var storedOffsets: [UInt64] = [0]
  private var pending: [Document] = []
  private var pendingBytes = 0
  private let pendingLimit: Int
  private var record: [UInt8] = []

  private static let largestDocumentCount = Int(Int32.max)
  /// Documents that a thread analyses between two looks at the queue.
  private static let grain = 32

  /// Locks the folder, making it where it is missing, and removes what builders that were killed have left there.
  ///
  /// - Parameters:
  ///   - memoryBudgetBytes: For postings in memory; any positive number works, small ones make many temporary files.
  ///   - threads: For analysis; at most as many as `WorkerPool.shared` has take part.
  ///   - positions: Whether the index knows where words stand: for phrases and proximity. It grows by about as much as its
  ///     postings take, and twice that.
  ///   - columns: Metadata to filter by.
  /// - Throws: ``IndexError/locked(path:pid:)``, `FileError`, and what the analyzer's configuration is refused for.
  public convenience init(
    directory: String, analyzer: AnalyzerConfiguration, memoryBudgetBytes: Int = 512 << 20,
    threads: Int = WorkerPool.shared.threads, positions: Bool = false, columns: [MetadataColumn] = []
  ) throws {
    try self.init(
      directory: directory, analyzer: analyzer, memoryBudgetBytes: memoryBudgetBytes, threads: threads, calls: .posix,
      positions: positions, columns: columns)
  }

  init(
    directory: String, analyzer: AnalyzerConfiguration, memoryBudgetBytes: Int, threads: Int, calls: SystemCalls,
    positions: Bool = false, columns: [MetadataColumn] = []
  ) throws {
    holdsPositions = positions
    self.columns = try ColumnsBuilder(columns)
    self.directory = directory
    configuration = analyzer
    memoryBudget = memoryBudgetBytes
    self.calls = calls
    pendingLimit = min(max(memoryBudgetBytes / 8, 1 << 16), 4 << 20)
    analyzers = try (0..<max(1, threads)).map { _ in try Analyzer(analyzer) }
    accumulators = analyzers.map { _ in PostingsAccumulator(holdsPositions: positions) }
    let folder = try IndexFolder(path: directory, calls: calls)
    self.folder = folder
    generation = folder.nextGeneration
    let name = IndexFolder.segmentName(generation: generation, kind: "documents")
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

  /// Adds a document after those before it. A document without tokens is indexed with length 0.
  ///
  /// After an error the builder is closed, and the folder is as it was.
  ///
  /// - Throws: ``IndexError/duplicateDocno(_:firstPosition:position:)``, ``IndexError/invalidDocno(_:position:)``,
  ///   `FileError` (with `ENOSPC` where the disk is full).
  public func add(_ document: Document) throws {
    try closingOnError { file, _ in
      let position = docnos.count + 1
      guard position <= Self.largestDocumentCount else {
        throw IndexError.limitExceeded(path: directory, what: "documents", limit: Self.largestDocumentCount)
      }
      guard !document.docno.isEmpty, !document.docno.utf8.contains(where: { $0 == 32 || (9...13).contains($0) }) else {
        throw IndexError.invalidDocno(document.docno, position: position)
      }
      var docno = document.docno
      let (number, isNew) = docno.withUTF8 { docnos.insert($0) }
      guard isNew else {
        throw IndexError.duplicateDocno(document.docno, firstPosition: number + 1, position: position)
      }
      let bytes = document.title.utf8.count + document.text.utf8.count
      guard bytes < Int(Int32.max) else {
        throw IndexError.limitExceeded(path: directory, what: "bytes in document '\(docno)'", limit: Int(Int32.max) - 1)
      }
      try columns.append(document)
      record.removeAll(keepingCapacity: true)
      DocumentStore.encode(document, into: &record)
      try file.append(record)
      storedOffsets.append(storedOffsets[storedOffsets.count - 1] + UInt64(record.count))
      pending.append(document)
      pendingBytes += bytes + 64
      if pendingBytes >= pendingLimit { try flush() }
    }
  }

  /// Merges, writes, and puts the new index in the place of the one before.
  ///
  /// - Throws: `FileError`; the folder is then as it was.
  public func finish() throws -> IndexStatistics {
    try finish { [self] writer in
      var runs: [any PostingsRun] = try runPaths.map { try FileRun(path: $0) }
      runs += accumulators.map { MemoryRun($0) }
      var merger = PostingsMerger(runs)
      try merger.forEach { term, postings, gaps in try writer.append(term, postings, gaps) }
    }
  }

  /// Ends an index whose postings do not come from the texts of its documents.
  ///
  /// - Parameters:
  ///   - lengths: Of all documents, in place of those of their texts.
  ///   - appendLists: Writes the posting lists, in byte order of their terms.
  func finish(
    lengths: [UInt32], appendLists: (inout PostingsWriter) throws -> Void
  ) throws -> IndexStatistics {
    try closingOnError { _, _ in
      try flush()
      self.lengths = lengths
    }
    return try finish(appendLists)
  }

  private func finish(_ appendLists: (inout PostingsWriter) throws -> Void) throws -> IndexStatistics {
    let statistics = try closingOnError { file, folder in
      try flush()
      try file.begin(.storedOffsets)
      try file.append(storedOffsets)
      let documents = IndexManifest.File(
        name: IndexFolder.segmentName(generation: generation, kind: "documents"), bytes: try file.finish())
      let (postings, positions, statistics) = try writePostings(folder, appendLists)
      let segment = IndexManifest.Segment(
        postings: postings, documents: documents, statistics: statistics, positions: positions,
        columns: try writeColumns(folder))
      try folder.commit(
        IndexManifest(generation: generation, analyzer: configuration, segments: [segment], statistics: statistics))
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

  /// Analyses the documents that wait. Each thread takes the next few and counts them in its own accumulator.
  private func flush() throws {
    guard !pending.isEmpty else { return }
    let first = lengths.count
    lengths.append(contentsOf: repeatElement(0, count: pending.count))
    let pieces = (pending.count + Self.grain - 1) / Self.grain
    let next = Atomic<Int>(0)
    pending.withUnsafeBufferPointer { pending in
      lengths.withUnsafeMutableBufferPointer { lengths in
        WorkerPool.shared.forEach(count: min(analyzers.count, pieces)) { [analyzers, accumulators] worker in
          var text: [UInt8] = []
          while true {
            let piece = next.add(1, ordering: .relaxed).oldValue
            guard piece < pieces else { return }
            for number in piece * Self.grain..<min((piece + 1) * Self.grain, pending.count) {
              lengths[first + number] = Self.count(
                pending[number], doc: UInt32(first + number), with: analyzers[worker], in: accumulators[worker],
                text: &text)
            }
          }
        }
      }
    }
    pending.removeAll(keepingCapacity: true)
    pendingBytes = 0
    let memory = accumulators.reduce(0) { $0 + ($1.isEmpty ? 0 : $1.memory) }
    if memory > memoryBudget || accumulators.contains(where: \.isNearlyFull) { try spill() }
  }

  /// Counts the terms of one document and returns its length.
  private static func count(
    _ document: Document, doc: UInt32, with analyzer: Analyzer, in accumulator: PostingsAccumulator, text: inout [UInt8]
  ) -> UInt32 {
    text.removeAll(keepingCapacity: true)
    if !document.title.isEmpty {
      text.append(contentsOf: document.title.utf8)
      text.append(UInt8(ascii: " "))
    }
    text.append(contentsOf: document.text.utf8)
    var length: UInt32 = 0
    text.withUnsafeBufferPointer { bytes in
      analyzer.analyze(bytes) { term, token in
        accumulator.add(term, doc: doc, position: token.position)
        length += 1
      }
    }
    return length
  }

  private func spill() throws {
    guard let folder else { return }
    for worker in accumulators.indices where !accumulators[worker].isEmpty {
      let path = folder.path(of: IndexFolder.runName(runPaths.count + 1))
      try FileRun.write(accumulators[worker], path: path, calls: calls)
      runPaths.append(path)
      accumulators[worker] = PostingsAccumulator(holdsPositions: holdsPositions)
    }
  }

  private func writeColumns(_ folder: IndexFolder) throws -> IndexManifest.File? {
    guard !columns.isEmpty else { return nil }
    let name = IndexFolder.segmentName(generation: generation, kind: "columns")
    let file = try SectionFileWriter(path: folder.path(of: name), kind: .columns, calls: calls)
    try columns.write(to: file)
    return IndexManifest.File(name: name, bytes: try file.finish())
  }

  private func writePostings(
    _ folder: IndexFolder, _ appendLists: (inout PostingsWriter) throws -> Void
  ) throws -> (IndexManifest.File, IndexManifest.File?, IndexStatistics) {
    let name = IndexFolder.segmentName(generation: generation, kind: "postings")
    let path = folder.path(of: name)
    let file = try SectionFileWriter(path: path, kind: .postings, calls: calls)
    let positionsName = IndexFolder.segmentName(generation: generation, kind: "positions")
    let positions =
      holdsPositions
      ? try SectionFileWriter(path: folder.path(of: positionsName), kind: .positions, calls: calls) : nil
    let (terms, postings) = try lengths.withUnsafeBufferPointer { lengths in
      var writer = try PostingsWriter(file: file, path: path, lengths: lengths, positions: positions)
      try appendLists(&writer)
      return try writer.finish()
    }
    try file.begin(.lengths)
    try file.append(lengths)
    try writeDocnos(file)
    let statistics = IndexStatistics(
      documents: lengths.count, terms: terms, postings: postings, tokens: lengths.reduce(0) { $0 + Int($1) })
    let positionsFile = try positions.map { IndexManifest.File(name: positionsName, bytes: try $0.finish()) }
    return (IndexManifest.File(name: name, bytes: try file.finish()), positionsFile, statistics)
  }

  private func writeDocnos(_ file: SectionFileWriter) throws {
    var offsets: [UInt64] = [0]
    offsets.reserveCapacity(docnos.count + 1)
    for doc in 0..<docnos.count { offsets.append(offsets[doc] + UInt64(docnos[doc].count)) }
    let order = docnos.sortedNumbers().map { UInt32($0) }
    var ranks = [UInt32](repeating: 0, count: order.count)
    for (rank, doc) in order.enumerated() { ranks[Int(doc)] = UInt32(rank) }
    try file.begin(.docnoOffsets)
    try file.append(offsets)
    try file.begin(.docnoText)
    try file.append(docnos.concatenated)
    try file.begin(.docnoRanks)
    try file.append(ranks)
    try file.begin(.docnoOrder)
    try file.append(order)
  }
}
