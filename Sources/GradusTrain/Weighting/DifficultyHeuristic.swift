/// Tells from the first stage how easy a training sample is (MacAvaney et al., "Training Curricula for Open Domain
/// Answer Re-Ranking", SIGIR 2020).
///
/// A heuristic gives each document a signal phi in `[0, 1]`, high where the first stage likes the document. A sample is
/// easy where the first stage already has it right:
///
///     pairwise   D = (phi(positive) - phi(negative) + 1) / 2, the least over the negatives
///     pointwise  D = phi of a positive document, 1 - phi of any other
///
/// `D` is called the difficulty in the paper, but 1 is easiest; here it is ``easiness(of:in:)``. Swapping the documents
/// of a pair gives `1 - D`, and equal signals give 0.5.
///
///     try ReciprocalRankDifficulty().easiness(of: pair, in: statistics)   // 0.65
public protocol DifficultyHeuristic: Sendable {
  /// phi of a document for a query, in `[0, 1]`.
  ///
  /// - Throws: ``FirstStageError`` where the run does not know query or document and the heuristic needs it.
  func signal(qid: String, docno: String, in statistics: FirstStageStatistics) throws -> Double
}

extension DifficultyHeuristic {
  /// D of a sample, in `[0, 1]`; 1 is easiest.
  public func easiness(of sample: TrainingSample, in statistics: FirstStageStatistics) throws -> Double {
    let signals = try sample.documents.map { try signal(qid: sample.qid, docno: $0.docno, in: statistics) }
    return easiness(of: sample, signals: signals)
  }

  /// D from the signals of the sample's documents.
  func easiness(of sample: TrainingSample, signals: [Double]) -> Double {
    switch sample.form {
    case .pointwise: sample.documents[0].isPositive ? signals[0] : 1 - signals[0]
    case .pairwise: signals.dropFirst().reduce(.infinity) { min($0, (signals[0] - $1 + 1) / 2) }
    }
  }
}

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
