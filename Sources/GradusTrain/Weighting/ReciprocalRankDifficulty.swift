/// phi = 1 / rank: only the top of the first stage counts. Invariant to any monotone map of the scores.
///
///     ReciprocalRankDifficulty()   // a document outside the run gets phi = 0.001
public struct ReciprocalRankDifficulty: DifficultyHeuristic, Equatable {
  /// The rank that a document outside the run is given; at least the depth of the run, to mean what it says.
  public let missingRank: Int

  /// - Throws: ``CurriculumError/missingRankBelowOne(_:)``.
  public init(missingRank: Int) throws(CurriculumError) {
    guard missingRank >= 1 else { throw .missingRankBelowOne(missingRank) }
    self.missingRank = missingRank
  }

  /// The paper's setting: rank 1000 for a document outside the run.
  public init() { missingRank = 1000 }

  public func signal(qid: String, docno: String, in statistics: FirstStageStatistics) throws -> Double {
    1 / Double(try statistics.rank(qid: qid, docno: docno) ?? missingRank)
  }
}
