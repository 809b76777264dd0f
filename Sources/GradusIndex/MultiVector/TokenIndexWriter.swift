import GradusCore

/// Adds to and deletes from a late-interaction index that ``TokenIndexBuilder`` made.
///
///     let update = try TokenIndexWriter(updating: "faq.tokens", encoder: fingerprint)
///     try update.delete(docno: "d7")
///     try update.add(docno: "d7", tokens: newVectors)
///     try update.commit()
///
/// What changes becomes visible in one step at ``commit(progress:)``: until then, and when the process is killed or the disk is
/// full, the index stays as it was. New documents make a new segment; deleted ones are marked, and go when
/// ``compact(progress:)`` writes all live documents anew. The scores of documents that are not touched keep their bits.
///
/// Centroids and levels stay those of the documents that the index was built from; ``clippedShare`` says how well they suit what
/// is added. The bytes depend on the calls and their order, not on the number of threads.
///
/// Not for use from several threads at once.
public final class TokenIndexWriter: SessionWriter {
  public let directory: String
  public let configuration: TokenIndexConfiguration
  private let codebook: TokenCodebook
  private let builtClippedShare: Double?
  private let storesDocuments: Bool
  let session: WriterSession
  /// Committed and closed segments.
  private var rows: RowSegments<TokenSegment>
  private var current: TokenSegmentWriter?
  /// Token vectors of `current` that are not encoded yet.
  private var pending: [Float] = []
  private var residualNumbers = 0
  private var clippedNumbers = 0

  /// Tokens that are encoded together.
  private static let piece = 1 << 14

  /// - Parameter encoder: What makes the vectors that will be added.
  /// - Throws: ``VectorIndexError/encoderMismatch(path:found:expected:)``, ``IndexError``, `FileError`.
  public convenience init(updating directory: String, encoder: EncoderFingerprint) throws {
    try self.init(directory, encoder: encoder, calls: .posix)
  }

  init(_ directory: String, encoder: EncoderFingerprint, calls: SystemCalls) throws {
    self.directory = directory
    let (session, manifest) = try WriterSession.updating(directory, TokenIndexManifest.self, calls: calls)
    guard encoder.isCompatible(with: manifest.configuration.encoder) else {
      throw VectorIndexError.encoderMismatch(path: directory, found: encoder, expected: manifest.configuration.encoder)
    }
    let index = try TokenIndex(path: directory)
    configuration = manifest.configuration
    codebook = index.codebook
    builtClippedShare = manifest.clippedShare
    rows = RowSegments(index.segments)
    storesDocuments = index.storesDocuments
    self.session = session
  }

  deinit { abandon() }

  /// The share of the numbers of what was added that lie beyond the outermost levels in which residuals are stored; nil while
  /// nothing was encoded. Complete after the commit.
  ///
  /// Of the documents that the index was built from ``expectedClippedShare`` do. Well above that, what is added lies where there
  /// are no centroids: searches find it less surely, and the index should be built anew.
  public var clippedShare: Double? {
    residualNumbers > 0 ? Double(clippedNumbers) / Double(residualNumbers) : nil
  }

  /// What ``clippedShare`` was when the index was built. Of the tokens that the levels were made of it is `1 / 2^residualBits`:
  /// the outermost levels are the medians of the first and the last of as many equal parts.
  public var expectedClippedShare: Double { builtClippedShare ?? 1 / Double(1 << configuration.residualBits) }

  /// Adds a document's token vectors under a new name; they are brought to unit length.
  ///
  /// After an error of the disk the writer is closed; a refused document changes nothing.
  ///
  /// - Throws: As ``TokenIndexBuilder/add(docno:tokens:)``; ``VectorIndexError/duplicateDocno(_:)``;
  ///   ``VectorIndexError/invalidOption(_:)`` for tokens in an index that has no centroids.
  public func add(docno: String, tokens: [Float]) throws {
    guard !storesDocuments else {
      throw VectorIndexError.invalidOption("\(directory): the index stores documents; add the document with its vectors")
    }
    try add(docno: docno, tokens: tokens, document: nil)
  }

  /// Adds a document's token vectors, and the document itself where the index stores documents.
  public func add(_ document: Document, tokens: [Float]) throws {
    try add(docno: document.docno, tokens: tokens, document: storesDocuments ? document : nil)
  }

  private func add(docno: String, tokens: [Float], document: Document?) throws {
    try session.openFolder()
    guard codebook.count > 0 || tokens.isEmpty else {
      throw VectorIndexError.invalidOption("\(directory): was built without any token, so it has no centroids; build it anew")
    }
    if try contains(docno: docno) { throw VectorIndexError.duplicateDocno(docno) }
    let segment = try closingOnError { try current ?? newSegment($0) }
    current = segment
    let dimension = configuration.dimension
    try segment.check(docno: docno, tokens: tokens, document: document)
    try closingOnError { _ in
      try segment.list(docno: docno, tokens: tokens.count / dimension, document: document)
      for start in stride(from: 0, to: tokens.count, by: dimension) {
        pending += Array(tokens[start..<start + dimension]).unitLength
      }
      if pending.count >= Self.piece * dimension { try encodePending() }
    }
  }

  /// Whether a document of that name is in the index or was added since, and not deleted.
  public func contains(docno: String) throws -> Bool {
    if current?.contains(docno: docno) ?? false { return true }
    return try rows.contains(docno: docno)
  }

  /// Deletes a document; it is left out of results from the commit on.
  ///
  /// - Throws: ``VectorIndexError/unknownDocno(_:)``; `FileError`, after which the writer is closed.
  public func delete(docno: String) throws {
    try session.openFolder()
    // What this writer added is marked as what was there before.
    if current?.contains(docno: docno) ?? false { try closingOnError { _ in try closeSegment() } }
    guard try rows.delete(docno: docno) else { throw VectorIndexError.unknownDocno(docno) }
  }

  /// Makes all changes visible in one step, and closes the writer.
  ///
  /// - Throws: `FileError`; the index is then as it was.
  public func commit() throws {
    try closingOnError { _ in
      try closeSegment()
      try finish(rows.writeDeletions(session))
    }
  }

  /// Writes all live documents anew as one segment, token for token as they are stored, and closes the writer.
  ///
  /// - Parameter progress: Called with the number of tokens that were written since the last call.
  /// - Throws: `FileError`, ``IndexError``; the index is then as it was.
  public func compact(progress: (Int) -> Void = { _ in }) throws {
    try closingOnError { folder in
      try closeSegment()
      let writer = try newSegment(folder)
      for part in rows.parts {
        let segment = part.segment
        for row in part.liveRows {
          let document = storesDocuments ? try segment.document(row) : nil
          try writer.list(docno: try segment.docnos.docno(row), tokens: segment.tokens(of: row), document: document)
          try writer.copy(row, of: segment)
          progress(segment.tokens(of: row))
        }
      }
      try finish([writer.finish(codebook, isFirst: true)])
    }
  }

  /// Gives up: removes what was written. Without effect after ``commit()`` and ``compact(progress:)``.
  public func abandon() {
    current = nil
    pending = []
    session.end()
  }

  // MARK: - Steps

  private func newSegment(_ folder: IndexFolder) throws -> TokenSegmentWriter {
    try TokenSegmentWriter(
      number: session.takeNumber(), configuration: configuration, storesDocuments: storesDocuments, in: folder)
  }

  private func encodePending() throws {
    guard let current, !pending.isEmpty else { return }
    try pending.withUnsafeBufferPointer { try current.encode($0, codebook) }
    pending.removeAll(keepingCapacity: true)
  }

  private func closeSegment() throws {
    try encodePending()
    guard let writer = current else { return }
    current = nil
    // Begun for a document that was refused: what it wrote goes with the commit.
    guard writer.count > 0 else { return }
    residualNumbers += writer.residualNumbers
    clippedNumbers += writer.clippedNumbers
    rows.append(
      try TokenSegment(
        folder: directory, try writer.finish(codebook, isFirst: false), configuration, centroids: codebook.count,
        firstDocument: rows.count))
  }

  private func finish(_ segments: [TokenIndexManifest.Segment]) throws {
    try session.commit(
      TokenIndexManifest(
        generation: session.lastNumber(), configuration: configuration, centroids: codebook.count,
        clippedShare: builtClippedShare, segments: segments))
    session.end()
  }
}
