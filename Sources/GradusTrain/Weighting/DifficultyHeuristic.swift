/// Tells from the first stage how easy a training sample is (MacAvaney et al., "Training Curricula for Open Domain
/// Answer Re-Ranking", SIGIR 2020).
///
/// A heuristic gives each document a signal phi in `[0, 1]`, high where the first stage likes the document. A sample is
/// easy where the first stage already has it right:
///
///     pairwise   D = (phi(positive) - phi(negative) + 1) / 2, the least over the negatives
///     listwise   the least pairwise D over all its positives and negatives, 1 where it lacks one of them
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
    case .listwise:
      zip(sample.documents, signals).filter(\.0.isPositive).reduce(1.0) { least, positive in
        zip(sample.documents, signals).filter { !$0.0.isPositive }.reduce(least) { min($0, (positive.1 - $1.1 + 1) / 2) }
      }
    case .pairwise: signals.dropFirst().reduce(.infinity) { min($0, (signals[0] - $1 + 1) / 2) }
    }
  }
}
