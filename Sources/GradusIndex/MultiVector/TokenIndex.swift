import GradusCore

/// A late-interaction index, opened for reading.
///
///     let index = try TokenIndex(path: "faq.tokens")
///     let result = try index.search(queryTokens, k: 10)
///
/// Mapped, not read; all methods may be called from several threads at once, with the same bits for any number of them. An open
/// index goes on showing the documents as they were, also when a ``TokenIndexWriter`` adds or deletes. Scores and results do
/// not depend on how the documents lie in segments.
public final class TokenIndex: Sendable {
  public let path: String
  public let configuration: TokenIndexConfiguration
  /// Token vectors of the documents that can be found.
  public let tokenCount: Int
  let segments: [TokenSegment]
  let codebook: TokenCodebook

  /// Opens an index and checks manifest, versions, sizes, bounds, and the checksums of all but the tokens themselves, which are
  /// checked for sense while they are used; ``verify()`` finds damage there for certain.
  ///
  /// - Throws: ``IndexError``; `FileError` where a file is missing or cannot be read.
  public init(path: String) throws {
    self.path = path
    let (manifest, segments) = try TokenIndexManifest.open(folder: path) { manifest in
      var first = 0
      return try manifest.segments.map { segment in
        defer { first += segment.count }
        return try TokenSegment(
          folder: path, segment, manifest.configuration, centroids: manifest.centroids, firstDocument: first)
      }
    }
    configuration = manifest.configuration
    self.segments = segments
    codebook = try segments[0].codebook(centroids: manifest.centroids)
    tokenCount = segments.reduce(0) { $0 + $1.liveTokens }
  }

  /// Reads every byte and compares all checksums.
  public func verify() throws {
    for segment in segments { try segment.verify() }
  }

  /// Whether a folder holds a late-interaction index, of any version.
  public static func isPresent(at path: String) -> Bool { TokenIndexManifest.isPresent(in: path) }

  // MARK: - Documents

  /// Documents that can be found: deleted ones are not counted.
  public var count: Int { segments.reduce(0) { $0 + $1.liveCount } }
  /// Deleted documents whose tokens are still in the files.
  public var deletedCount: Int { segments.reduce(0) { $0 + $1.manifest.deletedCount } }
  public var segmentCount: Int { segments.count }
  public var centroidCount: Int { codebook.count }
  /// Numbers of documents, those of deleted ones included: what a filter is a set of.
  public var numberCount: Int { segments[segments.count - 1].end }
  /// Metadata that the index holds by column.
  public var columns: [MetadataColumn] { configuration.columns ?? [] }
  /// Whether titles and texts lie beside the vectors.
  public var storesDocuments: Bool { segments.allSatisfy(\.storesDocuments) }

  /// The stored document, or nil where there is none of that name or texts are not stored.
  public func document(docno: String) throws -> Document? {
    try segments.place(of: docno).flatMap { try $0.segment.document($0.row) }
  }

  /// Token vectors of a document, or nil where there is none of that name. O(log n).
  public func tokenCount(docno: String) throws -> Int? {
    try segments.place(of: docno).map { $0.segment.tokens(of: $0.row) }
  }

  /// The decompressed token vectors of a document, or nil where there is none of that name.
  public func tokens(docno: String) throws -> [Float]? {
    guard let (segment, row) = try segments.place(of: docno) else { return nil }
    var vectors = [Float](repeating: 0, count: segment.tokens(of: row) * configuration.dimension)
    try vectors.withUnsafeMutableBufferPointer { try segment.decompress(row, codebook, into: $0) }
    return vectors
  }

  /// Where the document of a number lies.
  func place(of document: UInt32) -> (segment: TokenSegment, row: Int) {
    var number = segments.count - 1
    while Int(document) < segments[number].firstDocument { number -= 1 }
    return (segments[number], Int(document) - segments[number].firstDocument)
  }
}
