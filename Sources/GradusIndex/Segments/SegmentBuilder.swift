import CGradusKernels
import GradusCore
import GradusText
import Synchronization

/// What the segments of an index have in common.
struct SegmentSettings: Sendable {
  var positions = false
  var columns: [MetadataColumn] = []
  var fields: IndexFields?
  var compression: StoredFieldCompression? = .zstd
  /// For postings in memory; more go to temporary files.
  var memoryBudgetBytes = 512 << 20
}

/// Writes one segment into the folder of an index: documents are analysed, or come from segments that are merged.
///
/// The bytes depend on the documents and their order, not on threads and memory. Nothing is visible before a manifest lists the
/// segment. After an error the segment is of no use; its files go with the next ``IndexFolder/removeUnfinished()`` or commit.
final class SegmentBuilder {
  /// In the names of the segment's files.
  let number: Int
  private let settings: SegmentSettings
  private let directory: String
  private let calls: SystemCalls
  private let documentsFile: SectionFileWriter
  private var store: DocumentStoreWriter
  private let analyzers: [Analyzer]
  private var accumulators: [PostingsAccumulator]
  private var runPaths: [String] = []
  private var columns: ColumnsBuilder
  private let docnos = ByteTable()
  private var lengths: [UInt32] = []
  /// Of each document those of all fields, where fields are wanted.
  private var fieldLengths: [UInt32] = []
  private var pending: [Document] = []
  private var pendingBytes = 0
  private let pendingLimit: Int

  private static let largestDocumentCount = Int(Int32.max)
  /// Documents that a thread analyses between two looks at the queue.
  private static let grain = 32

  /// - Parameter analyzers: One for each thread; none where documents are only merged.
  init(number: Int, _ settings: SegmentSettings, analyzers: [Analyzer], directory: String, calls: SystemCalls) throws {
    self.number = number
    self.settings = settings
    self.directory = directory
    self.calls = calls
    self.analyzers = analyzers
    pendingLimit = min(max(settings.memoryBudgetBytes / 8, 1 << 16), 4 << 20)
    accumulators = analyzers.map { _ in PostingsAccumulator(holdsPositions: settings.positions, fields: settings.fields) }
    columns = try ColumnsBuilder(settings.columns)
    documentsFile = try SectionFileWriter(
      path: directory + "/" + IndexFolder.segmentName(generation: number, kind: "documents"), kind: .documents, calls: calls)
    store = try DocumentStoreWriter(file: documentsFile, compression: settings.compression)
  }

  /// Documents so far.
  var count: Int { docnos.count }

  /// The document with a docno.
  func document(named docno: String) -> Int? {
    var docno = docno
    return docno.withUTF8 { docnos.find($0) }
  }

  /// Adds a document whose terms are counted in its text.
  ///
  /// - Throws: ``IndexError/duplicateDocno(_:firstPosition:position:)``, ``IndexError/invalidDocno(_:position:)``,
  ///   ``IndexError/invalidColumnValue(docno:column:value:expected:)``, `FileError`.
  func add(_ document: Document) throws {
    let bytes = try append(document)
    pending.append(document)
    pendingBytes += bytes + 64
    if pendingBytes >= pendingLimit { try flush() }
  }

  /// Adds a document whose postings will be given to ``finish(_:)``.
  ///
  /// - Parameter fieldLengths: One for each field, where fields are wanted.
  func add(_ document: Document, length: UInt32, fieldLengths: [UInt32] = []) throws {
    _ = try append(document)
    lengths.append(length)
    self.fieldLengths += fieldLengths
  }

  /// Refuses what no segment can hold, whatever else is in it; returns the bytes of the text.
  @discardableResult
  static func check(_ document: Document, position: Int, directory: String, fields: IndexFields?) throws -> Int {
    try IndexError.requireValid(docno: document.docno, position: position)
    let bytes = IndexFields.byteCount(of: document, metadata: fields?.metadata ?? [])
    guard bytes < Int(Int32.max) else {
      throw IndexError.limitExceeded(path: directory, what: "bytes in document '\(document.docno)'", limit: Int(Int32.max) - 1)
    }
    return bytes
  }

  /// Checks and stores a document; returns the bytes of its text.
  private func append(_ document: Document) throws -> Int {
    let position = docnos.count + 1
    guard position <= Self.largestDocumentCount else {
      throw IndexError.limitExceeded(path: directory, what: "documents", limit: Self.largestDocumentCount)
    }
    let bytes = try Self.check(document, position: position, directory: directory, fields: settings.fields)
    if let first = self.document(named: document.docno) {
      throw IndexError.duplicateDocno(document.docno, firstPosition: first + 1, position: position)
    }
    try columns.append(document)
    // Whatever is wrong with the document was found before: from here on only the disk can fail.
    var docno = document.docno
    _ = docno.withUTF8 { docnos.insert($0) }
    try store.append(document)
    return bytes
  }

  /// Writes the segment from the terms that were counted.
  func finish() throws -> IndexManifest.Segment {
    try flush()
    var runs: [any PostingsRun] = try runPaths.map { try FileRun(path: $0) }
    runs += accumulators.map { MemoryRun($0) }
    return try finish(runs)
  }

  /// Writes the segment with the postings of runs.
  func finish(_ runs: [any PostingsRun]) throws -> IndexManifest.Segment {
    try finish { writer in
      var merger = PostingsMerger(runs)
      try merger.forEach { try writer.append($0, $1, $2, $3) }
    }
  }

  /// - Parameter appendLists: Writes the posting lists, in byte order of their terms.
  func finish(_ appendLists: (inout PostingsWriter) throws -> Void) throws -> IndexManifest.Segment {
    let documents = IndexManifest.File(name: name("documents"), bytes: try store.finish())
    let (postings, positions, fields, statistics) = try writePostings(appendLists)
    let segment = IndexManifest.Segment(
      postings: postings, documents: documents, statistics: statistics, positions: positions,
      columns: try columns.write(to: directory, number: number, calls: calls), fields: fields,
      compression: settings.compression, coding: .packed)
    for path in runPaths { _ = calls.unlink(path) }
    return segment
  }

  private func path(_ kind: String) -> String { directory + "/" + name(kind) }

  private func name(_ kind: String) -> String { IndexFolder.segmentName(generation: number, kind: kind) }

  /// Analyses the documents that wait. Each thread takes the next few and counts them in its own accumulator.
  private func flush() throws {
    guard !pending.isEmpty else { return }
    let first = lengths.count
    lengths.append(contentsOf: repeatElement(0, count: pending.count))
    let fieldCount = settings.fields?.names.count ?? 0
    let metadata = settings.fields?.metadata ?? []
    fieldLengths.append(contentsOf: repeatElement(0, count: pending.count * fieldCount))
    let pieces = (pending.count + Self.grain - 1) / Self.grain
    let next = Atomic<Int>(0)
    pending.withUnsafeBufferPointer { pending in
      lengths.withUnsafeMutableBufferPointer { lengths in
        fieldLengths.withUnsafeMutableBufferPointer { fieldLengths in
          WorkerPool.shared.forEach(count: min(analyzers.count, pieces)) { [analyzers, accumulators] worker in
            var contents = Contents(metadata: metadata)
            while true {
              let piece = next.add(1, ordering: .relaxed).oldValue
              guard piece < pieces else { return }
              for number in piece * Self.grain..<min((piece + 1) * Self.grain, pending.count) {
                let doc = first + number
                contents.read(pending[number])
                lengths[doc] = contents.count(doc: UInt32(doc), with: analyzers[worker], in: accumulators[worker])
                for field in 0..<fieldCount { fieldLengths[doc * fieldCount + field] = contents.fieldLengths[field] }
              }
            }
          }
        }
      }
    }
    pending.removeAll(keepingCapacity: true)
    pendingBytes = 0
    let memory = accumulators.reduce(0) { $0 + ($1.isEmpty ? 0 : $1.memory) }
    if memory > settings.memoryBudgetBytes || accumulators.contains(where: \.isNearlyFull) { try spill() }
  }

  /// What is indexed of one document after the other.
  private struct Contents {
    let metadata: ArraySlice<String>
    private var text: [UInt8] = []
    private var ends: [Int] = []
    /// Of the document that was counted last, in all fields.
    private(set) var fieldLengths: [UInt32]

    init(metadata: ArraySlice<String>) {
      self.metadata = metadata
      fieldLengths = [UInt32](repeating: 0, count: IndexFields.standard.names.count + metadata.count)
    }

    mutating func read(_ document: Document) {
      IndexFields.collect(document, metadata: metadata, into: &text, ends: &ends)
    }

    /// Counts the terms of the document and returns its length. A token is of the field in which it begins.
    mutating func count(doc: UInt32, with analyzer: Analyzer, in accumulator: PostingsAccumulator) -> UInt32 {
      var length: UInt32 = 0
      var field = 0, fieldLength: UInt32 = 0
      let ends = ends
      // Out of `self`, which the closure must not change while the text is read.
      var lengths: [UInt32] = []
      swap(&lengths, &fieldLengths)
      for field in lengths.indices { lengths[field] = 0 }
      text.withUnsafeBufferPointer { bytes in
        analyzer.analyze(bytes) { term, token in
          while field < ends.count - 1, token.range.lowerBound >= ends[field] {
            lengths[field] = fieldLength
            fieldLength = 0
            field += 1
          }
          accumulator.add(term, doc: doc, position: token.position, field: field)
          fieldLength += 1
          length += 1
        }
      }
      lengths[field] = fieldLength
      swap(&lengths, &fieldLengths)
      return length
    }
  }

  private func spill() throws {
    for worker in accumulators.indices where !accumulators[worker].isEmpty {
      let path = directory + "/" + IndexFolder.runName(runPaths.count + 1)
      try FileRun.write(MemoryRun(accumulators[worker]), path: path, calls: calls)
      runPaths.append(path)
      accumulators[worker] = PostingsAccumulator(holdsPositions: settings.positions, fields: settings.fields)
    }
  }

  private func writePostings(
    _ appendLists: (inout PostingsWriter) throws -> Void
  ) throws -> (
    postings: IndexManifest.File, positions: IndexManifest.File?, fields: IndexManifest.File?, statistics: IndexStatistics
  ) {
    let path = self.path("postings")
    let file = try SectionFileWriter(path: path, kind: .postings, calls: calls)
    let positions =
      settings.positions
      ? try SectionFileWriter(path: self.path("positions"), kind: .positions, calls: calls) : nil
    let fields =
      try settings.fields != nil ? SectionFileWriter(path: self.path("fields"), kind: .fields, calls: calls) : nil
    let (terms, postings) = try lengths.withUnsafeBufferPointer { lengths in
      var writer = try PostingsWriter(
        file: file, path: path, lengths: lengths, positions: positions,
        fields: try fields.map { try FieldsWriter(file: $0, fields: settings.fields ?? .standard) })
      try appendLists(&writer)
      return try writer.finish(fieldLengths: fieldLengths)
    }
    try file.begin(.lengths)
    try file.append(lengths)
    try DocnoTable.write(docnos, order: (0..<UInt32(docnos.count)).map { $0 }, to: file)
    let statistics = IndexStatistics(
      documents: lengths.count, terms: terms, postings: postings, tokens: lengths.reduce(0) { $0 + Int($1) })
    let positionsFile = try positions.map { IndexManifest.File(name: name("positions"), bytes: try $0.finish()) }
    let fieldsFile = try fields.map { IndexManifest.File(name: name("fields"), bytes: try $0.finish()) }
    let postingsFile = IndexManifest.File(name: name("postings"), bytes: try file.finish())
    return (postingsFile, positionsFile, fieldsFile, statistics)
  }
}
