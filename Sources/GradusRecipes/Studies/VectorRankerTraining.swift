import GradusCore
import GradusEval
import GradusTrain

/// The training of a ranker on frozen vectors that studies of losses, weightings and noise share: Adam, development queries that
/// choose the epoch, test queries that are measured after each one. Both re-rank BM25's candidates.
///
/// Reads the settings `batch`, `epochs`, `steps-per-epoch`, `test-queries` and `depth`.
struct VectorRankerTraining {
  static let measure = "nDCG@10"

  let history: [EpochRecord]
  let bestEpoch: Int
  private let tester: EpochTester

  /// - Parameters:
  ///   - models: The ranker, named `ranker`, and those that are trained along with it.
  ///   - hooks: Of the study, after the measuring of the test queries.
  init(
    _ bench: VectorBench, _ settings: StudySettings, models: [TrainedModel], sampler: some TrainingSampler,
    objectives: [TrainingObjective], hooks: [any TrainerHook] = [], seed: UInt64
  ) throws {
    let measure = try MeasureSpecification(Self.measure)
    func candidates(_ qrels: Qrels) throws -> (groups: [CandidateGroup], qrels: Qrels) {
      let chosen = TrainingData.evenly(qrels, settings.count("test-queries"))
      return (try bench.groups(chosen, depth: settings.count("depth")), chosen)
    }
    let development = try candidates(bench.data.dev)
    let test = try candidates(try bench.data.qrels("test"))
    tester = EpochTester(groups: test.groups, qrels: test.qrels, measure: measure)
    let trainer = try Trainer(
      models: models, sampler: sampler, texts: NamesAsTexts(), objectives: objectives,
      validation: RankingValidation(groups: development.groups, qrels: development.qrels, measure: measure),
      hooks: [tester] + hooks, options: settings.trainerOptions(batch: settings.count("batch"), seed: seed))
    let result = try trainer.train()
    history = result.history
    bestEpoch = result.bestEpoch ?? 0
  }

  /// The test queries, which the values are of.
  var items: [String] { tester.groups.map(\.query.qid) }
  var valuesOfBestEpoch: [Double] { tester.perEpoch[bestEpoch] }
  var valuesOfLastEpoch: [Double] { tester.perEpoch.last ?? [] }
  /// What the development queries say of the best epoch.
  var development: Double? { history[bestEpoch].validation?.value }
  var curves: [StudyCurve] { tester.curves }
}
