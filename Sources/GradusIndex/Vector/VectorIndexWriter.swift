import CGradusKernels
import GradusCore

/// Makes a vector index, or adds to and deletes from one.
///
///     let writer = try VectorIndexWriter(creating: "faq.vectors", configuration: configuration)
///     for (document, vector) in zip(documents, vectors) { try writer.add(docno: document.docno, vector: vector) }
///     try writer.commit()
///
///     let update = try VectorIndexWriter(updating: "faq.vectors", encoder: fingerprint)
///     try update.delete(docno: "d7")
///     try update.add(docno: "d7", vector: newVector)
///     try update.commit()
///
/// What changes becomes visible in one step at ``commit()``: until then, and when the process is killed or the disk is full, the
/// index stays as it was. New vectors make a new segment; deleted ones are marked, and go when ``compact()`` writes all live
/// vectors anew. The bytes of the index depend on the calls and their order, not on `threads`.
///
/// Memory: vectors go to the disk as they come. A graph needs, for each vector of its segment, its code and `16 M` bytes and
/// some; at `memoryBudgetBytes` a segment is closed and another begun, so that searches have one graph more to walk.
///
/// Not for use from several threads at once.
public final class VectorIndexWriter: SessionWriter {
  public let directory: String
  public let configuration: VectorIndexConfiguration
  private let storesDocuments: Bool
  private let memoryBudget: Int
  private let threads: Int
  let session: WriterSession
  /// Committed and closed segments.
  private var rows: RowSegments<VectorSegment>
  private var current: VectorSegmentWriter?
  /// Of no documents: what refuses metadata before anything is written.
  private let columns: ColumnsBuilder
  private var progress: (Int) -> Void = { _ in }

  /// Begins a new index, which takes the place of a vector index that is there.
  ///
  /// - Parameter storesDocuments: Keep titles, texts and metadata beside the vectors; then only ``add(_:vector:)`` adds. Columns
  ///   need it.
  /// - Throws: ``VectorIndexError/invalidOption(_:)``, ``VectorIndexError/otherIndex(path:)``,
  ///   ``IndexError/locked(path:pid:)``, `FileError`.
  public convenience init(
    creating directory: String, configuration: VectorIndexConfiguration, storesDocuments: Bool = false,
    memoryBudgetBytes: Int = 4 << 30, threads: Int = WorkerPool.shared.threads
  ) throws {
    try self.init(
      directory, configuration: configuration, encoder: nil, storesDocuments: storesDocuments, memoryBudget: memoryBudgetBytes,
      threads: threads, calls: .posix)
  }

  /// Opens an index to add and delete.
  ///
  /// - Parameter encoder: What makes the vectors that will be added.
  /// - Throws: ``VectorIndexError/encoderMismatch(path:found:expected:)``, ``IndexError``, `FileError`.
  public convenience init(
    updating directory: String, encoder: EncoderFingerprint, memoryBudgetBytes: Int = 4 << 30,
    threads: Int = WorkerPool.shared.threads
  ) throws {
    try self.init(
      directory, configuration: nil, encoder: encoder, storesDocuments: nil, memoryBudget: memoryBudgetBytes, threads: threads,
      calls: .posix)
  }

  /// - Parameter configuration: Nil to update what is there.
  init(
    _ directory: String, configuration: VectorIndexConfiguration?, encoder: EncoderFingerprint?, storesDocuments: Bool?,
    memoryBudget: Int, threads: Int, calls: SystemCalls
  ) throws {
    self.directory = directory
    self.memoryBudget = memoryBudget
    self.threads = threads
    try configuration?.validate()
    guard configuration?.columns == nil || storesDocuments == true else {
      throw VectorIndexError.invalidOption("\(directory): columns are made of stored documents; store the documents, too")
    }
    if VectorIndexManifest.isOtherPresent(in: directory) { throw VectorIndexError.otherIndex(path: directory) }
    if let configuration {
      session = try WriterSession(directory, VectorIndexManifest.self, calls: calls)
      self.configuration = configuration
      self.storesDocuments = storesDocuments ?? false
      rows = RowSegments([])
    } else {
      let (session, manifest) = try WriterSession.updating(directory, VectorIndexManifest.self, calls: calls)
      self.session = session
      self.configuration = manifest.configuration
      if let encoder, !encoder.isCompatible(with: manifest.configuration.encoder) {
        throw VectorIndexError.encoderMismatch(path: directory, found: encoder, expected: manifest.configuration.encoder)
      }
      let segments = try VectorIndex(path: directory).segments
      rows = RowSegments(segments)
      self.storesDocuments = storesDocuments ?? segments.contains(where: \.storesDocuments)
    }
    columns = try ColumnsBuilder(self.configuration.columns ?? [])
  }

  deinit { abandon() }

  /// Adds a vector under a new name.
  ///
  /// After an error of the disk the writer is closed; a refused vector changes nothing.
  ///
  /// - Throws: ``VectorIndexError`` for the vector, ``IndexError/invalidDocno(_:position:)``,
  ///   ``IndexError/invalidColumnValue(docno:column:value:expected:)``, `FileError`.
  public func add(docno: String, vector: [Float]) throws {
    guard !storesDocuments else {
      throw VectorIndexError.invalidOption("\(directory): the index stores documents; add the document with its vector")
    }
    try add(docno: docno, vector: vector, document: nil)
  }

  /// Adds a document's vector, and the document itself where the index stores documents.
  public func add(_ document: Document, vector: [Float]) throws {
    try add(docno: document.docno, vector: vector, document: storesDocuments ? document : nil)
  }

  private func add(docno: String, vector: [Float], document: Document?) throws {
    try session.openFolder()
    try check(docno: docno, vector)
    if let document { try columns.check(document) }
    if try contains(docno: docno) { throw VectorIndexError.duplicateDocno(docno) }
    try closingOnError { folder in
      let segment = try currentSegment(folder)
      let stored = configuration.metric == .cosine ? vector.unitLength : vector
      let isNew = try stored.withUnsafeBufferPointer { try segment.add(docno: docno, vector: $0, document: document) }
      // The one name that a segment cannot take again: deleted and added since the segment was begun.
      if !isNew {
        try closeSegment()
        try add(docno: docno, vector: vector, document: document)
      } else if segment.memory > memoryBudget || segment.count == VectorSegmentWriter.largestCount {
        try closeSegment()
      }
    }
  }

  private func check(docno: String, _ vector: [Float]) throws {
    try IndexError.requireValid(docno: docno, position: rows.count + (current?.count ?? 0) + 1)
    guard vector.count == configuration.dimension else {
      throw VectorIndexError.wrongDimension(docno: docno, found: vector.count, expected: configuration.dimension)
    }
    if let position = vector.firstIndex(where: { !$0.isFinite }) {
      throw VectorIndexError.notFinite(docno: docno, position: position)
    }
    // A quarter of the range, so that squared distances fit too.
    let squares = vector.reduce(0.0) { $0 + Double($1) * Double($1) }
    guard squares < Double(Float.greatestFiniteMagnitude) / 4 else { throw VectorIndexError.tooLong(docno: docno) }
  }

  /// Whether a document of that name is in the index or was added since, and not deleted.
  public func contains(docno: String) throws -> Bool {
    if current?.contains(docno: docno) ?? false { return true }
    return try rows.contains(docno: docno)
  }

  /// Deletes a document; its vector is left out of results from the commit on.
  ///
  /// - Throws: ``VectorIndexError/unknownDocno(_:)``.
  public func delete(docno: String) throws {
    try session.openFolder()
    if let current, current.delete(docno: docno) { return }
    guard try rows.delete(docno: docno) else { throw VectorIndexError.unknownDocno(docno) }
  }

  /// Makes all changes visible in one step, and closes the writer.
  ///
  /// - Parameter progress: Called with the number of vectors that were put into a graph since the last call.
  /// - Throws: `FileError`; the index is then as it was.
  public func commit(progress: @escaping (Int) -> Void = { _ in }) throws {
    self.progress = progress
    try closingOnError { _ in
      try closeSegment()
      try finish(rows.writeDeletions(session))
    }
  }

  /// Writes all live vectors anew as one segment (more where the memory budget asks for it), and closes the writer.
  ///
  /// Vectors are taken as they are stored: with a float32 index nothing is lost, with the others rounding happened once.
  ///
  /// - Throws: `FileError`, ``IndexError``; the index is then as it was.
  public func compact(progress: @escaping (Int) -> Void = { _ in }) throws {
    self.progress = progress
    try closingOnError { folder in
      try closeSegment()
      let old = rows.parts
      rows = RowSegments([])
      for part in old {
        let segment = part.segment
        for row in part.liveRows.sorted(by: { segment.docIndex($0) < segment.docIndex($1) }) {
          let writer = try currentSegment(folder)
          let document = storesDocuments ? try segment.document(row) : nil
          _ = try segment.vector(row).withUnsafeBufferPointer {
            try writer.add(docno: try segment.docnos.docno(row), vector: $0, document: document)
          }
          if writer.memory > memoryBudget { try closeSegment() }
        }
      }
      try closeSegment()
      try finish(rows.writeDeletions(session))
    }
  }

  /// Gives up: removes what was written. Without effect after ``commit()`` and ``compact()``.
  public func abandon() {
    current = nil
    session.end()
  }

  private func finish(_ segments: [VectorIndexManifest.Segment]) throws {
    try session.commit(
      VectorIndexManifest(generation: session.lastNumber(), configuration: configuration, segments: segments))
    session.end()
  }

  private func currentSegment(_ folder: IndexFolder) throws -> VectorSegmentWriter {
    let segment = try current ?? VectorSegmentWriter(
      number: session.takeNumber(), configuration: configuration, storesDocuments: storesDocuments, in: folder)
    current = segment
    return segment
  }

  private func closeSegment() throws {
    guard let writer = current else { return }
    current = nil
    let segment = try writer.finish(threads: threads, deletionsNumber: session.takeNumber, progress: progress)
    rows.append(
      try VectorSegment(
        folder: directory, segment, configuration, firstDocument: rows.count, residency: .mapped))
  }
}
