/// The terms and impacts of a segment's live documents, for a compaction: documents are numbered anew.
///
/// A term that only deleted documents hold comes without postings.
final class ImpactSegmentRun: PostingsRun {
  private let segment: ImpactSegment
  private let live: LiveDocuments
  private let firstDocument: Int
  private let cursor: ListCursor
  private var number = 0
  private(set) var term: UnsafeBufferPointer<UInt8>?

  /// - Parameters:
  ///   - deleted: Rows that are left out.
  ///   - firstDocument: The new number of the first live document.
  init(_ segment: ImpactSegment, deleted: DocumentSet?, firstDocument: Int) throws {
    self.segment = segment
    self.firstDocument = firstDocument
    live = deleted.map { LiveDocuments(deleted: $0) } ?? LiveDocuments(documents: segment.count)
    cursor = segment.listCursor()
    try settle()
  }

  private func settle() throws {
    term = number < segment.terms.count ? try segment.terms.bytes(of: segment.terms[number]) : nil
  }

  func takePostings(into postings: inout [UInt64], gaps: inout [UInt32], fields: inout [UInt32]) throws {
    try cursor.open(segment.terms[number])
    while true {
      try cursor.readBlock()
      if cursor.count == 0 { break }
      for place in 0..<cursor.count {
        let doc = Int(cursor.doc(place)), impact = Int(cursor.tf(place))
        guard (1...ImpactQuantization.greatestImpact).contains(impact) else { throw segment.postings.damage }
        if live.contains(doc) { postings.append(UInt64(firstDocument + live.rank(doc)) << 32 | UInt64(impact)) }
      }
    }
    number += 1
    try settle()
  }
}
