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
  /// Whether positions and frequencies in fields are read where the segment has them.
  private let isWhole: Bool
  /// Places of live documents in the block.
  private var kept: [Int] = []
  private var number = 0
  private(set) var term: UnsafeBufferPointer<UInt8>?

  /// - Parameter isWhole: Whether positions and frequencies in fields are read where the segment has them.
  init(
    _ segment: LexicalSegment, _ deletions: SegmentDeletions?, firstDocument: Int, isWhole: Bool = true
  ) throws {
    self.segment = segment
    self.deletions = deletions
    self.firstDocument = firstDocument
    self.isWhole = isWhole
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
    let positions = isWhole ? segment.positions : nil
    try cursor.open(segment.terms[number], term: isWhole ? number : nil)
    while true {
      try cursor.readBlock()
      if cursor.count == 0 { break }
      if let positions { try cursor.readPositions(positions, term: number) }
      kept.removeAll(keepingCapacity: true)
      for place in 0..<cursor.count {
        let doc = Int(cursor.doc(place))
        guard live.contains(doc) else { continue }
        postings.append(UInt64(firstDocument + live.rank(doc)) << 32 | UInt64(cursor.tf(place)))
        if positions != nil { cursor.appendGaps(place, to: &gaps) }
        kept.append(place)
      }
      if isWhole { try cursor.appendFields(kept, to: &fields) }
    }
    // A list that the counts of deleted documents do not fit would end in a term without documents.
    guard postings.count > start else { throw segment.postingsDamage }
    number += 1
    try settle()
  }
}
