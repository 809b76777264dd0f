/// phi = (score - lowest) / (highest - lowest) over the query's run, clamped to `[0, 1]` for documents outside the run.
/// Invariant to positive affine maps of the scores.
///
///     NormalizedScoreDifficulty()   // where all scores of a query tie, phi = 0.5
public struct NormalizedScoreDifficulty: DifficultyHeuristic, Equatable {
  /// phi of every document of a query whose scores are all equal: they say nothing, and the formula divides by 0.
  public let constantValue: Double

  /// - Throws: ``CurriculumError/constantValueOutsideUnitInterval(_:)``.
  public init(constantValue: Double) throws(CurriculumError) {
    self.constantValue = try checkedConstantValue(constantValue)
  }

  public init() { constantValue = 0.5 }

  public func signal(qid: String, docno: String, in statistics: FirstStageStatistics) throws -> Double {
    let query = try statistics.query(qid)
    let score = try statistics.score(qid: qid, docno: docno)
    if query.isConstant { return constantValue }
    // Halves, because the difference of two finite scores may overflow.
    return min(max((score / 2 - query.lowest / 2) / (query.highest / 2 - query.lowest / 2), 0), 1)
  }
}

func checkedConstantValue(_ value: Double) throws(CurriculumError) -> Double {
  guard value >= 0 && value <= 1 else { throw .constantValueOutsideUnitInterval(value) }
  return value
}
