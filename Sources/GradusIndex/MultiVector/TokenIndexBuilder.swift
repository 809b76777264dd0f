import GradusCore
import GradusFormats

/// Builds a late-interaction index: all token vectors of all documents, compressed.
///
///     let builder = try TokenIndexBuilder(creating: "faq.tokens", configuration: configuration)
///     try builder.add(docno: "d1", tokens: vectors)        // [tokens * dimension]
///     try builder.commit()
///
/// Token vectors go to a temporary file as they come, 4 bytes a number; k-means sees a sample of them. The index appears in one
/// step at the end of ``commit(progress:)``; its bytes do not depend on the number of threads. What is built can be changed by
/// ``TokenIndexWriter``. Not for use from several threads at once.
public final class TokenIndexBuilder: SessionWriter {
  public let directory: String
  private let configuration: TokenIndexConfiguration
  let session: WriterSession
  private var spool: AppendFile?
  private let storesDocuments: Bool
  private var segment: TokenSegmentWriter?

  private static let spoolNumber = 1
  /// Tokens that are encoded together.
  private static let piece = 1 << 14

  /// - Parameter storesDocuments: Keep titles, texts and metadata beside the vectors; then only ``add(_:tokens:)`` adds. Columns
  ///   need it.
  /// - Throws: ``VectorIndexError/invalidOption(_:)``, ``VectorIndexError/otherIndex(path:)``,
  ///   ``IndexError/locked(path:pid:)``, `FileError`.
  public convenience init(
    creating directory: String, configuration: TokenIndexConfiguration, storesDocuments: Bool = false
  ) throws {
    try self.init(directory, configuration: configuration, storesDocuments: storesDocuments, calls: .posix)
  }

  init(
    _ directory: String, configuration: TokenIndexConfiguration, storesDocuments: Bool = false, calls: SystemCalls
  ) throws {
    try configuration.validate()
    guard configuration.columns == nil || storesDocuments else {
      throw VectorIndexError.invalidOption("\(directory): columns are made of stored documents; store the documents, too")
    }
    self.directory = directory
    self.configuration = configuration
    self.storesDocuments = storesDocuments
    if TokenIndexManifest.isOtherPresent(in: directory) { throw VectorIndexError.otherIndex(path: directory) }
    session = try WriterSession(directory, TokenIndexManifest.self, calls: calls)
    try closingOnError { folder in
      spool = try AppendFile(path: folder.path(of: IndexFolder.runName(Self.spoolNumber)), calls: calls)
      segment = try TokenSegmentWriter(
        number: session.takeNumber(), configuration: configuration, storesDocuments: storesDocuments, in: folder)
    }
  }

  deinit { abandon() }

  /// Adds a document's token vectors, which are brought to unit length. A document without tokens is never found.
  ///
  /// - Throws: ``VectorIndexError`` and ``IndexError/invalidColumnValue(docno:column:value:expected:)`` for what cannot be, which
  ///   changes nothing; `FileError`, after which the builder is closed.
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
    guard let spool, let segment else { throw IndexError.builderClosed(path: directory) }
    try segment.check(docno: docno, tokens: tokens, document: document)
    let dimension = configuration.dimension
    try closingOnError { _ in
      try segment.list(docno: docno, tokens: tokens.count / dimension, document: document)
      for start in stride(from: 0, to: tokens.count, by: dimension) {
        try Array(tokens[start..<start + dimension]).unitLength.withUnsafeBytes { try spool.append($0) }
      }
    }
  }

  /// Clusters, compresses and writes; closes the builder.
  ///
  /// - Parameter progress: Called with the number of tokens that were compressed since the last call.
  /// - Throws: `FileError`; what was in the folder is then as it was.
  public func commit(progress: (Int) -> Void = { _ in }) throws {
    guard let spool, let segment else { throw IndexError.builderClosed(path: directory) }
    try closingOnError { _ in
      try spool.finishTemporary()
      let spooled = try MappedFile(path: spool.path)
      let codebook = try withExtendedLifetime(spooled) {
        try encode(spooled.bytes.bindMemory(to: Float.self), into: segment, progress)
      }
      let isSampled = segment.tokens > TokenCodebook.levelTokens(dimension: configuration.dimension)
      try session.commit(
        TokenIndexManifest(
          generation: session.lastNumber(), configuration: configuration, centroids: codebook.count,
          clippedShare: isSampled ? segment.clippedShare : nil, segments: [try segment.finish(codebook, isFirst: true)]))
    }
    abandon()
  }

  /// Gives up: removes what was written. Without effect after ``commit(progress:)``.
  public func abandon() {
    spool = nil
    segment = nil
    session.end()
  }

  private func encode(
    _ vectors: UnsafeBufferPointer<Float>, into segment: TokenSegmentWriter, _ progress: (Int) -> Void
  ) throws -> TokenCodebook {
    let codebook = TokenCodebook(vectors, configuration)
    let piece = Self.piece * configuration.dimension
    for start in stride(from: 0, to: vectors.count, by: piece) {
      let part = UnsafeBufferPointer(rebasing: vectors[start..<min(vectors.count, start + piece)])
      try segment.encode(part, codebook)
      progress(part.count / configuration.dimension)
    }
    return codebook
  }
}
