import GradusCore

/// A document that one of several segments found. The name stays valid as long as the index.
struct SegmentHit {
  let score: Double
  let docno: UnsafeBufferPointer<UInt8>
  let segment: Int
  /// In the segment.
  let doc: Int

  var document: ScoredDocument { ScoredDocument(docno: String(decoding: docno, as: UTF8.self), score: score) }

  /// The tie rule of `ScoredDocument.precedes`.
  func precedes(_ other: SegmentHit) -> Bool {
    score != other.score ? score > other.score : compareBytes(docno, other.docno) > 0
  }

  /// The `k` best of two ordered lists.
  static func merge(_ first: [SegmentHit], _ second: [SegmentHit], k: Int) -> [SegmentHit] {
    var result: [SegmentHit] = []
    result.reserveCapacity(min(k, first.count + second.count))
    var left = 0, right = 0
    while result.count < k, left < first.count || right < second.count {
      if right == second.count || (left < first.count && first[left].precedes(second[right])) {
        result.append(first[left])
        left += 1
      } else {
        result.append(second[right])
        right += 1
      }
    }
    return result
  }
}
