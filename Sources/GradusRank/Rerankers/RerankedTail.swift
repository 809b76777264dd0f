/// Scores for what stands behind a re-scored head: below it whatever the head's scores are, also after a run file was written
/// and read again.
public enum RerankedTail {
  /// - Parameters:
  ///   - lowest: The head's lowest score; nil where there is no head.
  ///   - count: Documents of the tail.
  /// - Returns: Strictly falling from `lowest` (or 0): by 1 a document, or to the next number that there is where the scores
  ///   are too large for that. Not finite where the numbers end.
  public static func scores(below lowest: Double?, count: Int) -> [Double] {
    let start = lowest ?? 0
    var last = start
    return (0..<max(0, count)).map { distance in
      last = min(start - Double(distance + 1), last.nextDown)
      return last
    }
  }
}
