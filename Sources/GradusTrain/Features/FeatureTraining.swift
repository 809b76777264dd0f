import GradusCore
import GradusEval
import GradusFormats
import GradusModels
import GradusTensor

/// Trains a ranker of features and keeps the epoch, or the number of trees, that ranks the development queries best; without
/// development queries the last.
///
///     let (training, heldOut) = data.split(heldOut: 0.2, seed: 1)
///     let trained = try FeatureTraining(settings, training: training, heldOut: heldOut).train()
///     let run = test.run(name: "mine", scores: try trained.ranker.scores(test))
///
/// A function of data, settings and seed; networks also for any number of threads, trees for the version of XGBoost and one
/// thread.
public struct FeatureTraining {
  /// What came of it.
  public struct Trained {
    public let ranker: FeatureModel.Ranker
    /// The development figure of the ranker that was kept; nil without development queries.
    public let development: Double?
    /// 1-based epoch, or number of trees.
    public let best: Int
    public let history: [Step]
  }

  /// One epoch, or one tree.
  public struct Step: Sendable, Equatable, Codable {
    /// From 1.
    public let number: Int
    /// Nil for trees.
    public let loss: Double?
    /// Nil without development queries.
    public let development: Double?
  }

  public let settings: FeatureTrainingSettings
  private let training: FeatureData
  private let heldOut: FeatureData?
  private let measure: MeasureSpecification

  /// - Throws: ``FeatureTrainingError``, ``XGBoostError`` for trees' settings, `MeasureNameError`, ``NameError``.
  public init(_ settings: FeatureTrainingSettings, training: FeatureData, heldOut: FeatureData?) throws {
    if let heldOut {
      guard heldOut.width == training.width else {
        throw FeatureTrainingError.heldOutFeatures(expected: training.width, found: heldOut.width)
      }
      guard heldOut.grades.contains(where: { $0 > 0 }) else { throw FeatureTrainingError.nothingToMeasure }
    }
    var settings = settings
    settings.trees.seed = settings.seed
    self.settings = settings
    self.training = training
    self.heldOut = heldOut
    measure = try MeasureSpecification(settings.devMeasure)
    try check()
  }

  private func check() throws {
    func need(_ isMet: Bool, _ name: String, _ found: some Sendable, _ expected: String) throws(FeatureTrainingError) {
      guard isMet else { throw .setting(name: name, found: "\(found)", expected: expected) }
    }
    try need(settings.patience >= 1, "patience", settings.patience, "1 or more")
    if settings.architecture == .lambdamart { return try settings.trees.check() }
    try need(settings.learningRate > 0 && settings.learningRate.isFinite, "the learning rate", settings.learningRate, "above 0")
    try need(settings.weightDecay >= 0 && settings.weightDecay.isFinite, "the weight decay", settings.weightDecay, "0 or more")
    if let reason = networkOptions.contradiction {
      throw FeatureTrainingError.setting(name: "the network", found: reason, expected: "other layers")
    }
    _ = try loss()
    _ = try weighting()
  }

  /// - Parameter onStep: Called after each epoch or tree.
  /// - Throws: What losses, the trainer and XGBoost throw.
  public func train(onStep: @escaping (Step) -> Void = { _ in }) throws -> Trained {
    settings.architecture == .lambdamart ? try trees(onStep) : try network(onStep)
  }

  private func trees(_ onStep: (Step) -> Void) throws -> Trained {
    var history: [Step] = []
    let qrels = heldOut?.qrels
    let trees = try GradientBoostedTrees(
      training: training, options: settings.trees, heldOut: heldOut, patience: settings.patience
    ) { scores in
      guard let heldOut, let qrels else { return 0 }
      return try evaluate(qrels: qrels, run: heldOut.run(name: "development", scores: scores), measures: [measure]).aggregates[0]
    } onTree: { number, value in
      let step = Step(number: number, loss: nil, development: value)
      history.append(step)
      onStep(step)
    }
    return Trained(
      ranker: .trees(trees), development: history[trees.trees - 1].development, best: trees.trees, history: history)
  }

  private var networkOptions: FeatureRanker.Options {
    var options = FeatureRanker.Options()
    options.hidden = settings.architecture == .linear ? [] : settings.hidden
    options.dropout = settings.dropout
    return options
  }

  private func loss() throws -> any RankingLoss {
    let entry = try LossNames.entry(settings.loss)
    guard case .scores(let loss) = try LossNames.named(settings.loss) else {
      throw FeatureTrainingError.loss(settings.loss, needs: entry.model == .vectors ? "vectors" : "clicks")
    }
    guard entry.forms.contains(.listwise) else {
      throw FeatureTrainingError.loss(settings.loss, needs: "pairs of one positive and its negatives")
    }
    if entry.labels == .teacher || entry.labels == .clicks {
      throw FeatureTrainingError.loss(settings.loss, needs: entry.labels == .teacher ? "another ranker's scores" : "clicks")
    }
    return loss
  }

  /// The ranker with what the loss needs on top of its score; it ranks as without.
  private func head(_ ranker: FeatureRanker, _ loss: any RankingLoss) -> any PairScorer {
    if let ordinal = loss as? OrdinalLoss { return OrdinalScorer(ranker, levels: ordinal.levels) }
    return loss.logitsPerDocument == 2 ? TwoLogitScorer(ranker) : ranker
  }

  private func weighting() throws -> (any SampleWeighting)? {
    let parts = try WeightingNames.parse(settings.weighting)
    guard let first = parts.first else { return nil }
    guard parts.count == 1, case .loss(let weighting) = first else { throw FeatureTrainingError.weighting(settings.weighting) }
    return weighting
  }

  private func network(_ onStep: @escaping (Step) -> Void) throws -> Trained {
    let fresh = FeatureRanker(
      transform: FeatureTransform(settings.transform, fittedOn: training), features: training.width, options: networkOptions,
      seed: settings.seed)
    let ranker = fresh.reading([training])
    let loss = try self.loss()
    let scorer = head(ranker, loss)
    let optimizer = AdamW(
      groups: [
        ParameterGroup(parameters: scorer.parameters, learningRate: settings.learningRate, weightDecay: settings.weightDecay)
      ])
    var options = TrainerOptions(seed: settings.seed)
    options.batchSize = settings.batch
    options.epochLength = .passes(1)
    options.maxEpochs = settings.epochs
    options.earlyStopping = EarlyStopping(patience: settings.patience)
    let trainer = try Trainer(
      models: [TrainedModel(scorer, optimizer: optimizer)],
      sampler: try FeatureListSampler(
        data: training, largest: settings.largestList, minimumPositiveGrade: settings.positiveGrade, seed: settings.seed),
      texts: NamesAlone(), objectives: [TrainingObjective(loss, weighting: try weighting())],
      validation: heldOut.map { FeatureValidation(ranker: ranker, data: $0, qrels: $0.qrels, measure: measure) },
      hooks: [StepReport(onStep)], options: options)
    let result = try trainer.train()
    let best = result.bestEpoch ?? result.history.count - 1
    let history = result.history.map(Step.init)
    return Trained(ranker: .network(fresh), development: history[best].development, best: best + 1, history: history)
  }
}

extension FeatureTraining.Step {
  fileprivate init(_ record: EpochRecord) {
    self.init(number: record.epoch + 1, loss: record.objectives[0].meanLoss, development: record.validation?.value)
  }
}

/// Rankers of features read names, not texts.
struct NamesAlone: TrainingTexts {
  func query(_ qid: String) -> Query { Query(qid: qid, text: "") }
  func document(_ docno: String) -> Document { Document(docno: docno, text: "") }
}

/// Ranks the rows of held-out queries.
struct FeatureValidation: TrainingValidation {
  let ranker: FeatureRanker
  let data: FeatureData
  let qrels: Qrels
  let measure: MeasureSpecification

  func validate(_ models: [TrainedModel]) throws -> ValidationResult {
    let scores = try ranker.scores(data)
    if let row = scores.firstIndex(where: { !$0.isFinite }) {
      let qid = data.groups.first { $0.rows.contains(row) }?.qid ?? ""
      throw TrainingError.scoreNotFinite(qid: qid, docno: data.docnos[row])
    }
    let evaluation = try evaluate(qrels: qrels, run: data.run(name: "validation", scores: scores), measures: [measure])
    return ValidationResult(value: evaluation.aggregates[0], perQuery: evaluation.values[0])
  }
}

/// Tells the caller of each epoch.
private struct StepReport: TrainerHook {
  let report: (FeatureTraining.Step) -> Void

  init(_ report: @escaping (FeatureTraining.Step) -> Void) { self.report = report }

  func afterEpoch(_ trainer: Trainer, record: EpochRecord) { report(FeatureTraining.Step(record)) }
}
