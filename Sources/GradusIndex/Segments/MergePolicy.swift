/// Which neighbouring segments are merged, so that there are few of them and every document is written only a few times again.
///
/// Segments are of a tier by their live documents: those of `smallest` at most, of `segmentsPerTier` times as many, and so on.
/// Where `segmentsPerTier` segments of one tier have none of a higher one between them, they are merged into one of the next,
/// with those of lower tiers between and behind them. So n documents make about `segmentsPerTier * log(n / smallest)` segments
/// at most, and each is rewritten about `log(n / smallest)` times (logarithms to the base `segmentsPerTier`). Neighbours only:
/// documents keep their order.
public struct MergePolicy: Sendable, Equatable {
  /// At least 2.
  public var segmentsPerTier: Int
  /// Segments of fewer documents count as having so many.
  public var smallest: Int
  /// A segment of which a greater share is deleted is written anew even by itself.
  public var largestDeletedShare: Double

  public init(segmentsPerTier: Int = 8, smallest: Int = 1000, largestDeletedShare: Double = 0.5) {
    self.segmentsPerTier = segmentsPerTier
    self.smallest = smallest
    self.largestDeletedShare = largestDeletedShare
  }

  /// Documents of a segment.
  struct Size: Equatable {
    let live: Int
    let deleted: Int
  }

  /// The segments to merge next, or nil.
  func selection(_ sizes: [Size]) -> Range<Int>? {
    let tiers = sizes.map { tier($0.live) }
    for tier in Set(tiers).sorted() {
      var start = 0
      while start < tiers.count {
        guard tiers[start] <= tier else {
          start += 1
          continue
        }
        let end = tiers[start...].firstIndex { $0 > tier } ?? tiers.count
        if tiers[start..<end].count(where: { $0 == tier }) >= max(2, segmentsPerTier) { return start..<end }
        start = end
      }
    }
    for (number, size) in sizes.enumerated() where size.deleted > 0 {
      if Double(size.deleted) > largestDeletedShare * Double(size.deleted + size.live) { return number..<number + 1 }
    }
    return nil
  }

  private func tier(_ documents: Int) -> Int {
    var tier = 0, size = max(documents, max(1, smallest))
    while size >= max(1, smallest) * max(2, segmentsPerTier) {
      size /= max(2, segmentsPerTier)
      tier += 1
    }
    return tier
  }
}
