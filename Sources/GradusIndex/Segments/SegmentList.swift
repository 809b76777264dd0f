import GradusCore

/// The segments of an index as its writer changes them, with the counts of their live documents.
struct SegmentList {
  /// One segment.
  struct Part {
    /// Its list of deletions is that of the last commit.
    var manifest: IndexManifest.Segment
    let segment: LexicalSegment
    /// Deleted documents whose terms have been counted.
    private(set) var deletions: SegmentDeletions?
    /// Deleted documents, counted or not.
    private(set) var deleted: DocumentSet?
    /// Whether `deletions` has more than the manifest's list.
    private(set) var hasUnwrittenDeletions = false
    /// Whether the terms of the segment are in the counts.
    fileprivate(set) var isCounted: Bool

    init(_ manifest: IndexManifest.Segment, _ segment: LexicalSegment, _ deletions: SegmentDeletions? = nil, isCounted: Bool) {
      self.manifest = manifest
      self.segment = segment
      self.deletions = deletions
      deleted = deletions?.deleted
      self.isCounted = isCounted
    }

    var live: LiveDocuments { deletions?.live ?? LiveDocuments(documents: segment.documentTable.count) }

    var source: SegmentMerger.Source { SegmentMerger.Source(segment: segment, deletions: deletions) }

    var size: MergePolicy.Size {
      MergePolicy.Size(live: live.count, deleted: live.documents - live.count)
    }

    /// The document with a docno, if it is not deleted.
    func document(named docno: String) throws -> Int? {
      guard let doc = try segment.document(named: docno), !(deleted?.contains(DocIndex(doc)) ?? false) else { return nil }
      return doc
    }

    mutating func delete(_ doc: Int) {
      var set = deleted ?? DocumentSet(documents: segment.documentTable.count)
      // Without a second reference the set is changed in place.
      deleted = nil
      set.insert(doc)
      deleted = set
    }

    fileprivate var hasUncounted: Bool { deleted != deletions?.deleted }

    fileprivate mutating func countDeletions() throws {
      guard let deleted, hasUncounted else { return }
      deletions = try SegmentDeletions(deleted, in: segment, after: deletions)
      hasUnwrittenDeletions = true
    }

    mutating func writeDeletions(to directory: String, number: () -> Int, calls: SystemCalls) throws {
      guard hasUnwrittenDeletions, let deletions else { return }
      manifest.deletions = try deletions.write(to: directory, number: number(), calls: calls)
      hasUnwrittenDeletions = false
    }

    /// Whether a live document holds a term.
    fileprivate func holds(_ term: UnsafeBufferPointer<UInt8>) throws -> Bool {
      guard let number = try segment.terms.number(of: term) else { return false }
      return holds(termNumber: number)
    }

    fileprivate func holds(termNumber number: Int) -> Bool {
      guard let deletions else { return true }
      return deletions.counts(ofTerm: number).postings < segment.terms[number].documentFrequency
    }
  }

  var parts: [Part]
  /// Distinct terms of the live documents.
  private(set) var terms: Int

  /// Counts of the live documents, as of the last ``count()``.
  var statistics: IndexStatistics {
    var documents = 0, postings = 0, tokens = 0
    for part in parts {
      documents += part.live.count
      postings += part.segment.manifest.statistics.postings - (part.deletions?.postingsCount ?? 0)
      tokens += part.segment.manifest.statistics.tokens - (part.deletions?.tokens ?? 0)
    }
    return IndexStatistics(documents: documents, terms: terms, postings: postings, tokens: tokens)
  }

  /// Brings the counts up to the documents that were added and deleted.
  ///
  /// - Complexity: Of what is new: the terms of new segments and of documents that were deleted, each looked up in the other
  ///   segments; and where anything was deleted in a segment, the skip data of its posting lists.
  mutating func count() throws {
    for number in parts.indices where parts[number].hasUncounted {
      let before = parts[number]
      try parts[number].countDeletions()
      guard before.isCounted, let deletions = parts[number].deletions else { continue }
      for term in deletions.terms.map(Int.init) where before.holds(termNumber: term) && !parts[number].holds(termNumber: term) {
        if try !isHeld(term, of: number) { terms -= 1 }
      }
    }
    for number in parts.indices where !parts[number].isCounted {
      for term in 0..<parts[number].segment.terms.count where parts[number].holds(termNumber: term) {
        if try !isHeld(term, of: number) { terms += 1 }
      }
      parts[number].isCounted = true
    }
  }

  /// Whether a live document of another counted segment holds a term of one.
  private func isHeld(_ term: Int, of number: Int) throws -> Bool {
    let dictionary = parts[number].segment.terms
    let bytes = try dictionary.bytes(of: dictionary[term])
    for other in parts.indices where other != number && parts[other].isCounted {
      if try parts[other].holds(bytes) { return true }
    }
    return false
  }

  init(parts: [Part], terms: Int) {
    self.parts = parts
    self.terms = terms
  }

  /// Puts a segment in the place of those that it was merged from.
  ///
  /// - Parameter sources: Neighbours, as they were when the merge began: documents that were deleted since are deleted in the new
  ///   segment too.
  mutating func replace(_ sources: [SegmentMerger.Source], by manifest: IndexManifest.Segment, _ segment: LexicalSegment) throws {
    guard let first = parts.firstIndex(where: { $0.segment === sources[0].segment }) else {
      preconditionFailure("what is merged stays in the list until then")
    }
    var part = Part(manifest, segment, isCounted: true)
    var start = 0
    for (place, source) in sources.enumerated() {
      let live = source.live
      if let deleted = parts[first + place].deletions?.deleted {
        for doc in deleted.numbers().map(Int.init) where live.contains(doc) { part.delete(start + live.rank(doc)) }
      }
      start += live.count
    }
    try part.countDeletions()
    parts.replaceSubrange(first..<first + sources.count, with: [part])
  }
}
