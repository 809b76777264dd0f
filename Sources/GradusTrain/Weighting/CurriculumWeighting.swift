/// Weighs samples by a training curriculum: how easy the first stage finds a sample, and how far training has come.
///
///     let weighting = CurriculumWeighting(
///       heuristic: ReciprocalRankDifficulty(), schedule: try LinearCurriculum(endEpoch: 20),
///       statistics: try FirstStageStatistics(run: bm25))
///
/// From the schedule's end on every weight is exactly 1, so that training goes on to the bit like the unweighted one.
/// Easiness is still computed then, for the statistics of the epoch.
///
/// In the paper every sample has its own weight, which is what this does. The released code multiplies the mean loss of
/// a batch by its mean weight instead: ``SampleWeighting/averaged(over:)`` gives that.
public struct CurriculumWeighting: SampleWeighting {
  public let heuristic: any DifficultyHeuristic
  public let schedule: any CurriculumSchedule
  public let statistics: FirstStageStatistics

  public init(
    heuristic: any DifficultyHeuristic, schedule: any CurriculumSchedule, statistics: FirstStageStatistics
  ) {
    self.heuristic = heuristic
    self.schedule = schedule
    self.statistics = statistics
  }

  public var readsScores: Bool { false }

  /// - Throws: ``CurriculumError/epochMissing``; ``FirstStageError`` for samples that the first stage does not know.
  public func weights(for input: WeightingInput) throws -> SampleWeights {
    guard let epoch = input.epoch, epoch >= 0 else { throw CurriculumError.epochMissing }
    let easiness = try input.samples.map { sample in
      let easiness = try heuristic.easiness(of: sample, in: statistics)
      guard easiness >= 0 && easiness <= 1 else {
        throw CurriculumError.easinessOutsideUnitInterval(sample: sample.id)
      }
      return easiness
    }
    return SampleWeights(
      values: easiness.map { schedule.weight(easiness: $0, epoch: epoch) }, easiness: easiness)
  }

  /// What the weights follow from beside the run. Nothing moves: it only tells one curriculum from another.
  public struct State: Codable, Sendable, Equatable {
    public let heuristic: String
    public let schedule: String
  }

  public var resumeState: State { State(heuristic: "\(heuristic)", schedule: "\(schedule)") }

  /// - Throws: ``CurriculumError/otherCurriculum(expected:found:)`` for a state of another heuristic or schedule.
  public func resume(from state: State) throws {
    guard state == resumeState else {
      throw CurriculumError.otherCurriculum(
        expected: "\(heuristic), \(schedule)", found: "\(state.heuristic), \(state.schedule)")
    }
  }
}
