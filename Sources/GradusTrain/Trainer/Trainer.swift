#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore
import GradusTensor

/// The training loop and nothing else: draws samples, weighs them, scores them, steps, validates, keeps the best.
///
///     let trainer = try Trainer(
///       models: [TrainedModel(scorer, optimizer: Adam(groups: [.init(parameters: scorer.parameters, learningRate: 1e-3)]))],
///       sampler: PairwiseSampler(run: bm25, qrels: qrels, seed: 7), texts: texts,
///       objectives: [TrainingObjective(PairwiseSoftmaxLoss(), weighting: curriculum)],
///       validation: RankingValidation(groups: heldOut, qrels: qrels, measure: try MeasureSpecification("RR@10")),
///       options: TrainerOptions(seed: 7))
///     let result = try trainer.train()
///
/// An epoch ends with a validation; a strictly better one keeps the weights. The untrained model is not a candidate. When
/// training ends the models have the best weights. The result is a function of data, settings and seeds: the same for any
/// number of threads, and the same with and without interruptions (``resume(from:)``).
public final class Trainer {
  public let models: [TrainedModel]
  public let objectives: [TrainingObjective]
  public let options: TrainerOptions
  /// Samples of each epoch.
  public let samplesPerEpoch: Int

  let texts: any TrainingTexts
  let validation: (any TrainingValidation)?
  let generator: SeededGenerator
  /// The optimizers' groups as they were given, which decide with the hooks what they are later.
  let givenGroups: String
  var sampler: any TrainingSampler
  /// Parallel to `objectives`.
  var weightings: [(any SampleWeighting)?]
  /// Parallel to `objectives`: losses with a memory, as they are now.
  var statefulLosses: [(any StatefulLoss)?]
  var hooks: [any TrainerHook]
  var state: TrainerState
  /// Values of all parameters of the best epoch, by model and in the order of its parameters.
  var bestValues: [[Tensor]]?
  /// The step under way, for hooks that want its gradients once more.
  var currentStep: StepBatch?

  /// - Throws: ``TrainingError`` for settings that cannot work.
  public init(
    models: [TrainedModel], sampler: any TrainingSampler, texts: any TrainingTexts, objectives: [TrainingObjective],
    validation: (any TrainingValidation)? = nil, hooks: [any TrainerHook] = [], options: TrainerOptions
  ) throws {
    guard !objectives.isEmpty else { throw TrainingError.noObjectives }
    guard models.contains(where: { $0.optimizer != nil }) else { throw TrainingError.nothingToTrain }
    for names in [models.map(\.name), objectives.map(\.name)] {
      for (position, name) in names.enumerated() where names[..<position].contains(name) {
        throw TrainingError.duplicateName(name)
      }
    }
    for model in models { try model.checkGroups() }
    for objective in objectives {
      for name in [objective.model] + (objective.weighting?.readsModels ?? [])
      where !models.contains(where: { $0.name == name }) {
        throw TrainingError.unknownModel(name, known: models.map(\.name))
      }
    }
    for (name, value) in options.counts where value < 1 {
      throw TrainingError.settingTooSmall(name: name, found: value, least: 1)
    }
    if let size = options.microBatchSize, size < options.batchSize, let coupled = objectives.first(where: \.couplesSamples) {
      throw TrainingError.coupledSamples(objective: coupled.name, batchSize: options.batchSize, microBatchSize: size)
    }
    if options.gradientCacheSize != nil {
      guard options.microBatchSize == nil else { throw TrainingError.cachedMicroBatches }
      _ = try Self.cachedModel(of: models)
    }
    switch options.epochLength {
    case .samples(let count): samplesPerEpoch = count
    case .passes(let passes):
      guard let size = sampler.samplesPerPass else { throw TrainingError.passLengthUnknown }
      samplesPerEpoch = passes * size
    }
    self.models = models
    self.objectives = objectives
    self.options = options
    self.texts = texts
    self.validation = validation
    self.sampler = sampler
    self.hooks = hooks
    generator = SeededGenerator(seed: options.seed)
    givenGroups = models.map(\.groupsDescription).joined(separator: "; ")
    weightings = objectives.map(\.weighting)
    statefulLosses = objectives.map(\.stateful)
    state = TrainerState(objectives: objectives.count)
  }

  /// The epoch under way, 0-based.
  public var epoch: Int { state.epoch }
  /// Optimizer steps so far.
  public var step: Int { state.step }
  /// The epochs that are over.
  public var history: [EpochRecord] { state.history }

  /// What an objective's loss with a memory has made of it so far; nil for a loss without one, and for no objective.
  public func memory(of objective: Int) -> (any StatefulLoss)? {
    statefulLosses.indices.contains(objective) ? statefulLosses[objective] : nil
  }

  /// Trains to the end: until the last epoch, or until early stopping gives up. The models then have the best weights.
  ///
  /// - Parameter steps: Stops after so many more optimizer steps with ``TrainingResult/End/interrupted``; the models then
  ///   have the weights of that step, and a further call goes on from there.
  /// - Throws: ``TrainingError``, and whatever samplers, weightings, scorers, losses and hooks throw; `CancellationError`
  ///   between two steps if the task is cancelled. The last checkpoint stays usable.
  public func train(steps: Int? = nil) throws -> TrainingResult {
    var left = steps ?? Int.max
    var end = finished
    while end == nil && left > 0 {
      try trainEpoch(steps: &left)
      end = finished
    }
    guard let end else { return TrainingResult(history: history, bestEpoch: state.bestEpoch, end: .interrupted) }
    restoreBest()
    return TrainingResult(history: history, bestEpoch: state.bestEpoch, end: end)
  }

  private var finished: TrainingResult.End? {
    guard state.samplesInEpoch == 0 && !state.isEpochOpen else { return nil }
    if let best = state.bestEpoch, state.epoch - 1 - best >= options.earlyStopping.patience { return .patience }
    return state.epoch >= options.maxEpochs ? .maxEpochs : nil
  }

  /// Trains on from where the epoch stands to its end, or until no steps are left.
  private func trainEpoch(steps: inout Int) throws {
    let start = monotonicSeconds() - state.trainingSeconds
    let label = "epoch \(state.epoch + 1)"
    let left = samplesPerEpoch - state.samplesInEpoch
    let progress = options.showsProgress.map { Progress(label, total: left, unit: "samples", isEnabled: $0) }
      ?? Progress(label, total: left, unit: "samples")
    if !state.isEpochOpen {
      try withEachHook { try $0.beforeEpoch(self) }
      for position in weightings.indices {
        // Out of the list meanwhile, since it looks at the trainer.
        guard var weighting = weightings[position] else { continue }
        try weighting.beforeEpoch(self)
        weightings[position] = weighting
      }
      state.isEpochOpen = true
    }
    while state.samplesInEpoch < samplesPerEpoch && steps > 0 {
      try Task.checkCancellation()
      let count = min(options.batchSize, samplesPerEpoch - state.samplesInEpoch)
      try takeStep(samples: count)
      progress.advance(by: count)
      steps -= 1
      if let policy = options.checkpoint, let every = policy.everySteps, state.step % every == 0 {
        state.trainingSeconds = monotonicSeconds() - start
        try saveCheckpoint(to: policy.directory)
      }
    }
    progress.finish()
    state.trainingSeconds = monotonicSeconds() - start
    if state.samplesInEpoch == samplesPerEpoch { try endEpoch() }
  }

  private func endEpoch() throws {
    let start = monotonicSeconds()
    let result = try validation?.validate(models)
    if let result, !result.value.isFinite { throw TrainingError.validationNotFinite(epoch: state.epoch) }
    var isBest = false
    if let result, try options.earlyStopping.isBetter(result, than: state.best) {
      isBest = true
      state.best = result
      state.bestEpoch = state.epoch
      bestValues = models.map { $0.scorer.parameters.map { $0.value.detached() } }
    }
    let record = EpochRecord(
      epoch: state.epoch, steps: state.step, samples: state.samplesInEpoch,
      objectives: zip(objectives, state.objectives).map { $1.record(name: $0.name, samples: state.samplesInEpoch) },
      learningRates: learningRates(step: state.step - 1), validation: result, isBest: isBest,
      trainingSeconds: state.trainingSeconds, validationSeconds: monotonicSeconds() - start)
    state.history.append(record)
    state.openNextEpoch(objectives: objectives.count)
    try withEachHook { try $0.afterEpoch(self, record: record) }
    if let policy = options.checkpoint, finished != nil || state.epoch % policy.everyEpochs == 0 {
      try saveCheckpoint(to: policy.directory)
    }
  }

  private func learningRates(step: Int) -> [EpochRecord.LearningRate] {
    models.flatMap { model in
      (model.optimizer?.groups ?? []).map { group in
        EpochRecord.LearningRate(
          model: model.name, group: group.name, value: group.learningRate * model.schedule.factor(step: step))
      }
    }
  }

  private func restoreBest() {
    guard let bestValues else { return }
    for (model, values) in zip(models, bestValues) {
      for (parameter, value) in zip(model.scorer.parameters, values) { parameter.value = value }
    }
  }

  /// Calls `body` with each hook in turn; the hook is out of the list meanwhile, since it may look at the trainer.
  func withEachHook(_ body: (inout any TrainerHook) throws -> Void) throws {
    for position in hooks.indices {
      var hook = hooks[position]
      defer { hooks[position] = hook }
      try body(&hook)
    }
  }

  func model(named name: String) throws -> TrainedModel {
    guard let model = models.first(where: { $0.name == name }) else {
      throw TrainingError.unknownModel(name, known: models.map(\.name))
    }
    return model
  }
}

extension TrainerOptions {
  /// Settings that count something and must be at least 1.
  fileprivate var counts: [(String, Int)] {
    var counts = [("batchSize", batchSize), ("maxEpochs", maxEpochs), ("patience", earlyStopping.patience)]
    switch epochLength {
    case .samples(let count): counts.append(("samples of an epoch", count))
    case .passes(let count): counts.append(("passes of an epoch", count))
    }
    if let microBatchSize { counts.append(("microBatchSize", microBatchSize)) }
    if let gradientCacheSize { counts.append(("gradientCacheSize", gradientCacheSize)) }
    if let checkpoint {
      counts.append(("checkpoint.everyEpochs", checkpoint.everyEpochs))
      if let steps = checkpoint.everySteps { counts.append(("checkpoint.everySteps", steps)) }
    }
    return counts
  }
}

/// Seconds of a clock that only moves forward; for reports alone.
private func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
