/// The names of ranx: `ndcg@10`, `mrr@10`, `map@100-l2` (the suffix is the lowest relevant grade), `rbp.95`.
enum RanxName {
  private static let table: [(name: String, make: @Sendable (Int?, Int32) -> (any Measure)?)] = [
    ("ndcg", { cutoff, _ in NDCG(cutoff: cutoff) }),
    ("ndcg_burges", { cutoff, _ in NDCG(cutoff: cutoff, gain: .exponential) }),
    ("mrr", { ReciprocalRank(cutoff: $0, rel: $1) }),
    ("map", { AveragePrecision(cutoff: $0, rel: $1) }),
    ("precision", { cutoff, rel in cutoff.map { Precision(cutoff: $0, rel: rel) } ?? SetMeasure(.precision, rel: rel) }),
    ("recall", { cutoff, rel in cutoff.map { Recall(cutoff: $0, rel: rel) } ?? SetMeasure(.recall, rel: rel) }),
    ("hit_rate", { cutoff, rel in cutoff.map { Success(cutoff: $0, rel: rel) } }),
    ("r-precision", { cutoff, rel in cutoff == nil ? RPrecision(rel: rel) : nil }),
    ("bpref", { cutoff, rel in cutoff == nil ? BinaryPreference(rel: rel) : nil }),
  ]

  static var names: [String] { table.map(\.name) }

  static func measure(_ text: String, rel defaultRel: Int32) -> (any Measure)? {
    var head = Substring(text)
    var rel = defaultRel
    if let suffix = head.range(of: "-l"), let level = Int32(head[suffix.upperBound...]), level >= 1 {
      // nDCG has graded gains; a level would change them, which no grammar here can say.
      guard !head.hasPrefix("ndcg") else { return nil }
      rel = level
      head = head[..<suffix.lowerBound]
    }
    if head.hasPrefix("rbp."), let p = Double("0." + head.dropFirst(4)), p > 0, p < 1 {
      return RankBiasedPrecision(p: p, rel: rel)
    }
    let parts = head.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    var cutoff: Int?
    if parts.count == 2 {
      guard let value = Int(parts[1]), value >= 1 else { return nil }
      cutoff = value
    }
    return table.first { $0.name == parts[0] }?.make(cutoff, rel)
  }
}

extension Substring {
  /// The last occurrence of `pattern`.
  fileprivate func range(of pattern: String) -> Range<Index>? {
    var start = endIndex
    while start > startIndex {
      formIndex(before: &start)
      if self[start...].hasPrefix(pattern) { return start..<index(start, offsetBy: pattern.count) }
    }
    return nil
  }
}
