import GradusCore
import GradusText

/// Adds documents to an index, replaces and deletes them, and merges its segments.
///
///     let writer = try IndexWriter(updating: "idx")
///     try writer.add(Document(docno: "d9", text: "a new document"))
///     try writer.update(Document(docno: "d1", text: "other words"))
///     try writer.delete(docno: "d2")
///     try writer.commit()
///
/// An index is made by ``IndexBuilder``, also an empty one. Changes become visible in one step at ``commit()``: until then, and
/// when the process is killed, the power fails or the disk is full, the index stays as it was at the last commit. Open indexes
/// go on showing what they show; nobody waits for anybody. One writer or builder writes into a folder at a time, and another is
/// refused with the number of the first one's process; a lock of a process that is gone does not count.
///
/// What is added between two commits makes a new segment; deleted documents are marked. Segments are merged by ``merge(_:)``, all
/// into one by ``optimize(reordering:)``, and by a thread in the background where ``mergesInBackground`` is set. Searches give
/// the same bits however the documents came, and after a merge of all segments the files have the bytes (but for their names) of
/// an index that was built at once.
///
/// A document that is refused changes nothing; after an error of the disk the writer is closed. Not for use from several threads
/// at once.
public final class IndexWriter: SessionWriter {
  public let directory: String
  /// What documents are analysed with: as the index was built.
  public let analyzer: AnalyzerConfiguration
  /// Whether each commit starts a merge that ``mergePolicy`` asks for, on another thread. It becomes visible with the commit
  /// after its end, or by ``waitForMerges()``.
  public var mergesInBackground = false
  public var mergePolicy = MergePolicy()
  /// What ended a merge in the background; no other is begun after it. The index and its changes are not touched by it.
  public private(set) var mergeError: (any Error)?

  /// What the order of the documents saved, after ``optimize(reordering:)`` with one.
  public private(set) var reorderingReport: ReorderingReport?

  private let settings: SegmentSettings
  private let analyzers: [Analyzer]
  private let calls: SystemCalls
  let session: WriterSession
  private var list: SegmentList
  private var committed: IndexManifest
  private var current: SegmentBuilder?
  /// Documents that were deleted before the segment they are in was closed.
  private var deletedInCurrent: Set<Int> = []
  private var background: BackgroundMerge?

  /// Opens an index to change it. The folder must hold one; what writers that were killed have left there is removed.
  ///
  /// - Parameters:
  ///   - memoryBudgetBytes: For postings in memory, before they go to temporary files.
  ///   - threads: For analysis; at most as many as `WorkerPool.shared` has take part.
  ///   - compression: Of the texts of new and merged segments.
  /// - Throws: ``IndexError/locked(path:pid:)``, ``IndexError/readOnly(path:)``, ``IndexError/otherKind(path:)``, what
  ///   ``InvertedIndex/init(path:)`` throws.
  public convenience init(
    updating directory: String, memoryBudgetBytes: Int = 512 << 20, threads: Int = WorkerPool.shared.threads,
    compression: StoredFieldCompression? = .zstd
  ) throws {
    try self.init(
      directory, memoryBudgetBytes: memoryBudgetBytes, threads: threads, compression: compression, calls: .posix)
  }

  init(
    _ directory: String, memoryBudgetBytes: Int = 512 << 20, threads: Int = 2, compression: StoredFieldCompression? = .zstd,
    calls: SystemCalls
  ) throws {
    self.directory = directory
    self.calls = calls
    try IndexManifest.refuseOtherKinds(in: directory)
    let (session, manifest) = try WriterSession.updating(directory, IndexManifest.self, calls: calls)
    let index = try InvertedIndex(path: directory)
    committed = manifest
    analyzer = manifest.analyzer
    analyzers = try (0..<max(1, threads)).map { _ in try Analyzer(manifest.analyzer) }
    settings = SegmentSettings(
      positions: index.hasPositions, columns: index.columns, fields: index.fields, compression: compression,
      memoryBudgetBytes: memoryBudgetBytes)
    list = SegmentList(
      parts: zip(manifest.segments, index.segments).map { SegmentList.Part($0, $1.segment, $1.deletions, isCounted: true) },
      terms: manifest.statistics.terms)
    self.session = session
  }

  deinit { close() }

  /// Whether the index knows where words stand.
  public var hasPositions: Bool { settings.positions }

  /// Metadata that the index can be filtered by.
  public var columns: [MetadataColumn] { settings.columns }

  /// Fields that ``BM25F`` can weigh; nil where the index was built without.
  public var fields: IndexFields? { settings.fields }

  /// Counts of the index as of the last commit.
  public var statistics: IndexStatistics { committed.statistics }

  /// Segments of the index as of the last commit.
  public var segmentCount: Int { committed.segments.count }

  // MARK: - Changes

  /// Adds a document under a name that is not in the index.
  ///
  /// - Throws: ``IndexError/documentExists(_:)``; ``IndexError/duplicateDocno(_:firstPosition:position:)`` for a name that was
  ///   added since the last commit, where positions count the documents added since then;
  ///   ``IndexError/invalidDocno(_:position:)``, ``IndexError/invalidColumnValue(docno:column:value:expected:)``, `FileError`.
  public func add(_ document: Document) throws {
    try session.openFolder()
    for part in list.parts where try part.document(named: document.docno) != nil {
      throw IndexError.documentExists(document.docno)
    }
    if let doc = current?.document(named: document.docno), deletedInCurrent.contains(doc) {
      // A segment cannot hold a name twice: what was deleted from it comes back in another one.
      try closingOnError { _ in try closeSegment() }
    }
    try closingOnError(butNot: [IndexError.self]) { _ in
      let builder = try current ?? SegmentBuilder(
        number: session.takeNumber(), settings, analyzers: analyzers, directory: directory, calls: calls)
      current = builder
      try builder.add(document)
    }
  }

  /// Adds a document, in the place of the one of its name where there is one. It comes after all others.
  ///
  /// - Returns: Whether there was one.
  @discardableResult
  public func update(_ document: Document) throws -> Bool {
    let isKnown = try contains(docno: document.docno)
    guard isKnown else {
      try add(document)
      return false
    }
    // A document that is refused must not take the old one with it.
    try SegmentBuilder.check(
      document, position: (current?.count ?? 0) + 1, directory: directory, fields: settings.fields)
    var columns = try ColumnsBuilder(settings.columns)
    try columns.append(document)
    try delete(docno: document.docno)
    try add(document)
    return true
  }

  /// Deletes a document.
  ///
  /// - Throws: ``IndexError/unknownDocno(_:)``.
  public func delete(docno: String) throws {
    try session.openFolder()
    if let doc = current?.document(named: docno), deletedInCurrent.insert(doc).inserted { return }
    for number in list.parts.indices {
      guard let doc = try list.parts[number].document(named: docno) else { continue }
      list.parts[number].delete(doc)
      return
    }
    throw IndexError.unknownDocno(docno)
  }

  /// Whether a document of that name is in the index or was added since the last commit, and not deleted.
  public func contains(docno: String) throws -> Bool {
    if let doc = current?.document(named: docno), !deletedInCurrent.contains(doc) { return true }
    for part in list.parts where try part.document(named: docno) != nil { return true }
    return false
  }

  // MARK: - Commits

  /// Makes all changes visible in one step.
  ///
  /// - Returns: Counts of the documents that the index then has.
  /// - Throws: `FileError`; the index is then as it was.
  @discardableResult
  public func commit() throws -> IndexStatistics {
    try closingOnError { folder in
      try closeSegment()
      try list.count()
      if let background, background.isFinished { adopt(background) }
      try writeCommit(folder)
      startMerge()
    }
    return committed.statistics
  }

  /// Merges neighbouring segments where a policy asks for it, and commits, with all changes made before.
  ///
  /// - Returns: How many merges there were.
  /// - Throws: `FileError`; the index is then as it was.
  @discardableResult
  public func merge(_ policy: MergePolicy? = nil) throws -> Int {
    var merges = 0
    try closingOnError { folder in
      try prepareMerge()
      while let range = (policy ?? mergePolicy).selection(list.parts.map(\.size)) {
        try merge(range)
        merges += 1
      }
      try writeCommit(folder)
    }
    return merges
  }

  /// Merges all segments into one without deleted documents, and commits, with all changes made before.
  ///
  /// - Parameter reordering: Puts the documents in another order, as ``IndexBuilder`` does; also where there is one segment only.
  ///   Without, they stay in the order that they have, and what is added later comes after them.
  /// - Throws: `FileError`; the index is then as it was.
  @discardableResult
  public func optimize(reordering: GraphBisection? = nil) throws -> IndexStatistics {
    try closingOnError { folder in
      try prepareMerge()
      if list.parts.count > 1 || reordering != nil || list.parts.contains(where: { $0.deletions != nil }) {
        try merge(0..<list.parts.count, reordering: reordering)
      }
      try writeCommit(folder)
    }
    return committed.statistics
  }

  /// Waits for merges in the background, until the policy asks for no more, and commits, with all changes made before.
  ///
  /// - Throws: ``mergeError`` where there was one; `FileError` as ``commit()``.
  public func waitForMerges() throws {
    try closingOnError { folder in
      while let background {
        try closeSegment()
        try list.count()
        adopt(background)
        try writeCommit(folder)
        startMerge()
      }
    }
    if let mergeError { throw mergeError }
  }

  /// Gives up what was not committed and lets others write into the folder.
  public func close() {
    background?.wait()
    background = nil
    current = nil
    session.end()
  }

  func abandon() { close() }

  // MARK: - Parts of a commit

  /// Writes the documents that were added since the last segment was begun.
  private func closeSegment() throws {
    guard let builder = current else { return }
    current = nil
    let deleted = deletedInCurrent
    deletedInCurrent = []
    // Where all were refused there is nothing to write.
    guard builder.count > 0 else { return }
    let manifest = try builder.finish()
    var part = SegmentList.Part(manifest, try LexicalSegment(manifest, folder: directory), isCounted: false)
    for doc in deleted { part.delete(doc) }
    list.parts.append(part)
  }

  private func prepareMerge() throws {
    try closeSegment()
    try list.count()
    if let background { adopt(background) }
  }

  private func merge(_ range: Range<Int>, reordering: GraphBisection? = nil) throws {
    let merger = SegmentMerger(
      sources: list.parts[range].map(\.source), settings: settings, directory: directory, calls: calls)
    let manifest: IndexManifest.Segment
    if let reordering {
      let reordered = try merger.merge(number: session.takeNumber(), by: reordering, threads: analyzers.count)
      manifest = reordered.segment
      reorderingReport = reordered.report
    } else {
      manifest = try merger.merge(number: session.takeNumber())
    }
    try list.replace(merger.sources, by: manifest, LexicalSegment(manifest, folder: directory))
  }

  /// Waits for a merge and takes its segment in; where it failed, all stays as it is.
  private func adopt(_ merge: BackgroundMerge) {
    background = nil
    do {
      let manifest = try merge.result()
      try list.replace(merge.merger.sources, by: manifest, LexicalSegment(manifest, folder: directory))
    } catch {
      mergeError = error
    }
    session.folder?.release(merge.number)
  }

  private func startMerge() {
    guard mergesInBackground, mergeError == nil, background == nil, let folder = session.folder,
      let range = mergePolicy.selection(list.parts.map(\.size))
    else { return }
    let merger = SegmentMerger(
      sources: list.parts[range].map(\.source), settings: settings, directory: directory, calls: calls)
    let number = session.takeNumber()
    folder.reserve(number)
    background = BackgroundMerge(merger, number: number)
    if background == nil { folder.release(number) }
  }

  /// Lists the segments as they are now, if anything changed.
  private func writeCommit(_ folder: IndexFolder) throws {
    removeEmptySegments()
    for number in list.parts.indices {
      try list.parts[number].writeDeletions(to: directory, number: session.takeNumber, calls: calls)
    }
    let segments = list.parts.map(\.manifest)
    guard segments != committed.segments else { return }
    // Every commit has a number of its own.
    let manifest = IndexManifest(
      generation: session.takeNumber(), analyzer: analyzer, segments: segments, statistics: list.statistics)
    try folder.commit(manifest)
    committed = manifest
  }

  /// Leaves out segments without live documents, but for those that are being merged, and for one where there is no other.
  private func removeEmptySegments() {
    let merging = background?.merger.sources.map(\.segment) ?? []
    let kept = list.parts.filter { part in part.live.count > 0 || merging.contains { $0 === part.segment } }
    list.parts = kept.isEmpty ? Array(list.parts.prefix(1)) : kept
  }
}
