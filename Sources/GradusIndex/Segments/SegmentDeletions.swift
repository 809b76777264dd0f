import GradusCore

/// Documents of a segment that were deleted after it was written, and what they take from the counts of their terms.
///
/// With the counts, scores rest on the live documents alone although the postings of deleted ones are still there. The file: a
/// bit per document, and for each term of a deleted document, ascending, its number, how many deleted documents hold it, and how
/// often it stands in them.
struct SegmentDeletions: Sendable {
  let live: LiveDocuments
  let deleted: DocumentSet
  /// Tokens of the deleted documents.
  let tokens: Int
  private(set) var terms: [UInt32] = []
  private(set) var postings: [UInt32] = []
  private(set) var occurrences: [UInt64] = []

  /// Counts the deleted documents of a segment.
  ///
  /// - Parameter known: Deletions that were counted before, all of them in `deleted`.
  /// - Complexity: The skip data of all posting lists, lists of one block whole, and the blocks that hold a document that is not
  ///   in `known`.
  init(_ deleted: DocumentSet, in segment: LexicalSegment, after known: SegmentDeletions? = nil) throws {
    self.deleted = deleted
    live = LiveDocuments(deleted: deleted)
    var new = deleted
    if let known { new.formDifference(known.deleted) }
    let numbers = new.numbers()
    tokens = (known?.tokens ?? 0) + numbers.reduce(0) { $0 + Int(segment.documentTable.lengths[Int($1)]) }
    let counter = DeletionCounter(new, ListCursor(segment))
    var place = 0
    for term in 0..<segment.terms.count {
      var counts = try counter.counts(of: segment.terms[term])
      if let known, place < known.terms.count, known.terms[place] == term {
        counts.postings += known.postings[place]
        counts.occurrences += known.occurrences[place]
        place += 1
      }
      guard counts.postings > 0 else { continue }
      terms.append(UInt32(term))
      postings.append(counts.postings)
      occurrences.append(counts.occurrences)
    }
  }

  /// Reads a file that ``write(to:number:calls:)`` made.
  init(_ file: SectionFile, of segment: LexicalSegment) throws {
    func damage(_ section: Section) -> IndexError { .corrupted(path: file.path, section: section.name) }
    try file.verify { _ in true }
    let documents = segment.documentTable.count
    let words = try file.numbers(.deletedDocuments, as: UInt64.self, count: (documents + 63) / 64)
    guard let deleted = DocumentSet(documents: documents, checking: Array(words)) else { throw damage(.deletedDocuments) }
    self.deleted = deleted
    live = LiveDocuments(deleted: deleted)
    tokens = deleted.numbers().reduce(0) { $0 + Int(segment.documentTable.lengths[Int($1)]) }
    let count = try file.bytes(.removedTerms).count / 4
    terms = Array(try file.numbers(.removedTerms, as: UInt32.self, count: count))
    postings = Array(try file.numbers(.removedPostings, as: UInt32.self, count: count))
    occurrences = Array(try file.numbers(.removedOccurrences, as: UInt64.self, count: count))
    for place in terms.indices {
      guard Int(terms[place]) < segment.terms.count, place == 0 || terms[place - 1] < terms[place] else {
        throw damage(.removedTerms)
      }
      let entry = segment.terms[Int(terms[place])]
      guard postings[place] > 0, postings[place] <= entry.documentFrequency else { throw damage(.removedPostings) }
      // What is left of a term's documents holds it at least once each.
      guard occurrences[place] >= UInt64(postings[place]), occurrences[place] <= entry.collectionFrequency,
        UInt64(entry.documentFrequency - postings[place]) <= entry.collectionFrequency - occurrences[place]
      else { throw damage(.removedOccurrences) }
    }
  }

  /// How many deleted documents hold a term, and how often it stands in them. O(log n).
  func counts(ofTerm number: Int) -> (postings: UInt32, occurrences: UInt64) {
    terms.place(ofAscending: UInt32(number)).map { (postings[$0], occurrences[$0]) } ?? (0, 0)
  }

  /// Tokens of the live documents in each field; empty where there are none.
  func liveFieldTokens(of segment: LexicalSegment) -> [Int] {
    guard let fields = segment.fields else { return [] }
    var tokens = fields.tokens
    for doc in deleted.numbers() {
      for field in tokens.indices { tokens[field] -= Int(fields.length(of: Int(doc), field: field)) }
    }
    return tokens
  }

  /// Postings of deleted documents.
  var postingsCount: Int { postings.reduce(0) { $0 + Int($1) } }

  func write(to directory: String, number: Int, calls: SystemCalls) throws -> IndexManifest.File {
    let name = IndexFolder.segmentName(generation: number, kind: "deletions")
    let file = try SectionFileWriter(path: directory + "/" + name, kind: .documentDeletions, calls: calls)
    try file.begin(.deletedDocuments)
    try file.append(deleted.words)
    try file.begin(.removedTerms)
    try file.append(terms)
    try file.begin(.removedPostings)
    try file.append(postings)
    try file.begin(.removedOccurrences)
    try file.append(occurrences)
    return IndexManifest.File(name: name, bytes: try file.finish())
  }
}
