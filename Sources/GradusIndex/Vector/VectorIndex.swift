import CGradusKernels
import GradusCore

/// Vectors that can be searched: the folder of a vector index, opened for reading.
///
///     let index = try VectorIndex(path: "faq.vectors")
///     let result = try index.search(queryVector, k: 10, options: VectorSearchOptions(efSearch: 64))
///     for hit in result.documents { print(hit.docno, hit.score) }
///
/// The files are mapped, not read. An open index goes on showing the vectors as they were, also when a writer adds or deletes.
/// All methods may be called from several threads at once; results have the same bits for any number of threads, and on any
/// instruction set. Scores are those of the query in full precision against the vectors as they are stored.
public final class VectorIndex: Sendable, VectorsByDocno {
  public let path: String
  public let configuration: VectorIndexConfiguration
  let segments: [VectorSegment]
  let generation: Int

  /// Opens an index and checks manifest, versions, sizes, bounds, and the checksums of all but the vectors and links themselves.
  ///
  /// Links are checked while they are followed: damage there ends in an error or in a worse result; ``verify()`` finds it for
  /// certain.
  ///
  /// - Throws: ``IndexError``; `FileError` where a file is missing or cannot be read.
  public init(path: String, residency: VectorResidency = .mapped) throws {
    self.path = path
    let (manifest, segments) = try VectorIndexManifest.open(folder: path) { manifest in
      var first = 0
      return try manifest.segments.map { segment in
        defer { first += segment.count }
        return try VectorSegment(
          folder: path, segment, manifest.configuration, firstDocument: first, residency: residency)
      }
    }
    configuration = manifest.configuration
    generation = manifest.generation
    self.segments = segments
  }

  /// Whether a folder holds a vector index, of any version.
  public static func isPresent(at path: String) -> Bool { VectorIndexManifest.isPresent(in: path) }

  /// Reads every byte and compares all checksums.
  ///
  /// - Throws: ``IndexError/checksumMismatch(path:section:)`` for the first section that does not fit.
  public func verify() throws {
    for segment in segments { try segment.verify() }
  }

  // MARK: - Documents

  /// Documents that can be found: deleted ones are not counted.
  public var count: Int { segments.reduce(0) { $0 + $1.liveCount } }
  /// Deleted documents whose vectors are still in the files.
  public var deletedCount: Int { segments.reduce(0) { $0 + $1.manifest.deletedCount } }
  public var segmentCount: Int { segments.count }
  public var hasGraph: Bool { configuration.graph != nil }
  /// Metadata that the index holds by column.
  public var columns: [MetadataColumn] { configuration.columns ?? [] }
  /// Whether titles and texts lie beside the vectors.
  public var storesDocuments: Bool { !segments.isEmpty && segments.allSatisfy(\.storesDocuments) }
  public var dimension: Int { configuration.dimension }
  public var metric: VectorMetric { configuration.metric }
  public var encoder: EncoderFingerprint? { configuration.encoder }
  public var scoreKind: ScoreKind { metric.scoreKind }

  /// The vector of a document as it is stored: for cosines at unit length, rounded as the encoding has it. O(log n).
  public func vector(docno: String) throws -> [Float]? {
    try segments.place(of: docno).map { $0.segment.vector($0.row) }
  }

  /// The stored document, or nil where there is none of that name or texts are not stored.
  public func document(docno: String) throws -> Document? {
    try segments.place(of: docno).flatMap { try $0.segment.document($0.row) }
  }

  /// Docnos and vectors of all live documents, in the order in which they were added.
  public func forEachVector(_ body: (String, [Float]) throws -> Void) throws {
    for segment in segments {
      let rows = (0..<segment.count).filter(segment.isLive).sorted { segment.docIndex($0) < segment.docIndex($1) }
      for row in rows { try body(try segment.docnos.docno(row), segment.vector(row)) }
    }
  }

  /// The score of a document for a query, or nil where there is no such document: what a re-ranker needs.
  ///
  /// - Throws: as ``search(_:k:options:filter:)``.
  public func score(_ query: [Float], docno: String) throws -> Double? {
    let query = try prepared(query)
    return try segments.place(of: docno).map { Double($0.segment.scores(of: [UInt32($0.row)], query: query)[0]) }
  }

  // MARK: - Filters

  /// Allows the documents of these names; names that the index does not have are left out. O(names log n).
  public func filter(docnos: some Sequence<String>) throws -> VectorFilter {
    var sets = segments.map { DocumentSet(documents: $0.count) }
    for docno in docnos {
      for (number, segment) in segments.enumerated() {
        if let row = try segment.row(docno: docno) { sets[number].insert(row) }
      }
    }
    return filter(sets)
  }

  /// Allows documents by number. O(documents in the index).
  public func filter(documents: Set<DocIndex>) -> VectorFilter {
    filter(segments.map { segment in
      var set = DocumentSet(documents: segment.count)
      for row in 0..<segment.count where segment.isLive(row) && documents.contains(segment.docIndex(row)) { set.insert(row) }
      return set
    })
  }

  /// Allows the documents whose name passes. O(documents in the index).
  public func filter(where isAllowed: (String) throws -> Bool) throws -> VectorFilter {
    filter(try segments.map { segment in
      var set = DocumentSet(documents: segment.count)
      for row in 0..<segment.count where segment.isLive(row) {
        if try isAllowed(try segment.docnos.docno(row)) { set.insert(row) }
      }
      return set
    })
  }

  func filter(_ rows: [DocumentSet]) -> VectorFilter {
    VectorFilter(generation: generation, path: path, rows: rows, counts: rows.map(\.count))
  }

  // MARK: - Search

  /// The best `k` documents for a query vector; fewer where fewer are there or allowed.
  ///
  /// - Throws: ``VectorIndexError/wrongQueryDimension(found:expected:)``, ``VectorIndexError/queryNotFinite(position:)``,
  ///   ``VectorIndexError/foreignFilter``, ``VectorIndexError/invalidOption(_:)``; ``IndexError`` for damage met on the way.
  public func search(
    _ vector: [Float], k: Int, options: VectorSearchOptions = VectorSearchOptions(), filter: VectorFilter? = nil
  ) throws -> VectorSearchResult {
    guard options.efSearch >= 1 else {
      throw VectorIndexError.invalidOption("efSearch must be at least 1, found \(options.efSearch)")
    }
    if let filter, filter.generation != generation || filter.path != path { throw VectorIndexError.foreignFilter }
    let query = try prepared(vector)
    var documents: [ScoredDocument] = []
    var methods: [VectorSearchMethod] = []
    var scored = 0
    for (number, segment) in segments.enumerated() {
      let hits = try segment.search(
        query, k: k, options: options, allowed: filter?.rows[number] ?? segment.liveRows,
        allowedCount: filter?.counts[number] ?? segment.liveCount)
      methods.append(hits.method)
      scored += hits.scored
      for hit in hits.rows {
        documents.append(ScoredDocument(docno: try segment.docnos.docno(hit.row), score: Double(hit.score)))
      }
    }
    if segments.count > 1 {
      documents.sort(by: ScoredDocument.precedes)
      documents.removeSubrange(min(max(0, k), documents.count)...)
    }
    return VectorSearchResult(documents: documents, methods: methods, scoredVectors: scored)
  }

  /// Answers several queries, on several threads.
  public func search(
    _ vectors: [[Float]], k: Int, options: VectorSearchOptions = VectorSearchOptions(), filter: VectorFilter? = nil
  ) throws -> [VectorSearchResult] {
    var results = [Result<VectorSearchResult, any Error>?](repeating: nil, count: vectors.count)
    results.withUnsafeMutableBufferPointer { slots in
      nonisolated(unsafe) let slots = slots
      // Pieces of some queries, so that handing them out costs nothing beside the searches.
      WorkerPool.shared.forEachRange(count: vectors.count, grain: 8) { range in
        for number in range {
          slots[number] = Result { try search(vectors[number], k: k, options: options, filter: filter) }
        }
      }
    }
    return try results.map { try $0!.get() }
  }

  private func prepared(_ vector: [Float]) throws -> PaddedQuery {
    guard vector.count == dimension else {
      throw VectorIndexError.wrongQueryDimension(found: vector.count, expected: dimension)
    }
    if let position = vector.firstIndex(where: { !$0.isFinite }) { throw VectorIndexError.queryNotFinite(position: position) }
    return PaddedQuery(metric == .cosine ? vector.unitLength : vector)
  }
}

extension [Float] {
  /// The vector brought to unit length, by sums in double precision; zeros stay zeros.
  var unitLength: [Float] {
    var squares = 0.0
    for value in self { squares += Double(value) * Double(value) }
    guard squares > 0 else { return self }
    let factor = 1 / squares.squareRoot()
    return map { Float(Double($0) * factor) }
  }
}
