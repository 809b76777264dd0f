import Gradus

/// Pairs and texts that all weightings are measured on.
struct WeightingBench {
  /// A weighting as it is trained with.
  struct Case {
    let name: String
    let needs: String
    /// Cuts the step in two.
    var isCut = false
    var hasSecondModel = false
    let make: @Sendable (WeightingBench) throws -> (any SampleWeighting)?

    static let all = [
      Case(name: "curriculum recip", needs: "") { try $0.curriculum(ReciprocalRankDifficulty()) },
      Case(name: "curriculum norm", needs: "") { try $0.curriculum(NormalizedScoreDifficulty()) },
      Case(name: "curriculum kde", needs: "") { try $0.curriculum(KDEScoreDifficulty()) },
      Case(name: "loss(warmup=0)", needs: "") { _ in try LossReweighting(warmupSteps: 0) },
      Case(
        name: "loss(warmup=0), step cut in two", needs: "a forward pass over the step, since weights need all losses", isCut: true
      ) { _ in try LossReweighting(warmupSteps: 0) },
      Case(name: "propensity", needs: "") { try InversePropensityWeighting(statistics: $0.statistics) },
      Case(name: "consensus", needs: "a pass over all pairs before each epoch, not in the step") {
        try ConsensusWeighting(
          pairs: $0.pairs, views: [.model("ranker"), .run($0.statistics)], division: try ConfidentConsensusDivision(), seed: 1)
      },
      Case(name: "cet", needs: "a second model, trained along, and a pass of each over the step", hasSecondModel: true) { _ in
        try CoupledEstimation(selection: "selection").relevanceWeighting
      },
    ]
  }

  let statistics: FirstStageStatistics
  let pairs: [TrainingSample]
  private let folder: ModelFolder
  private let limits: TokenLimits
  private let collection: BenchCollection
  private let qrels: Qrels

  /// - Throws: `UsageError` where the model does not take so many tokens.
  init(folder: ModelFolder, documents: Int, options: ModelBenchOptions) throws {
    try options.checkTokens(try BertEncoder(folder: folder).configuration.maximumPositions)
    let tokens = options.tokens
    self.folder = folder
    limits = TokenLimits(maximumTokens: tokens)
    collection = try BenchCollection(queries: documents / 2, tokens: tokens, tokenizer: try folder.tokenizer())
    var qrels = Qrels()
    for qid in collection.qids { qrels.judge(qid: qid, docno: qid + "-1", grade: 1) }
    self.qrels = qrels
    statistics = try FirstStageStatistics(run: collection.run)
    pairs = collection.qids.map { .pairwise(qid: $0, positive: $0 + "-1", negatives: [$0 + "-0"]) }
  }

  func curriculum(_ heuristic: any DifficultyHeuristic) throws -> CurriculumWeighting {
    CurriculumWeighting(heuristic: heuristic, schedule: try LinearCurriculum(endEpoch: 20), statistics: statistics)
  }

  func measure(_ weighted: Case, repeats: Int) throws -> BenchWeightingsCommand.Figures.Row {
    let own = try trainer(weighted)
    let plain = try trainer(Case(name: "none", needs: "", isCut: weighted.isCut) { _ in nil })
    // The first step opens the epoch, with whatever belongs before it.
    for trainer in [own, plain] { _ = try trainer.train(steps: 1) }
    let times = try StepTimes(
      turns: repeats, of: { _ = try own.train(steps: 1) }, beside: { _ = try plain.train(steps: 1) })
    return BenchWeightingsCommand.Figures.Row(
      name: weighted.name, seconds_per_step: times.seconds, ratio: times.ratio, needs: weighted.needs)
  }

  private func trainer(_ weighted: Case) throws -> Trainer {
    func model(_ name: String, seed: UInt64) throws -> TrainedModel {
      let scorer = try CrossEncoder(base: folder, head: .similarity, limits: limits, seed: seed)
      let group = ParameterGroup(parameters: scorer.parameters, learningRate: 1e-6, weightDecay: 0.01)
      return TrainedModel(scorer, name: name, optimizer: AdamW(groups: [group]))
    }
    var models = [try model("ranker", seed: 1)]
    var objectives = [TrainingObjective(PairwiseCrossEntropyLoss(), weighting: try weighted.make(self))]
    if weighted.hasSecondModel {
      models.append(try model("selection", seed: 2))
      objectives.append(
        TrainingObjective(
          PairwiseCrossEntropyLoss(), name: "selection", model: "selection",
          weighting: try CoupledEstimation(selection: "selection").selectionWeighting))
    }
    var options = TrainerOptions(seed: 1)
    options.batchSize = pairs.count
    options.microBatchSize = weighted.isCut ? pairs.count / 2 : nil
    options.epochLength = .samples(1 << 40)
    options.showsProgress = false
    return try Trainer(
      models: models, sampler: try PairwiseSampler(run: collection.run, qrels: qrels, seed: 1), texts: collection.texts,
      objectives: objectives, options: options)
  }
}
