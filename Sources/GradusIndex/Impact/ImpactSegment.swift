import CGradusKernels
import GradusCore

/// One segment of an impact index, opened for reading.
final class ImpactSegment: RowSegment {
  let manifest: ImpactIndexManifest.Segment
  let documents: SegmentDocuments
  let files: [SectionFile]
  let terms: TermDictionary
  let postings: PostingLists
  let live: LiveDocuments
  /// Number in the index of the segment's first live document.
  let firstDocument: Int
  /// Nil where nothing was deleted.
  private let removed: RemovedImpacts?
  private let sections: Sections

  private struct Sections: @unchecked Sendable {
    // Unchecked: pointers into the read-only mapping, which the segment keeps.
    /// By term, in byte order.
    let greatestImpacts: UnsafeBufferPointer<UInt8>
    /// By document: terms that have an impact there.
    let counts: UnsafeBufferPointer<UInt32>
  }

  /// - Parameter firstDocument: Live documents of the segments before.
  init(folder: String, _ manifest: ImpactIndexManifest.Segment, firstDocument: Int) throws {
    self.manifest = manifest
    self.firstDocument = firstDocument
    var files = SegmentFiles(folder: folder, unchecked: .documents)
    let impacts = try files.open(manifest.impacts, .impacts)
    documents = try SegmentDocuments(manifest, docnos: impacts, &files)
    terms = try TermDictionary(impacts, terms: manifest.statistics.terms)
    postings = try PostingLists(impacts, documents: manifest.count)
    sections = Sections(
      greatestImpacts: try impacts.numbers(.greatestImpacts, as: UInt8.self, count: manifest.statistics.terms),
      counts: try impacts.numbers(.lengths, as: UInt32.self, count: manifest.count))
    live = documents.deletedRows.map { LiveDocuments(deleted: $0) } ?? LiveDocuments(documents: manifest.count)
    let terms = terms, greatest = sections.greatestImpacts
    removed = try documents.deletionsFile.map { try RemovedImpacts($0, of: terms, greatest: greatest) }
    self.files = files.opened
  }

  /// Terms that have an impact in a document.
  func termCount(_ row: Int) -> Int { Int(sections.counts[row]) }

  func document(_ row: Int) throws -> Document {
    guard let document = try documents.document(at: row, row: row) else {
      throw IndexError.corrupted(path: files[0].path, section: Section.storedText.name)
    }
    return document
  }

  // MARK: - Terms

  /// The place of a term in the dictionary, or nil where no live document holds it.
  func number(of term: UnsafeBufferPointer<UInt8>) throws -> Int? {
    try terms.number(of: term).flatMap { documentFrequency($0) > 0 ? $0 : nil }
  }

  /// Live documents in which a term has an impact, by its place in the dictionary.
  func documentFrequency(_ term: Int) -> Int {
    Int(terms[term].documentFrequency) - Int(removed?.of(term)?.postings ?? 0)
  }

  /// The greatest impact of a term in live documents.
  func greatestImpact(_ term: Int) -> Int { Int(removed?.of(term)?.greatest ?? sections.greatestImpacts[term]) }

  /// The greatest impact of a term in any document of the segment: what bounds of its blocks may reach.
  func greatestStoredImpact(_ term: Int) -> Int { Int(sections.greatestImpacts[term]) }

  /// Pairs of a term and a live document in which it has an impact.
  var livePostings: Int { manifest.statistics.postings - (removed?.postingsCount ?? 0) }

  /// What the posting kernels compute with.
  var scorer: grd_scorer {
    grd_scorer(
      formula: GRD_LINEAR, basic: GRD_DFR_LINEAR, normalization: GRD_DFR_PLAIN, has_after_effect: 0, is_monotone: 1, base: 0,
      slope: 0, p: 0, q: 0, average_length: 0, lengths: sections.counts.baseAddress, documents: UInt32(count),
      fields: grd_fields())
  }

  /// For reading posting lists block by block.
  func listCursor() -> ListCursor { ListCursor(postings, documents: count, scorer: scorer, of: self) }

  // MARK: - Deleting

  func writeDeletions(_ rows: DocumentSet, number: Int, in folder: IndexFolder) throws -> IndexManifest.File {
    let removed = try RemovedImpacts(rows, in: self)
    return try rows.writeDeletions(number: number, in: folder) { try removed.write(to: $0) }
  }
}
