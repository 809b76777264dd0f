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

  /// Finds model and collection by the names in `settings`.
  ///
  /// - Throws: ``SettingError/contradiction(_:)`` for settings that cannot go together; the catalogues' errors for what is
  ///   not on this machine.
  public init(_ settings: TrainingSettings, home: DataHome = .current, showsProgress: Bool? = nil) throws {
    let installed = try ModelCatalog(home: home).locate(settings.model)
    let collection = try CollectionCatalog(home: home).locate(settings.data)
    try self.init(
      settings, data: try TrainingData(collection, home: home, showsProgress: showsProgress),
      base: ModelFolder(path: installed.folder))
  }

  /// With data that is at hand, for many trainings on one collection.
  public init(_ settings: TrainingSettings, data: TrainingData, base: ModelFolder) throws {
    try settings.checkTogether()
    self.settings = settings
    self.data = data
    self.base = base
    baseDigest = try FileDigest.sha256(try base.file(ModelFolder.weightsName))
    teacher = settings.teacher.isEmpty ? nil : try TrecRunReader.read(settings.teacher)
    digests = settings.teacher.isEmpty
      ? data.digests : data.digests.merging(["teacher": try FileDigest.sha256(settings.teacher)]) { first, _ in first }
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
    var trained = model
    trained.manifest.firstStageWeight = tunes ? tuned.weight : nil
    return Trained(model: trained, history: history)
  }

  // MARK: - Parts

  /// The model before the first step.
  func freshModel() throws -> RankingModel {
    let manifest = ModelManifest(
      architecture: settings.architecture, base: settings.model, baseDigest: baseDigest,
      recipe: Dictionary(uniqueKeysWithValues: settings.values.map { ($0.name, $0.value) }), seed: settings.seed,
      dataDigests: digests)
    switch settings.architecture {
    case .convKNRM: return RankingModel(scorer: try ConvKNRM(base: base, seed: settings.seed), manifest: manifest)
    case .crossEncoder:
      var scorer = try CrossEncoder(base: base, head: settings.head, seed: settings.seed)
      let encoder = scorer.encoder
      if let layers = settings.layers { encoder.trainLastLayers(layers) } else { encoder.freezeEmbeddings() }
      guard settings.precision.isNative else {
        throw SettingError.contradiction(
          "precision \(settings.precision.rawValue): this processor has no instructions for it; take fp32")
      }
      for parameter in encoder.parameters { parameter.productPrecision = settings.precision }
      scorer.limits = TokenLimits(maximumTokens: min(settings.maximumTokens, encoder.configuration.maximumPositions))
      return RankingModel(scorer: scorer, manifest: manifest)
    }
  }

  private func optimizerGroups(_ scorer: any PairScorer) -> [ParameterGroup] {
    guard let crossEncoder = scorer as? CrossEncoder else {
      return [ParameterGroup("all", parameters: scorer.parameters, learningRate: settings.headLearningRate)]
    }
    let encoder = ParameterGroup(
      "encoder", parameters: crossEncoder.encoder.trainableParameters, learningRate: settings.encoderLearningRate)
    let head = ParameterGroup("head", parameters: crossEncoder.headParameters, learningRate: settings.headLearningRate)
    return encoder.parameters.isEmpty ? [head] : [encoder, head]
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
    options.checkpointsActivations = settings.checkpointsActivations
    options.epochLength = .samples(settings.samplesPerEpoch)
    options.maxEpochs = settings.epochs
    options.earlyStopping = EarlyStopping(patience: settings.patience)
    options.checkpoint = checkpoint.map { CheckpointPolicy(directory: $0) }
    options.showsProgress = showsProgress
    return try Trainer(
      models: [
        TrainedModel(
          model.scorer, optimizer: Adam(groups: optimizerGroups(model.scorer)), schedule: schedule,
          gradientClipping: settings.gradientClipping)
      ],
      sampler: try sampler(candidates), texts: data,
      objectives: [TrainingObjective(try LossNames.loss(settings.loss), weighting: try weighting(candidates))],
      validation: validation, hooks: [EpochReporter(body: onEpoch)], options: options)
  }

  /// Draws from the training queries' candidates.
  func sampler(_ candidates: Run) throws -> any TrainingSampler {
    let labels = settings.loss == "pointwise-cross-entropy" ? LabelScale.binary : .grade
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

  private func weighting(_ candidates: Run) throws -> (any SampleWeighting)? {
    guard settings.curriculum != "none" else { return nil }
    let curriculum = CurriculumWeighting(
      heuristic: try CurriculumNames.heuristic(settings.curriculum),
      schedule: try LinearCurriculum(endEpoch: settings.curriculumEnd, anti: settings.isAnti),
      statistics: try FirstStageStatistics(run: candidates))
    let granularity = try CurriculumNames.granularity(settings.curriculumWeighting)
    return granularity == .perSample ? curriculum : try curriculum.averaged(over: granularity)
  }
}

extension TrainingSettings {
  /// - Throws: ``SettingError/contradiction(_:)``.
  func checkTogether() throws {
    let loss = try LossNames.loss(loss)
    if sampling == .pointwise, self.loss.hasPrefix("pairwise") {
      throw SettingError.contradiction("loss \(self.loss) compares documents: it needs pairwise sampling, not pointwise")
    }
    if sampling == .pointwise, LossNames.listwise.contains(where: { self.loss.hasPrefix($0) }) {
      throw SettingError.contradiction("loss \(self.loss) compares documents: it needs listwise or pairwise sampling, not pointwise")
    }
    if sampling == .listwise, self.loss.hasPrefix("pairwise") || self.loss.hasPrefix("margin-mse") {
      throw SettingError.contradiction("loss \(self.loss) needs one positive and its negatives: pairwise sampling, not listwise")
    }
    if teacher.isEmpty, ["margin-mse", "kl"].contains(where: { self.loss.hasPrefix($0) }) {
      throw SettingError.contradiction("loss \(self.loss) learns from another ranker's scores: name its run as teacher")
    }
    if loss.logitsPerDocument != 1 {
      throw SettingError.contradiction(
        "loss \(self.loss) needs a scorer with \(loss.logitsPerDocument) logits; \(architecture.rawValue) gives 1")
    }
    if isAnti, curriculum == "none" {
      throw SettingError.contradiction("anti turns a curriculum round; name one (\(CurriculumNames.heuristics.joined(separator: ", ")))")
    }
  }
}

/// Tells the caller of each epoch.
private struct EpochReporter: TrainerHook {
  let body: (TrainingHistory.Epoch) -> Void

  func afterEpoch(_ trainer: Trainer, record: EpochRecord) { body(TrainingHistory.Epoch(record)) }
}
