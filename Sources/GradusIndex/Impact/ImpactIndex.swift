import GradusCore

/// Documents whose terms have learned weights, to be searched with weighted terms: the index of SPLADE, uniCOIL, DeepImpact and
/// TILDEv2.
///
///     let index = try ImpactIndex(path: "faq.impacts")
///     let result = try index.search([WeightedTerm("sort", weight: 1.9), WeightedTerm("hash", weight: 1.2)], k: 10)
///
/// A score is the sum over the query's terms of the weight in the query times the weight in the document, the latter quantised to
/// 8 bits. No statistics of the collection take part: another document changes no other's score, but for the common scale.
///
/// The files are mapped, not read. An open index goes on showing the documents as they were, also when an ``ImpactIndexWriter``
/// adds or deletes. All methods may be called from several threads at once; results have the same bits for any number of threads,
/// with and without pruning, and however the documents lie in segments.
public final class ImpactIndex: Sendable {
  public let path: String
  public let configuration: ImpactIndexConfiguration
  /// Counts of the documents that can be found.
  public let statistics: ImpactStatistics
  let segments: [ImpactSegment]
  /// Working memory of searches that are not running.
  private let idleSearchers = Guarded<[ImpactSearcher]>([])

  /// Opens an index and checks manifest, versions, sizes, bounds, and the checksums of all but postings and stored documents,
  /// which are checked for sense while they are decoded; ``verify()`` finds damage there for certain.
  ///
  /// - Throws: ``IndexError``; `FileError` where a file is missing or cannot be read.
  public init(path: String) throws {
    self.path = path
    let (manifest, segments) = try ImpactIndexManifest.open(folder: path) { manifest in
      var first = 0
      return try manifest.segments.map { segment in
        defer { first += segment.count - segment.deletedCount }
        return try ImpactSegment(folder: path, segment, firstDocument: first)
      }
    }
    for segment in segments { try segment.documents.requireColumns(segments[0].documents.columns, folder: path) }
    configuration = manifest.configuration
    statistics = manifest.statistics
    self.segments = segments
  }

  /// Whether a folder holds an impact index, of any version.
  public static func isPresent(at path: String) -> Bool { ImpactIndexManifest.isPresent(in: path) }

  /// Reads every byte and compares all checksums.
  ///
  /// - Throws: ``IndexError/checksumMismatch(path:section:)`` for the first section that does not fit.
  public func verify() throws {
    for segment in segments { try segment.verify() }
  }

  /// A hash that changes with the documents, their weights and what made them. O(1): the sections are not read.
  public func fingerprint() throws -> String {
    var parts = [
      configuration.quantization.rawValue, configuration.encoder?.description ?? "", configuration.vocabulary?.description ?? "",
      "\(statistics.scale)",
    ]
    for file in segments.flatMap(\.files) {
      for section in Section.allCases {
        if let summary = file.summary(of: section) { parts.append("\(section.rawValue) \(summary.bytes) \(summary.checksum)") }
      }
    }
    return SHA256Digest.hex(of: Array(parts.joined(separator: "\n").utf8))
  }

  // MARK: - Documents

  /// Deleted documents whose postings are still in the files.
  public var deletedCount: Int { segments.reduce(0) { $0 + $1.manifest.deletedCount } }
  public var segmentCount: Int { segments.count }

  /// A stored document, or nil where there is none of that name. O(log n).
  public func document(docno: String) throws -> Document? {
    try segments.place(of: docno).map { try $0.segment.document($0.row) }
  }

  /// Terms that have an impact in a document, or nil where there is none of that name. O(log n).
  public func termCount(docno: String) throws -> Int? {
    try segments.place(of: docno).map { $0.segment.termCount($0.row) }
  }

  // MARK: - Terms

  /// Documents in which a term has an impact; 0 for an unknown term.
  public func documentFrequency(of term: String) throws -> Int {
    var term = term
    return try term.withUTF8 { term in
      try segments.reduce(0) { sum, segment in
        try sum + (segment.number(of: term).map { segment.documentFrequency($0) } ?? 0)
      }
    }
  }

  /// Lends working memory for the length of one call.
  func withSearcher<Result>(_ body: (ImpactSearcher) throws -> Result) throws -> Result {
    let searcher = idleSearchers.withLock { $0.popLast() } ?? ImpactSearcher()
    // After an error the working memory may be half filled: it is not used again.
    let result = try body(searcher)
    idleSearchers.withLock { $0.append(searcher) }
    return result
  }
}
