/// Average precision: mean over all relevant documents of the precision at each one's rank, 0 for those not retrieved.
///
///     AP@k = sum over relevant ranks r <= k of (relevant in 1...r) / r, divided by all relevant documents
///
/// `map`, and with a cut-off `map_cut`, of trec_eval. With `isGeometric` the queries are joined by their geometric mean
/// (`gm_map`; Robertson, CIKM 2006).
public struct AveragePrecision: Measure {
  public let cutoff: Int?
  /// Lowest grade that counts as relevant.
  public let rel: Int32
  public let judgedOnly: Bool
  public let isGeometric: Bool

  public init(cutoff: Int? = nil, rel: Int32 = 1, judgedOnly: Bool = false, isGeometric: Bool = false) {
    self.cutoff = cutoff
    self.rel = rel
    self.judgedOnly = judgedOnly
    self.isGeometric = isGeometric
  }

  public var aggregation: Aggregation { isGeometric ? .geometricMean : .mean }

  public var description: String {
    measureName(isGeometric ? "GMAP" : "AP", [relArgument(rel), judgedOnlyArgument(judgedOnly)], at: cutoff)
  }

  public func value(for ranking: JudgedRanking) -> Double {
    let ranking = ranking.condensed(if: judgedOnly)
    let relevant = ranking.relevantCount(rel)
    guard relevant > 0 else { return 0 }
    var found = 0
    var sum = 0.0
    for (position, grade) in ranking.grades.prefix(cutoff ?? ranking.retrievedCount).enumerated() where grade >= rel {
      found += 1
      sum += Double(found) / Double(position + 1)
    }
    return sum / Double(relevant)
  }
}
