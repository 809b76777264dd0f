import GradusCore
import GradusData
import GradusEval
import GradusFormats
import GradusModels
import GradusTensor
import GradusText
import GradusTrain

/// Trains a ranker on a collection: first stage, samples, curriculum, loss, validation, early stopping.
///
///     var settings = TrainingSettings()
///     settings.curriculum = "recip"
///     let training = try RankerTraining(settings)
///     let outcome = try training.run(out: "my-ranker")
///     outcome.history.development.model   // nDCG@10 of the development queries
///
/// Queries of the training split are trained on, those of the development split choose the best epoch and the first
/// stage's weight; nothing of any other split is scored. The result is a function of settings and data: killed at any
/// moment and started again, it has the same bits.
public struct RankerTraining {
  public let settings: TrainingSettings
  public let data: TrainingData
  public let base: ModelFolder
  let baseDigest: String
  /// Of data and teacher, by name.
  let digests: [String: String]
  private let teacher: Run?
  private let guide: ModelFolder?

  /// Finds model and collection by the names in `settings`.
  ///
  /// - Throws: ``SettingError/contradiction(_:)`` for settings that cannot go together; the catalogues' errors for what is
  ///   not on this machine.
  public init(_ settings: TrainingSettings, home: DataHome = .current, showsProgress: Bool? = nil) throws {
    let installed = try ModelCatalog(home: home).locate(settings.model)
    let collection = try CollectionCatalog(home: home).locate(settings.data)
    try self.init(
      settings, data: try TrainingData(collection, home: home, showsProgress: showsProgress),
      base: ModelFolder(path: installed.folder), home: home)
  }

  /// With data that is at hand, for many trainings on one collection.
  ///
  /// - Parameter home: Where a guide model is found by name.
  public init(_ settings: TrainingSettings, data: TrainingData, base: ModelFolder, home: DataHome = .current) throws {
    try settings.checkTogether()
    self.settings = settings
    self.data = data
    self.base = base
    baseDigest = try base.weightsDigest()
    teacher = settings.teacher.isEmpty ? nil : try TrecRunReader.read(settings.teacher)
    var digests = data.digests
    if !settings.teacher.isEmpty { digests["teacher"] = try FileDigest.sha256(settings.teacher) }
    if settings.guide.isEmpty {
      guide = nil
    } else {
      let folder = ModelFolder(path: try ModelCatalog(home: home).locate(settings.guide).folder)
      digests["guide"] = try folder.weightsDigest()
      guide = folder
    }
    self.digests = digests
  }

  /// A trained model in memory.
  public struct Trained {
    public let model: RankingModel
    public let history: TrainingHistory
  }

  /// Trains to the end.
  ///
  /// - Parameters:
  ///   - checkpoint: Where the state is kept; a checkpoint that is there is taken up.
  ///   - steps: Stops after so many optimizer steps: nil is returned then, and the state is in the checkpoint.
  ///   - onPlan: Called before the first step with what memory the training will need.
  ///   - onEpoch: Called after each epoch.
  public func train(
    checkpoint: String? = nil, steps: Int? = nil, showsProgress: Bool? = nil,
    onPlan: (TrainingMemory) -> Void = { _ in }, onEpoch: @escaping (TrainingHistory.Epoch) -> Void = { _ in }
  ) throws -> Trained? {
    let model = try freshModel()
    let chosen = TrainingData.evenly(data.dev, settings.devQueries)
    let devGroups = try data.groups(
      try data.run(chosen, model: settings.firstStage, depth: settings.devDepth), qrels: chosen)
    let devQrels = chosen.restricted(to: Set(devGroups.map(\.query.qid)))
    let measure = try MeasureSpecification(settings.devMeasure)
    let trainer = try trainer(
      model, validation: RankingValidation(groups: devGroups, qrels: devQrels, measure: measure),
      checkpoint: checkpoint, showsProgress: showsProgress, onEpoch: onEpoch)
    if let checkpoint, TrainingFolder.holdsCheckpoint(checkpoint) { try trainer.resume(from: checkpoint) }
    if let plan = try plannedMemory(model) { onPlan(plan) }
    let result = try trainer.train(steps: steps)
    guard result.end != .interrupted, let bestEpoch = result.bestEpoch else {
      if let checkpoint { try trainer.saveCheckpoint(to: checkpoint) }
      return nil
    }

    let scores = try devGroups.map { group in
      try model.scorer.rankingScores(group.candidates.map { ScoringPair(query: group.query, document: $0.document) }).map(\.score)
    }
    let tuned = try FirstStageWeight(groups: devGroups, scores: scores, qrels: devQrels, measure: measure)
    let firstStage = Run(name: "first stage", rankings: devGroups.map { group in
      Ranking(qid: group.query.qid, alreadyOrdered: group.candidates.map {
        ScoredDocument(docno: $0.document.docno, score: $0.firstStageScore ?? 0)
      })
    })
    let tunes = settings.tunesFirstStageWeight
    let history = TrainingHistory(
      epochs: result.history.map(TrainingHistory.Epoch.init), bestEpoch: bestEpoch, end: result.end,
      stoppedInsideCurriculum: result.stoppedInsideCurriculum,
      development: TrainingHistory.Development(
        measure: measure.description, queries: devQrels.qids.count, depth: settings.devDepth,
        firstStage: try evaluate(qrels: devQrels, run: firstStage, measures: [measure]).aggregates[0],
        model: tuned.valueAlone, interpolated: tunes ? tuned.value : nil, firstStageWeight: tunes ? tuned.weight : nil))
    var trained = try calibrated(model, on: devGroups, devQrels)
    trained.manifest.firstStageWeight = tunes ? tuned.weight : nil
    return Trained(model: trained, history: history)
  }

  /// The model with exits whose logits are probabilities, as the development queries' candidates have it.
  private func calibrated(_ model: RankingModel, on groups: [CandidateGroup], _ qrels: Qrels) throws -> RankingModel {
    guard let scorer = model.scorer as? CrossEncoder, !scorer.exits.isEmpty else { return model }
    let pairs = groups.flatMap { group in group.candidates.map { ScoringPair(query: group.query, document: $0.document) } }
    let isRelevant = pairs.map { pair in
      (qrels.grade(qid: pair.query.qid, docno: pair.document.docno) ?? 0) >= settings.positiveGrade
    }
    return RankingModel(scorer: try scorer.calibratingExits(on: pairs, isRelevant: isRelevant), manifest: model.manifest)
  }

  // MARK: - Parts

  /// The model before the first step.
  ///
  /// - Parameter seed: Of its first weights; nil for the settings'.
  func freshModel(seed: UInt64? = nil) throws -> RankingModel {
    let seed = seed ?? settings.seed
    let manifest = ModelManifest(
      architecture: settings.architecture, base: settings.model, baseDigest: baseDigest,
      recipe: Dictionary(uniqueKeysWithValues: settings.values.map { ($0.name, $0.value) }), seed: seed,
      dataDigests: digests)
    switch settings.architecture {
    case .convKNRM: return RankingModel(scorer: try ConvKNRM(base: base, seed: seed), manifest: manifest)
    case .biEncoder:
      var scorer = try BiEncoder(folder: base)
      try prepare(scorer.encoder)
      scorer.limits = TokenLimits(
        maximumTokens: min(settings.maximumTokens, scorer.encoder.configuration.maximumPositions))
      return RankingModel(scorer: scorer, manifest: manifest)
    case .crossEncoder:
      var scorer = try CrossEncoder(base: base, head: settings.head, seed: seed)
      if let layers = settings.encoderLayers { scorer = try scorer.keepingFirst(layers) }
      scorer = try scorer.joined(at: settings.joinLayer)
      if !settings.exits.isEmpty { scorer = try scorer.withExits(at: settings.exits, seed: seed) }
      let encoder = scorer.encoder
      try prepare(encoder)
      scorer.limits = TokenLimits(
        maximumTokens: min(settings.maximumTokens, encoder.configuration.maximumPositions),
        maximumQueryTokens: settings.maximumQueryTokens)
      return RankingModel(scorer: scorer, manifest: manifest)
    }
  }

  private func prepare(_ encoder: BertEncoder) throws {
    guard settings.precision.isNative else {
      throw SettingError.contradiction(
        "precision \(settings.precision.rawValue): this processor has no instructions for it; take fp32")
    }
    if let layers = settings.layers { encoder.trainLastLayers(layers) } else { encoder.freezeEmbeddings() }
    for parameter in encoder.parameters { parameter.productPrecision = settings.precision }
  }

  private func optimizerGroups(_ scorer: any PairScorer) -> [ParameterGroup] {
    let encoder: BertEncoder, rest: [Parameter]
    switch scorer {
    case let ordinal as OrdinalScorer:
      let thresholds = ParameterGroup(
        "thresholds", parameters: ordinal.thresholdParameters, learningRate: settings.headLearningRate)
      return optimizerGroups(ordinal.base) + [thresholds]
    case let classifier as TwoLogitScorer: return optimizerGroups(classifier.base)
    case let exiting as MultiExitScorer: return optimizerGroups(exiting.base)
    case let model as CrossEncoder:
      encoder = model.encoder
      rest = model.headParameters
    case let model as BiEncoder:
      encoder = model.encoder
      rest = model.headParameters
    default: return [ParameterGroup("all", parameters: scorer.parameters, learningRate: settings.headLearningRate)]
    }
    let groups = [
      ParameterGroup("encoder", parameters: encoder.trainableParameters, learningRate: settings.encoderLearningRate),
      ParameterGroup("head", parameters: rest, learningRate: settings.headLearningRate),
    ]
    return groups.filter { !$0.parameters.isEmpty }
  }

  /// What takes part in the training beside the sampler, and what is minimised.
  private struct Parts {
    var models: [TrainedModel]
    var objectives: [TrainingObjective]
  }

  private func parts(_ model: RankingModel, candidates: Run, schedule: any LearningRateSchedule) throws -> Parts {
    func trained(_ scorer: any PairScorer, name: String = "ranker") -> TrainedModel {
      TrainedModel(
        scorer, name: name, optimizer: Adam(groups: optimizerGroups(scorer)), schedule: schedule,
        gradientClipping: settings.gradientClipping)
    }
    let weighting = try weighting(candidates)
    var models: [TrainedModel] = []
    /// One term for each model that is trained with the loss.
    let objective: (_ name: String, _ model: String, _ weighting: (any SampleWeighting)?) -> TrainingObjective
    var head: (any PairScorer) -> any PairScorer = { $0 }
    switch try LossNames.named(settings.loss, context: LossContext(shown: candidates)) {
    case .scores(let loss):
      if let ordinal = loss as? OrdinalLoss {
        head = { OrdinalScorer($0, levels: ordinal.levels) }
      } else if loss.logitsPerDocument == 2 {
        head = { TwoLogitScorer($0) }
      }
      if !settings.exits.isEmpty {
        objective = { [weight = settings.exitWeight] in
          TrainingObjective(loss, exitWeight: weight, name: $0, model: $1, weighting: $2)
        }
        head = { scorer in (scorer as? CrossEncoder).map { MultiExitScorer($0) } ?? scorer }
      } else {
        objective = { TrainingObjective(loss, name: $0, model: $1, weighting: $2) }
      }
    case .vectors(let loss):
      objective = { [train = data.train, hasGuide = guide != nil] name, model, weighting in
        TrainingObjective(
          loss, qrels: train, guide: hasGuide ? "guide" : nil, name: name, model: model, weighting: weighting)
      }
      if let guide { models.append(TrainedModel(try BiEncoder(folder: guide), name: "guide", optimizer: nil)) }
    case .dual(let dual):
      let positions = PositionModel(log: dual.log, positions: min(settings.depth, 50))
      return Parts(
        models: [trained(model.scorer), trained(positions, name: "propensity")],
        objectives: dual.objectives(weighting: weighting))
    }
    models.insert(trained(head(model.scorer)), at: 0)
    var objectives = [objective("loss", "ranker", weighting)]
    for case .cet(let coupled) in try WeightingNames.parse(settings.weighting) {
      // Another seed: two models that start alike would stay alike.
      models.append(trained(head(try freshModel(seed: settings.seed &+ 1).scorer), name: coupled.selection))
      objectives.append(objective("selection", coupled.selection, coupled.selectionWeighting))
    }
    return Parts(models: models, objectives: objectives)
  }

  private func trainer(
    _ model: RankingModel, validation: RankingValidation, checkpoint: String?, showsProgress: Bool?,
    onEpoch: @escaping (TrainingHistory.Epoch) -> Void
  ) throws -> Trainer {
    let candidates = try data.run(data.train, model: settings.firstStage, depth: settings.depth)
    let stepsPerEpoch = (settings.samplesPerEpoch + settings.batch - 1) / settings.batch
    let schedule: any LearningRateSchedule =
      switch settings.schedule {
      case .constant: ConstantSchedule(warmupSteps: settings.warmup)
      case .linear: LinearWarmupDecay(warmupSteps: settings.warmup, totalSteps: stepsPerEpoch * settings.epochs)
      }
    var options = TrainerOptions(seed: settings.seed)
    options.batchSize = settings.batch
    options.microBatchSize = settings.microBatch
    options.gradientCacheSize = settings.gradientCache
    options.checkpointsActivations = settings.checkpointsActivations
    options.epochLength = .samples(settings.samplesPerEpoch)
    options.maxEpochs = settings.epochs
    options.earlyStopping = EarlyStopping(patience: settings.patience)
    options.checkpoint = checkpoint.map { CheckpointPolicy(directory: $0) }
    options.showsProgress = showsProgress
    let parts = try parts(model, candidates: candidates, schedule: schedule)
    return try Trainer(
      models: parts.models, sampler: try sampler(candidates), texts: data, objectives: parts.objectives,
      validation: validation, hooks: [EpochReporter(body: onEpoch)], options: options)
  }

  /// Draws from the training queries' candidates.
  func sampler(_ candidates: Run) throws -> any TrainingSampler {
    let labels: LabelScale =
      switch try LossNames.entry(settings.loss).labels {
      case .probabilities, .clicks: .binary
      default: .grade
      }
    switch settings.sampling {
    case .pairwise:
      return taught(try PairwiseSampler(
        run: candidates, qrels: data.train, minimumPositiveGrade: settings.positiveGrade, negatives: settings.negatives,
        labels: labels, seed: settings.seed))
    case .listwise:
      return taught(try ListwiseSampler(
        run: candidates, qrels: data.train, size: settings.listSize, minimumPositiveGrade: settings.positiveGrade,
        labels: labels, seed: settings.seed))
    case .pointwise:
      return taught(try PointwiseSampler(
        run: candidates, qrels: data.train, minimumPositiveGrade: settings.positiveGrade, labels: labels,
        seed: settings.seed))
    }
  }

  private func taught(_ sampler: some TrainingSampler) -> any TrainingSampler {
    guard let teacher else { return sampler }
    return TeacherLabelledSampler(sampler, teacher: teacher)
  }

  /// The curriculum and the other weightings; nil for none of them.
  private func weighting(_ candidates: Run) throws -> (any SampleWeighting)? {
    let statistics = try FirstStageStatistics(run: candidates)
    var factors = try WeightingNames.parse(settings.weighting).map { try weighting($0, candidates, statistics) }
    if let curriculum = try curriculum(statistics) { factors.insert(curriculum, at: 0) }
    return factors.count > 1 ? try ProductWeighting(factors, renormalization: .mean(1)) : factors.first
  }

  private func curriculum(_ statistics: FirstStageStatistics) throws -> (any SampleWeighting)? {
    guard settings.curriculum != "none" else { return nil }
    let curriculum = CurriculumWeighting(
      heuristic: try CurriculumNames.heuristic(settings.curriculum, teacher: teacher),
      schedule: try LinearCurriculum(endEpoch: settings.curriculumEnd, anti: settings.isAnti), statistics: statistics)
    let granularity = try CurriculumNames.granularity(settings.curriculumWeighting)
    return granularity == .perSample ? curriculum : try curriculum.averaged(over: granularity)
  }

  private func weighting(
    _ specification: WeightingNames.Specification, _ candidates: Run, _ statistics: FirstStageStatistics
  ) throws -> any SampleWeighting {
    switch specification {
    case .loss(let weighting): return weighting
    case .cet(let coupled): return coupled.relevanceWeighting
    case .propensity(let temperature, let missingRank):
      return try InversePropensityWeighting(statistics: statistics, temperature: temperature, missingRank: missingRank)
    case .consensus(let division, let startEpoch, let readsFirstStage):
      let sampler = try PairwiseSampler(
        run: candidates, qrels: data.train, minimumPositiveGrade: settings.positiveGrade, negatives: settings.negatives,
        seed: settings.seed)
      return try ConsensusWeighting(
        pairs: sampler.everyPositive(negatives: Self.filterNegatives, seed: settings.seed),
        views: [.model("ranker")] + (readsFirstStage ? [.run(statistics)] : []), division: division, startEpoch: startEpoch,
        seed: settings.seed)
    }
  }

  /// Negatives that a pair's loss is measured against when pairs are divided into clean and noisy.
  private static let filterNegatives = 4
}

extension TrainingSettings {
  /// - Throws: ``SettingError/contradiction(_:)``.
  func checkTogether() throws {
    let entry = try LossNames.entry(self.loss)
    let loss = try LossNames.named(self.loss)
    guard entry.forms.contains(sampling) else {
      let forms = entry.forms.map(\.rawValue).joined(separator: " or ")
      throw SettingError.contradiction(
        "loss \(self.loss) compares documents: it needs \(forms) sampling, not \(sampling.rawValue)")
    }
    if teacher.isEmpty, entry.labels == .teacher {
      throw SettingError.contradiction("loss \(self.loss) learns from another ranker's scores: name its run as teacher")
    }
    if entry.model == .vectors, architecture != .biEncoder {
      throw SettingError.contradiction(
        "loss \(self.loss) compares vectors: it needs architecture bi-encoder, not \(architecture.rawValue)")
    }
    if CurriculumNames.readsTeacher(curriculum), teacher.isEmpty {
      throw SettingError.contradiction("curriculum \(curriculum) judges by another ranker's scores: name its run as teacher")
    }
    let weightings = try WeightingNames.parse(weighting)
    if sampling != .pairwise, weightings.contains(where: { if case .loss = $0 { false } else { true } }) {
      throw SettingError.contradiction(
        "weighting \(weighting) judges a positive or its negatives: it needs pairwise sampling, not \(sampling.rawValue)")
    }
    if entry.name == "dla", weightings.contains(where: { if case .cet = $0 { true } else { false } }) {
      throw SettingError.contradiction("loss dla trains a second model of its own: weighting cet does not go with it")
    }
    if weightings.count(where: { if case .cet = $0 { true } else { false } }) > 1 {
      throw SettingError.contradiction("weighting \(weighting) names cet twice; one selection model can be trained")
    }
    if weightings.contains(where: { if case .cet = $0 { true } else { false } }) {
      guard case .scores = loss else {
        throw SettingError.contradiction(
          "weighting cet couples the scores of two rankers; loss \(self.loss) reads more than scores")
      }
    }
    if loss.couplesSamples, let microBatch, microBatch < batch {
      throw SettingError.contradiction(
        "loss \(self.loss) takes the negatives of the whole batch of \(batch): leave micro-batch \(microBatch) out, or make the "
          + "batch as small")
    }
    if loss.needsGuide == guide.isEmpty {
      throw SettingError.contradiction(
        loss.needsGuide
          ? "loss \(self.loss) asks a guide which documents are no negatives: name a sentence encoder as guide"
          : "loss \(self.loss) asks no guide; leave guide out")
    }
    if architecture != .crossEncoder, joinLayer > 0 || encoderLayers != nil {
      throw SettingError.contradiction("join-layer and encoder-layers are a cross-encoder's; \(architecture.rawValue) has none")
    }
    if gradientCache != nil {
      guard architecture == .biEncoder else {
        throw SettingError.contradiction(
          "gradient-cache keeps vectors of texts: it needs architecture bi-encoder, not \(architecture.rawValue); "
            + "micro-batch and checkpoint-activations save memory there")
      }
      guard microBatch == nil else {
        throw SettingError.contradiction("gradient-cache and micro-batch both cut a step; choose one of them")
      }
      guard entry.name != "dla", !weightings.contains(where: { if case .cet = $0 { true } else { false } }) else {
        throw SettingError.contradiction("gradient-cache trains one model; loss dla and weighting cet train two")
      }
    }
    if !exits.isEmpty {
      guard architecture == .crossEncoder else {
        throw SettingError.contradiction("exits are a cross-encoder's; \(architecture.rawValue) has none")
      }
      // What has more logits than one a document, a memory or a second model is not one loss for each exit.
      guard case .scores(let ranking) = loss, !(ranking is any StatefulLoss), !(ranking is OrdinalLoss),
        ranking.logitsPerDocument == 1
      else {
        throw SettingError.contradiction("loss \(self.loss) is not one of single scores, as exits need it; leave exits out")
      }
    }
    if isAnti, curriculum == "none" {
      throw SettingError.contradiction(
        "anti turns a curriculum round; name one (\(CurriculumNames.heuristics.joined(separator: ", ")))")
    }
  }
}

/// Tells the caller of each epoch.
private struct EpochReporter: TrainerHook {
  let body: (TrainingHistory.Epoch) -> Void

  func afterEpoch(_ trainer: Trainer, record: EpochRecord) { body(TrainingHistory.Epoch(record)) }
}
