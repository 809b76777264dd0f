import GradusCore
import GradusText

/// A collection that can be searched: an index folder, opened for reading.
///
///     let index = try InvertedIndex(path: "idx")
///     let result = try index.search("heat transfer in laminar flow", k: 10)
///     for hit in result.documents { print(hit.docno, hit.score) }
///
/// The files are mapped, not read: opening costs little, and processes share the pages. An open index goes on showing the
/// collection as it was, also when a builder replaces it or an ``IndexWriter`` changes it; ``reopened()`` shows what it is now.
/// All methods may be called from several threads at once; results have the same bits for any number of threads.
///
/// However the documents came into the index, at once or by and by, with updates and deletions, before or after merges: numbers
/// of documents, counts, scores and rankings are those of an index that was built at once from the documents that it has now, in
/// the order in which they were added. Counts are of these documents alone: deleted ones leave no trace. Only the numbers are
/// others where the documents were put in a better order (``GraphBisection``).
public final class InvertedIndex: Sendable {
  public let path: String
  public let statistics: IndexStatistics
  /// What documents were analysed with, and queries are.
  public let analyzerConfiguration: AnalyzerConfiguration

  let segments: [SegmentView]
  /// Of the segments, without counted references: see ``TermDictionary``.
  let dictionaries: [SegmentTerms]
  private let generation: Int
  /// Working memory of searches that are not running.
  private let idleSearchers = Guarded<[Searcher]>([])

  /// Opens an index and checks manifest, versions, sizes, bounds, and the checksums of dictionary, document table and deletions.
  ///
  /// Postings and stored documents are checked for sense while they are decoded: damage there ends in an error or, where
  /// the numbers remain possible, in a wrong score; ``verify()`` finds it for certain.
  ///
  /// - Throws: ``IndexError``; `FileError` where a file is missing or cannot be read.
  public convenience init(path: String) throws { try self.init(path: path, sharing: []) }

  /// - Parameter known: Opened segments, of which those that are still in the index need not be opened again.
  private init(path: String, sharing known: [LexicalSegment]) throws {
    let (manifest, segments) = try IndexManifest.open(folder: path) { try Self.open($0, path, known) }
    self.path = path
    self.segments = segments
    dictionaries = segments.map { SegmentTerms($0) }
    generation = manifest.generation
    statistics = manifest.statistics
    analyzerConfiguration = manifest.analyzer
  }

  private static func open(_ manifest: IndexManifest, _ path: String, _ known: [LexicalSegment]) throws -> [SegmentView] {
    var views: [SegmentView] = []
    var documents = 0, tokens = 0
    for segment in manifest.segments {
      // Files are never written again under the same name.
      let opened =
        try known.first { $0.manifest.postings == segment.postings } ?? LexicalSegment(segment, folder: path)
      let view = try SegmentView(
        opened, deletions: segment.deletions, folder: path, number: views.count, firstDocument: documents)
      documents += view.live.count
      tokens &+= segment.statistics.tokens &- (view.deletions?.tokens ?? 0)
      views.append(view)
    }
    let counts = manifest.statistics
    let isSound =
      !views.isEmpty && counts.documents == documents && documents <= Int(Int32.max) && counts.tokens == tokens
      && views.allSatisfy { $0.segment.fields?.fields == views[0].segment.fields?.fields }
      && Set(views.map { $0.segment.positions != nil }).count == 1 && Set(views.map { $0.segment.columns }).count == 1
      && (views.count > 1 || views[0].deletions != nil || counts == views[0].segment.manifest.statistics)
    guard isSound else {
      throw IndexError.corrupted(path: path + "/" + IndexManifest.name, section: "the list of files")
    }
    return views
  }

  /// The index as it is now in the folder; the same object where nothing was committed since this one was opened.
  ///
  /// What has not changed is not read again.
  public func reopened() throws -> InvertedIndex {
    guard try IndexManifest.read(folder: path).generation != generation else { return self }
    return try InvertedIndex(path: path, sharing: segments.map(\.segment))
  }

  /// Reads every byte and compares all checksums.
  ///
  /// - Throws: ``IndexError/checksumMismatch(path:section:)`` for the first section that does not fit.
  public func verify() throws {
    for view in segments { try view.verify() }
  }

  /// Segments that the documents are spread over.
  public var segmentCount: Int { segments.count }

  /// Documents that were deleted, whose postings and texts still take space until a merge.
  public var deletedCount: Int { segments.reduce(0) { $0 + $1.live.documents - $1.live.count } }

  var hasPositions: Bool { segments[0].segment.positions != nil }

  // MARK: - Fields

  /// What ``BM25F`` can weigh; nil where the index was built without fields.
  public var fields: IndexFields? { segments[0].segment.fields?.fields }

  /// Tokens of a document in each of the index's ``fields``, in their order; empty where there are none. O(log segments).
  public func fieldLengths(_ doc: DocIndex) throws -> [Int] {
    let (view, doc) = try place(of: doc)
    return view.segment.fields?.lengths(of: doc).map(Int.init) ?? []
  }

  /// Tokens per document in a field, given by its place among the ``fields``; 0 for an empty collection.
  func averageLength(ofField field: Int) -> Double {
    guard statistics.documents > 0 else { return 0 }
    return Double(segments.reduce(0) { $0 + $1.fieldTokens[field] }) / Double(statistics.documents)
  }

  // MARK: - Documents

  /// The docno of a document. O(log segments).
  public func docno(_ doc: DocIndex) throws -> String {
    let (view, doc) = try place(of: doc)
    return try view.segment.documentTable.docnos.docno(doc)
  }

  /// The document with a docno, or nil. O(log n) for each segment.
  public func docIndex(of docno: String) throws -> DocIndex? { try place(of: docno).map { $0.docIndex($1) } }

  /// Tokens of a document after stopping, exact. O(log segments).
  public func length(_ doc: DocIndex) throws -> Int {
    let (view, doc) = try place(of: doc)
    return Int(view.segment.documentTable.lengths[doc])
  }

  /// A stored document. O(its length).
  public func document(_ doc: DocIndex) throws -> Document {
    let (view, doc) = try place(of: doc)
    return try view.segment.document(doc)
  }

  /// A stored document, or nil where there is none of that name.
  public func document(docno: String) throws -> Document? { try place(of: docno).map { try $0.segment.document($1) } }

  /// The dictionary of a segment, and what a look-up must know about its documents.
  struct SegmentTerms {
    let terms: TermDictionary
    /// Deleted ones included.
    let documents: Int
    let hasDeletions: Bool

    init(_ view: SegmentView) {
      terms = view.segment.terms
      documents = view.live.documents
      hasDeletions = view.deletions != nil
    }
  }

  /// Where a document is: its segment and its number there.
  func place(of doc: DocIndex) throws -> (SegmentView, Int) {
    guard doc.position < statistics.documents else { throw IndexError.unknownDocno("#\(doc.position)") }
    var low = 0, high = segments.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if segments[middle].firstDocument <= doc.position { low = middle } else { high = middle }
    }
    // Segments without live documents begin where the next one does: the last that begins there has the document.
    let view = segments[low]
    return (view, view.live.document(rank: doc.position - view.firstDocument))
  }

  func place(of docno: String) throws -> (SegmentView, Int)? {
    for view in segments {
      if let doc = try view.document(named: docno) { return (view, doc) }
    }
    return nil
  }

  // MARK: - Terms

  /// Documents that hold a term, given as the analyzer makes it; 0 for an unknown term.
  public func documentFrequency(of term: String) throws -> Int { try counts(of: term).documents }

  /// Occurrences of a term, given as the analyzer makes it, in all documents.
  public func collectionFrequency(of term: String) throws -> Int { Int(clamping: try counts(of: term).occurrences) }

  private func counts(of term: String) throws -> (documents: Int, occurrences: UInt64) {
    var term = term
    var counts: (documents: Int, occurrences: UInt64) = (0, 0)
    try term.withUTF8 { term in
      for view in segments {
        guard let number = try view.segment.terms.number(of: term) else { continue }
        let here = try view.counts(ofTerm: number, view.segment.terms[number])
        counts.documents += Int(here.documents)
        counts.occurrences += here.occurrences
      }
    }
    return counts
  }

  // MARK: - Searchers

  /// Lends working memory for the length of one call.
  func withSearcher<Result>(_ body: (Searcher) throws -> Result) throws -> Result {
    let idle = idleSearchers.withLock { $0.popLast() }
    let searcher = try idle ?? Searcher(analyzer: Analyzer(analyzerConfiguration))
    // After an error the working memory may be half filled: it is not used again.
    let result = try body(searcher)
    idleSearchers.withLock { $0.append(searcher) }
    return result
  }
}
