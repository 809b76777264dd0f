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
  /// Nil where the index was built without columns.
  let columnStore: ColumnStore?
  let postings: PostingLists
  private let sections: Sections
  /// Working memory of searches that are not running.
  private let idleSearchers = Guarded<[ImpactSearcher]>([])

  private struct Sections: @unchecked Sendable {
    // Unchecked: pointers into the read-only mapping, which the index keeps.
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
    let (manifest, files) = try ImpactIndexManifest.open(folder: path) { manifest in
      func open(_ file: IndexManifest.File, _ kind: SectionFileLayout.Kind) throws -> SectionFile {
        try SectionFile(path: path + "/" + file.name, kind: kind, expectedBytes: file.bytes)
      }
      return (
        impacts: try open(manifest.impacts, .impacts), documents: try open(manifest.documents, .documents),
        columns: try manifest.columns.map { try open($0, .columns) }
      )
    }
    let impacts = files.impacts
    configuration = manifest.configuration
    statistics = manifest.statistics
    impactsFile = impacts
    documentsFile = files.documents
    try impacts.verify(where: \.isCheckedOnOpen)
    try files.columns?.verify(where: \.isCheckedOnOpen)
    let documents = statistics.documents
    columnStore = try files.columns.map { try ColumnStore($0, documents: documents) }
    terms = try TermDictionary(impacts, terms: statistics.terms)
    docnos = try DocnoTable(impacts, count: documents)
    store = try DocumentStore(documentsFile, documents: documents)
    postings = try PostingLists(impacts, documents: documents)
    sections = Sections(
      greatestImpacts: try impacts.numbers(.greatestImpacts, as: UInt8.self, count: statistics.terms),
      counts: try impacts.numbers(.lengths, as: UInt32.self, count: documents))
  }

  /// Whether a folder holds an impact index, of any version.
  public static func isPresent(at path: String) -> Bool { ImpactIndexManifest.isPresent(in: path) }

  /// Reads every byte and compares all checksums.
  ///
  /// - Throws: ``IndexError/checksumMismatch(path:section:)`` for the first section that does not fit.
  public func verify() throws {
    try impactsFile.verify { _ in true }
    try documentsFile.verify { _ in true }
    try columnStore?.verify()
  }

  /// A hash that changes with the documents, their weights and what made them. O(1): the sections are not read.
  public func fingerprint() throws -> String {
    var parts = [
      configuration.quantization.rawValue, configuration.encoder?.description ?? "", configuration.vocabulary?.description ?? "",
      "\(statistics.scale)",
    ]
    for file in [impactsFile, documentsFile, columnStore?.file].compactMap({ $0 }) {
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

  /// A stored document by its number.
  func document(_ doc: Int) throws -> Document { try store.document(doc, docno: try docnos.docno(doc)) }

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

  /// Lends working memory for the length of one call.
  func withSearcher<Result>(_ body: (ImpactSearcher) throws -> Result) throws -> Result {
    let searcher = idleSearchers.withLock { $0.popLast() } ?? ImpactSearcher()
    // After an error the working memory may be half filled: it is not used again.
    let result = try body(searcher)
    idleSearchers.withLock { $0.append(searcher) }
    return result
  }
}
