import CGradusKernels
import GradusCore

/// Counts some documents of a segment in its posting lists.
///
/// The lists, not the stored texts, say what a document holds: texts may be missing, and a newer stemmer may take them apart in
/// another way.
struct DeletionCounter {
  /// Ascending.
  private let documents: [UInt32]
  private let set: DocumentSet
  private let cursor: ListCursor

  init(_ set: DocumentSet, _ cursor: ListCursor) {
    documents = set.numbers()
    self.set = set
    self.cursor = cursor
  }

  /// How many of the documents hold a term, and how often it stands in them.
  func counts(of entry: TermEntry) throws -> (postings: UInt32, occurrences: UInt64) {
    var counts: (postings: UInt32, occurrences: UInt64) = (0, 0)
    guard !documents.isEmpty else { return counts }
    try cursor.open(entry)
    while let range = try cursor.nextRange() {
      guard holds(range) else {
        cursor.passBlock()
        continue
      }
      try cursor.readBlock()
      for place in 0..<cursor.count where set.contains(DocIndex(rawValue: cursor.doc(place))) {
        counts.postings += 1
        counts.occurrences += UInt64(cursor.tf(place))
      }
    }
    return counts
  }

  /// Whether any of the documents is in a range.
  private func holds(_ range: ClosedRange<UInt32>) -> Bool {
    var low = 0, high = documents.count
    while low < high {
      let middle = (low + high) / 2
      if documents[middle] < range.lowerBound { low = middle + 1 } else { high = middle }
    }
    return low < documents.count && documents[low] <= range.upperBound
  }
}
