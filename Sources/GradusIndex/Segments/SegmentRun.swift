import CGradusKernels
import GradusCore

/// The terms and postings of a segment's live documents, for a merge: documents are numbered anew.
final class SegmentRun: PostingsRun {
  private let segment: LexicalSegment
  private let deletions: SegmentDeletions?
  private let live: LiveDocuments
  /// The new number of the first live document.
  private let firstDocument: Int
  private let cursor: ListCursor
  /// Places of live documents in the block.
  private var kept: [Int] = []
  private var number = 0
  private(set) var term: UnsafeBufferPointer<UInt8>?

  init(_ segment: LexicalSegment, _ deletions: SegmentDeletions?, firstDocument: Int) throws {
    self.segment = segment
    self.deletions = deletions
    self.firstDocument = firstDocument
    live = deletions?.live ?? LiveDocuments(documents: segment.documentTable.count)
    cursor = ListCursor(segment)
    try settle()
  }

  /// Passes terms that only deleted documents hold.
  private func settle() throws {
    while number < segment.terms.count {
      let entry = segment.terms[number]
      if let deletions, deletions.counts(ofTerm: number).postings >= entry.documentFrequency {
        number += 1
        continue
      }
      term = try segment.terms.bytes(of: entry)
      return
    }
    term = nil
  }

  func takePostings(into postings: inout [UInt64], gaps: inout [UInt32], fields: inout [UInt32]) throws {
    let start = postings.count
    try cursor.open(segment.terms[number], term: number)
    while true {
      try cursor.readBlock()
      if cursor.count == 0 { break }
      if let positions = segment.positions { try cursor.readPositions(positions, term: number) }
      kept.removeAll(keepingCapacity: true)
      for place in 0..<cursor.count {
        let doc = Int(cursor.doc(place))
        guard live.contains(doc) else { continue }
        postings.append(UInt64(firstDocument + live.rank(doc)) << 32 | UInt64(cursor.tf(place)))
        if segment.positions != nil { cursor.appendGaps(place, to: &gaps) }
        kept.append(place)
      }
      try cursor.appendFields(kept, to: &fields)
    }
    // A list that the counts of deleted documents do not fit would end in a term without documents.
    guard postings.count > start else { throw segment.postingsDamage }
    number += 1
    try settle()
  }
}
