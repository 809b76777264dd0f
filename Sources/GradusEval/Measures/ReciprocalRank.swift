/// Reciprocal of the rank of the first relevant document; 0 where none stands within the cut-off.
///
/// `recip_rank` of trec_eval; its mean over queries is MRR.
public struct ReciprocalRank: Measure {
  public let cutoff: Int?
  public let rel: Int32
  public let judgedOnly: Bool

  public init(cutoff: Int? = nil, rel: Int32 = 1, judgedOnly: Bool = false) {
    self.cutoff = cutoff
    self.rel = rel
    self.judgedOnly = judgedOnly
  }

  public var description: String {
    measureName("RR", [relArgument(rel), judgedOnlyArgument(judgedOnly)], at: cutoff)
  }

  public func value(for ranking: JudgedRanking) -> Double {
    let ranking = ranking.condensed(if: judgedOnly)
    for (position, grade) in ranking.grades.prefix(cutoff ?? ranking.retrievedCount).enumerated() where grade >= rel {
      return 1 / Double(position + 1)
    }
    return 0
  }
}
