#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import CGradusKernels
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
/// The files are mapped, not read. All methods may be called from several threads at once; results have the same bits for any
/// number of threads and with and without pruning.
public final class ImpactIndex: Sendable {
  public let path: String
  public let configuration: ImpactIndexConfiguration
  public let statistics: ImpactStatistics

  let terms: TermDictionary
  let docnos: DocnoTable
  private let impactsFile: SectionFile
  private let documentsFile: SectionFile
  private let store: DocumentStore
  private let sections: Sections
  /// Working memory of searches that are not running.
  private let idleSearchers = Guarded<[ImpactSearcher]>([])

  private struct Sections: @unchecked Sendable {
    // Unchecked: pointers into the read-only mapping, which the index keeps.
    let postings: UnsafeRawBufferPointer
    /// By term, in byte order.
    let greatestImpacts: UnsafeBufferPointer<UInt8>
    /// By document: terms that have an impact there.
    let counts: UnsafeBufferPointer<UInt32>
  }

  /// Opens an index and checks manifest, versions, sizes, bounds, and the checksums of all but postings and stored documents,
  /// which are checked for sense while they are decoded; ``verify()`` finds damage there for certain.
  ///
  /// - Throws: ``IndexError``; `FileError` where a file is missing or cannot be read.
  public init(path: String) throws {
    self.path = path
    let (manifest, impacts, documents) = try Self.open(path)
    configuration = manifest.configuration
    statistics = manifest.statistics
    impactsFile = impacts
    documentsFile = documents
    try impacts.verify(where: \.isCheckedOnOpen)
    terms = try TermDictionary(impacts, terms: statistics.terms)
    docnos = try DocnoTable(impacts, count: statistics.documents)
    store = try DocumentStore(documents, documents: statistics.documents)
    sections = Sections(
      postings: try impacts.bytes(.postings),
      greatestImpacts: try impacts.numbers(.greatestImpacts, as: UInt8.self, count: statistics.terms),
      counts: try impacts.numbers(.lengths, as: UInt32.self, count: statistics.documents))
  }

  private static func open(_ path: String) throws -> (ImpactIndexManifest, SectionFile, SectionFile) {
    var manifest = try ImpactIndexManifest.read(folder: path)
    while true {
      func file(_ file: IndexManifest.File, _ kind: SectionFileLayout.Kind) throws -> SectionFile {
        try SectionFile(path: path + "/" + file.name, kind: kind, expectedBytes: file.bytes)
      }
      do {
        return (manifest, try file(manifest.impacts, .impacts), try file(manifest.documents, .documents))
      } catch let error as FileError where error.code == ENOENT {
        // A builder may have replaced the index between the manifest and the files that it lists.
        let current = try ImpactIndexManifest.read(folder: path)
        guard current.generation > manifest.generation else { throw error }
        manifest = current
      }
    }
  }

  /// Whether a folder holds an impact index, of any version.
  public static func isPresent(at path: String) -> Bool { ImpactIndexManifest.isPresent(in: path) }

  /// Reads every byte and compares all checksums.
  ///
  /// - Throws: ``IndexError/checksumMismatch(path:section:)`` for the first section that does not fit.
  public func verify() throws {
    try impactsFile.verify { _ in true }
    try documentsFile.verify { _ in true }
  }

  /// A hash that changes with the documents, their weights and what made them. O(1): the sections are not read.
  public func fingerprint() throws -> String {
    var parts = [
      configuration.quantization.rawValue, configuration.encoder?.description ?? "", configuration.vocabulary?.description ?? "",
      "\(statistics.scale)",
    ]
    for file in [impactsFile, documentsFile] {
      for section in Section.allCases {
        if let summary = file.summary(of: section) { parts.append("\(section.rawValue) \(summary.bytes) \(summary.checksum)") }
      }
    }
    return SHA256Digest.hex(of: Array(parts.joined(separator: "\n").utf8))
  }

  // MARK: - Documents

  /// A stored document, or nil where there is none of that name. O(log n).
  public func document(docno: String) throws -> Document? {
    try docnos.find(docno).map { try store.document($0, docno: docno) }
  }

  /// Terms that have an impact in a document, or nil where there is none of that name. O(log n).
  public func termCount(docno: String) throws -> Int? { try docnos.find(docno).map { Int(sections.counts[$0]) } }

  // MARK: - Terms

  /// Documents in which a term has an impact; 0 for an unknown term.
  public func documentFrequency(of term: String) throws -> Int {
    var term = term
    return try term.withUTF8 { try terms.find($0) }.map { Int($0.documentFrequency) } ?? 0
  }

  /// The greatest impact of a term by its place in the dictionary.
  func greatestImpact(_ number: Int) -> Int { Int(sections.greatestImpacts[number]) }

  /// What the posting kernels compute with.
  var scorer: grd_scorer {
    grd_scorer(
      formula: GRD_LINEAR, basic: GRD_DFR_LINEAR, normalization: GRD_DFR_PLAIN, has_after_effect: 0, is_monotone: 1, base: 0,
      slope: 0, p: 0, q: 0, average_length: 0, lengths: sections.counts.baseAddress, documents: UInt32(docnos.count),
      fields: grd_fields())
  }

  /// Opens the posting list of a term. The cursor must stay where it is as long as it is used.
  func open(_ cursor: UnsafeMutablePointer<grd_cursor>, _ term: ImpactQuery.Term, scorer: UnsafePointer<grd_scorer>) throws {
    let entry = term.entry
    let documents = Int(entry.documentFrequency)
    var constants = grd_term(weight: term.weight)
    constants.largest_tf = Double(term.greatestImpact)
    let status: grd_postings_status
    if documents == 1 {
      status = grd_cursor_open_single(
        cursor, scorer, UInt32(truncatingIfNeeded: entry.postings), UInt32(truncatingIfNeeded: entry.postings >> 32), &constants)
    } else {
      guard documents >= 1, documents <= docnos.count, entry.postings <= UInt64(sections.postings.count),
        let base = sections.postings.baseAddress
      else { throw postingsDamage }
      let start = Int(entry.postings)
      status = grd_cursor_open(
        cursor, (base + start).assumingMemoryBound(to: UInt8.self), sections.postings.count - start, documents, &constants)
    }
    guard status == GRD_POSTINGS_OK else { throw postingsDamage }
  }

  /// Postings that make no sense.
  var postingsDamage: IndexError { .corrupted(path: impactsFile.path, section: Section.postings.name) }

  /// Lends working memory for the length of one call.
  func withSearcher<Result>(_ body: (ImpactSearcher) throws -> Result) throws -> Result {
    let searcher = idleSearchers.withLock { $0.popLast() } ?? ImpactSearcher()
    // After an error the working memory may be half filled: it is not used again.
    let result = try body(searcher)
    idleSearchers.withLock { $0.append(searcher) }
    return result
  }
}
