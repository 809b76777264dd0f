import GradusCore
import GradusText

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
public final class IndexBuilder: SessionWriter {
  public let directory: String
  /// What the order of the documents saved, after ``finish()``; nil where they stayed as they came.
  public private(set) var reorderingReport: ReorderingReport?
  private let analyzer: AnalyzerConfiguration
  private let settings: SegmentSettings
  private let reordering: GraphBisection?
  private let calls: SystemCalls
  private let threads: Int
  let session: WriterSession
  private var segment: SegmentBuilder?

  /// Locks the folder, making it where it is missing, and removes what builders that were killed have left there.
  ///
  /// - Parameters:
  ///   - memoryBudgetBytes: For postings in memory; any positive number works, small ones make many temporary files.
  ///   - threads: For analysis; at most as many as `WorkerPool.shared` has take part.
  ///   - positions: Whether the index knows where words stand: for phrases and proximity. It grows by about as much as its
  ///     postings take, and twice that.
  ///   - columns: Metadata to filter by.
  ///   - fields: What ``BM25F`` can weigh; nil for an index that it cannot search. Fields beside title and text are indexed too.
  ///   - compression: Of titles, texts and metadata; nil keeps them as they are.
  ///   - reordering: Puts the documents in an order in which neighbours share words, so that gaps are smaller; nil leaves
  ///     them as they come. Results of queries are the same, to the bit; numbers of documents (``DocIndex``) are of the new
  ///     order. Building takes as much disk again until the end, and time and memory as ``GraphBisection`` says.
  /// - Throws: ``IndexError/locked(path:pid:)``, ``IndexError/readOnly(path:)``, ``IndexError/otherKind(path:)`` where the folder
  ///   holds an index of another kind, `FileError`, and what the analyzer's configuration is refused for.
  public convenience init(
    directory: String, analyzer: AnalyzerConfiguration, memoryBudgetBytes: Int = 512 << 20,
    threads: Int = WorkerPool.shared.threads, positions: Bool = false, columns: [MetadataColumn] = [],
    fields: IndexFields? = nil, compression: StoredFieldCompression? = .zstd, reordering: GraphBisection? = nil
  ) throws {
    try self.init(
      directory: directory, analyzer: analyzer, memoryBudgetBytes: memoryBudgetBytes, threads: threads, calls: .posix,
      positions: positions, columns: columns, fields: fields, compression: compression, reordering: reordering)
  }

  init(
    directory: String, analyzer: AnalyzerConfiguration, memoryBudgetBytes: Int, threads: Int, calls: SystemCalls,
    positions: Bool = false, columns: [MetadataColumn] = [], fields: IndexFields? = nil,
    compression: StoredFieldCompression? = .zstd, reordering: GraphBisection? = nil
  ) throws {
    self.directory = directory
    self.reordering = reordering
    self.calls = calls
    settings = SegmentSettings(
      positions: positions, columns: columns, fields: fields, compression: compression,
      memoryBudgetBytes: memoryBudgetBytes)
    self.analyzer = analyzer
    _ = try ColumnsBuilder(columns)
    self.threads = threads
    let analyzers = try (0..<max(1, threads)).map { _ in try Analyzer(analyzer) }
    try IndexManifest.refuseOtherKinds(in: directory)
    session = try WriterSession(directory, IndexManifest.self, calls: calls)
    var settings = settings
    // What is read once, in another order, is not worth packing.
    if reordering != nil { settings.compression = nil }
    try closingOnError { _ in
      segment = try SegmentBuilder(
        number: session.takeNumber(), settings, analyzers: analyzers, directory: directory, calls: calls)
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
    try writing { try $0.add(document) }
  }

  /// Adds a document whose postings do not come from its text but with ``finish(appendLists:)``.
  func add(_ document: Document, length: UInt32) throws {
    try writing { try $0.add(document, length: length) }
  }

  /// Merges, writes, and puts the new index in the place of the one before.
  ///
  /// - Throws: `FileError`; the folder is then as it was.
  public func finish() throws -> IndexStatistics { try commit { try $0.finish() } }

  /// Ends an index whose postings do not come from the texts of its documents.
  ///
  /// - Parameter appendLists: Writes the posting lists, in byte order of their terms.
  func finish(appendLists: (inout PostingsWriter) throws -> Void) throws -> IndexStatistics {
    try commit { try $0.finish(appendLists) }
  }

  private func commit(_ write: (SegmentBuilder) throws -> IndexManifest.Segment) throws -> IndexStatistics {
    let statistics = try writing { builder in
      var segment = try write(builder)
      if let reordering {
        let merger = SegmentMerger(
          sources: [SegmentMerger.Source(segment: try LexicalSegment(segment, folder: directory), deletions: nil)],
          settings: settings, directory: directory, calls: calls)
        let reordered = try merger.merge(number: session.takeNumber(), by: reordering, threads: threads)
        segment = reordered.segment
        reorderingReport = reordered.report
      }
      try session.commit(
        IndexManifest(generation: session.lastNumber(), analyzer: analyzer, segments: [segment], statistics: segment.statistics))
      return segment.statistics
    }
    abandon()
    return statistics
  }

  /// Gives up: removes what was written and lets others write into the folder. Without effect after ``finish()``.
  public func abandon() {
    segment = nil
    session.end()
  }

  private func writing<Result>(_ step: (SegmentBuilder) throws -> Result) throws -> Result {
    guard let segment else { throw IndexError.builderClosed(path: directory) }
    return try closingOnError { _ in try step(segment) }
  }
}
