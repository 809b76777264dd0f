import GradusCore

/// What the deleted documents of a segment take from its terms.
///
/// With it, what searches rest on is that of the live documents alone, although the postings of deleted ones are still there. In
/// the file of deleted rows: for each term of a deleted document, ascending, its number, how many deleted documents hold it, and
/// the greatest impact that is left.
struct RemovedImpacts: Sendable {
  private var terms: [UInt32] = []
  private var postings: [UInt32] = []
  /// 0 where nothing is left.
  private var greatest: [UInt8] = []

  /// Counts the deleted documents of a segment.
  ///
  /// - Complexity: The skip data of all posting lists, and the lists of the terms that a deleted document holds.
  init(_ deleted: DocumentSet, in segment: ImpactSegment) throws {
    let cursor = segment.listCursor()
    let counter = DeletionCounter(deleted, cursor)
    for term in 0..<segment.terms.count {
      let entry = segment.terms[term]
      let count = try counter.counts(of: entry).postings
      guard count > 0 else { continue }
      terms.append(UInt32(term))
      postings.append(count)
      greatest.append(count == entry.documentFrequency ? 0 : try Self.greatest(entry, cursor, without: deleted))
    }
  }

  private static func greatest(_ entry: TermEntry, _ cursor: ListCursor, without deleted: DocumentSet) throws -> UInt8 {
    var greatest: UInt32 = 0
    try cursor.open(entry)
    while true {
      try cursor.readBlock()
      if cursor.count == 0 { break }
      for place in 0..<cursor.count where !deleted.contains(DocIndex(rawValue: cursor.doc(place))) {
        greatest = max(greatest, cursor.tf(place))
      }
    }
    return UInt8(min(greatest, UInt32(ImpactQuantization.greatestImpact)))
  }

  /// Reads what ``write(to:)`` wrote.
  ///
  /// - Parameter whole: Of each term, the greatest impact in any document.
  init(_ file: SectionFile, of dictionary: TermDictionary, greatest whole: UnsafeBufferPointer<UInt8>) throws {
    func damage(_ section: Section) -> IndexError { .corrupted(path: file.path, section: section.name) }
    let count = try file.bytes(.removedTerms).count / 4
    terms = Array(try file.numbers(.removedTerms, as: UInt32.self, count: count))
    postings = Array(try file.numbers(.removedPostings, as: UInt32.self, count: count))
    greatest = Array(try file.numbers(.greatestImpacts, as: UInt8.self, count: count))
    for place in terms.indices {
      guard Int(terms[place]) < dictionary.count, place == 0 || terms[place - 1] < terms[place] else {
        throw damage(.removedTerms)
      }
      let frequency = dictionary[Int(terms[place])].documentFrequency
      guard postings[place] > 0, postings[place] <= frequency else { throw damage(.removedPostings) }
      guard greatest[place] <= whole[Int(terms[place])], (greatest[place] == 0) == (postings[place] == frequency) else {
        throw damage(.greatestImpacts)
      }
    }
  }

  /// Postings of deleted documents.
  var postingsCount: Int { postings.reduce(0) { $0 + Int($1) } }

  /// What is taken from a term by its place in the dictionary, and what is left; nil where no deleted document holds it.
  /// O(log n).
  func of(_ term: Int) -> (postings: UInt32, greatest: UInt8)? {
    terms.place(ofAscending: UInt32(term)).map { (postings[$0], greatest[$0]) }
  }

  /// Writes the sections beside the deleted rows.
  func write(to file: SectionFileWriter) throws {
    try file.begin(.removedTerms)
    try file.append(terms)
    try file.begin(.removedPostings)
    try file.append(postings)
    try file.begin(.greatestImpacts)
    try file.append(greatest)
  }
}

extension [UInt32] {
  /// The place of a number among ascending ones, or nil. O(log n).
  func place(ofAscending number: UInt32) -> Int? {
    var low = 0, high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle] < number { low = middle + 1 } else { high = middle }
    }
    return low < count && self[low] == number ? low : nil
  }
}
