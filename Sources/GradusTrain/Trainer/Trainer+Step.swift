import GradusCore
import GradusModels
import GradusTensor

/// The samples of one optimizer step and, as soon as they are known, their weights by objective.
struct StepBatch {
  let samples: [TrainingSample]
  /// Nil for an objective without a weighting, or whose weights have to wait for the scores.
  var weights: [SampleWeights?]
  /// By objective: the logits of the last backward pass in one row, micro-batch by micro-batch, for a loss that keeps a memory.
  var remembered: [[Tensor]] = []
}

extension Trainer {
  /// One optimizer step on the sampler's next samples.
  func takeStep(samples count: Int) throws {
    var samples = try sampler.next(count)
    try withEachHook { try $0.beforeForward(self, samples: &samples) }
    var batch = StepBatch(samples: samples, weights: weightings.map { _ in nil })
    try weighWithoutScores(&batch)
    try weighBeforehand(&batch)
    var sums = state.objectives
    var gradients = try backward(&batch, sums: &sums)
    currentStep = batch
    defer { currentStep = nil }
    try withEachHook { try $0.afterBackward(self, gradients: &gradients) }

    var totals: [String: GradientStore] = [:]
    for model in models where model.optimizer != nil {
      var total = gradients.total(model: model.name)
      let norm = model.gradientClipping.map { total.clip(globalNorm: $0) } ?? total.globalNorm()
      guard norm.isFinite else {
        throw TrainingError.gradientNotFinite(model: model.name, epoch: state.epoch, step: state.step)
      }
      totals[model.name] = total
    }
    try withEachHook { try $0.beforeOptimizerStep(self, gradients: &totals) }
    for model in models {
      guard let optimizer = model.optimizer, let total = totals[model.name] else { continue }
      optimizer.step(total, scheduleFactor: model.schedule.factor(step: state.step))
    }
    for (objective, weights) in batch.weights.enumerated() {
      guard let weights else { continue }
      sums[objective].weighting = sums[objective].weighting ?? WeightingStatistics()
      sums[objective].weighting?.add(weights)
    }
    for (position, logits) in batch.remembered.enumerated() where !logits.isEmpty {
      for (input, _) in try LossInput.byLength(concatenated(logits, axis: 0), batch.samples) {
        try statefulLosses[position]?.remember(input)
      }
    }
    state.objectives = sums
    state.step += 1
    state.samplesInEpoch += count
    try withEachHook { try $0.afterOptimizerStep(self) }
  }

  /// The present step's gradients at the models' present weights, with the same samples, sample weights and dropout masks:
  /// for hooks that look at the loss around the weights. Nil outside a step.
  public func currentGradients() throws -> StepGradients? {
    guard var batch = currentStep else { return nil }
    var ignored = state.objectives
    return try backward(&batch, sums: &ignored)
  }

  /// Ranking scores of each sample's documents by a model, without gradient and dropout: a pass over any set of samples.
  public func scores(of samples: [TrainingSample], model name: String = "ranker") throws -> [[Double]] {
    let scorer = try model(named: name).scorer
    return split(try scorer.rankingScores(pairs(of: samples)).map(\.score), over: samples)
  }

  // MARK: - Weights

  private func weighWithoutScores(_ batch: inout StepBatch) throws {
    for position in weightings.indices {
      guard let weighting = weightings[position], !weighting.readsScores else { continue }
      batch.weights[position] = try weigh(position, batch.samples, scores: [], losses: [])
    }
  }

  /// Where the batch is cut, weightings that read scores need a pass over all of it before the first backward pass. It has
  /// the same dropout masks, and so the same scores.
  private func weighBeforehand(_ batch: inout StepBatch) throws {
    let open = weightings.indices.filter { weightings[$0] != nil && batch.weights[$0] == nil }
    let cuts = microBatches(batch.samples.count)
    guard !open.isEmpty && cuts.count > 1 else { return }
    var scores: [[[Double]]] = open.map { _ in [] }
    var losses: [[Double]] = open.map { _ in [] }
    try withoutGradients {
      for cut in cuts {
        let pass = forwardPass(batch.samples, cut)
        for (slot, position) in open.enumerated() {
          losses[slot] += try objectives[position].checkedLosses(pass, state: statefulLosses[position]).doubles()
          scores[slot] += try detachedScores(pass, of: objectives[position].model)
        }
      }
    }
    for (slot, position) in open.enumerated() {
      batch.weights[position] = try weigh(position, batch.samples, scores: scores[slot], losses: losses[slot])
    }
  }

  private func weigh(
    _ position: Int, _ samples: [TrainingSample], scores: [[Double]], losses: [Double]
  ) throws -> SampleWeights? {
    var others: [String: [[Double]]] = [:]
    for name in weightings[position]?.readsModels ?? [] { others[name] = try self.scores(of: samples, model: name) }
    let input = WeightingInput(
      samples: samples, scores: scores, losses: losses, epoch: state.epoch, step: state.step, modelScores: others)
    return try weightings[position]?.weights(for: input).checked(for: samples)
  }

  private func detachedScores(_ pass: ForwardPass, of name: String) throws -> [[Double]] {
    let scorer = try model(named: name).scorer
    return split(scorer.rankingScores(of: try pass.flatLogits(of: name)), over: pass.samples)
  }

  // MARK: - Forward and backward

  private func microBatches(_ count: Int) -> [Range<Int>] {
    let size = options.microBatchSize ?? count
    return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
  }

  /// Sums the gradients over the micro-batches, adds the losses to `sums`, and fills in weights that waited for scores.
  private func backward(_ batch: inout StepBatch, sums: inout [TrainerState.ObjectiveSums]) throws -> StepGradients {
    let parts: [Range<Int>]
    switch options.gradients {
    case .summed: parts = [objectives.indices]
    case .separate: parts = objectives.indices.map { $0..<($0 + 1) }
    }
    var gradients = StepGradients(parts: parts.map { _ in [:] })
    batch.remembered = objectives.map { _ in [] }
    if let size = options.gradientCacheSize {
      for (part, positions) in parts.enumerated() {
        gradients.parts[part] = try cachedBackward(&batch, positions: positions, size: size, sums: &sums)
      }
      return gradients
    }
    for cut in microBatches(batch.samples.count) {
      for (part, positions) in parts.enumerated() {
        let pass = forwardPass(batch.samples, cut)
        var total: Tensor?
        for position in positions {
          let term = try objectiveTerm(position, pass, &batch, cut, &sums[position])
          total = total.map { $0 + term } ?? term
        }
        if let total { try differentiate(total, into: &gradients.parts[part]) }
      }
    }
    return gradients
  }

  /// `scale x sum(weight x loss) / samples of the step` over one micro-batch.
  func objectiveTerm(
    _ position: Int, _ pass: ForwardPass, _ batch: inout StepBatch, _ cut: Range<Int>,
    _ sums: inout TrainerState.ObjectiveSums
  ) throws -> Tensor {
    let objective = objectives[position]
    let losses = try objective.checkedLosses(pass, state: statefulLosses[position])
    if statefulLosses[position] != nil {
      batch.remembered[position].append(try pass.flatLogits(of: objective.model).detached())
    }
    let values = losses.doubles()
    for (value, sample) in zip(values, pass.samples) where !value.isFinite {
      throw TrainingError.lossNotFinite(
        objective: objective.name, sample: sample.id, epoch: state.epoch, step: state.step)
    }
    if weightings[position] != nil && batch.weights[position] == nil {
      // The batch is not cut here: `weighBeforehand` has seen to the others.
      batch.weights[position] = try weigh(
        position, batch.samples, scores: try detachedScores(pass, of: objective.model), losses: values)
    }
    let weights = batch.weights[position].map { Array($0.values[cut]) } ?? values.map { _ in 1 }
    sums.loss = values.reduce(sums.loss, +)
    sums.weightedLoss = zip(weights, values).reduce(sums.weightedLoss) { $0 + $1.0 * $1.1 }
    let share = objective.scale / Double(batch.samples.count)
    guard batch.weights[position] != nil else { return losses.sum() * share }
    return (losses * Tensor(weights, shape: [weights.count]).cast(to: losses.type)).sum() * share
  }

  private func differentiate(_ total: Tensor, into stores: inout [String: GradientStore]) throws {
    let trained = models.map { (name: $0.name, parameters: $0.trainedParameters) }
    var found = try gradients(of: total, for: trained.flatMap(\.parameters))[...]
    for (name, parameters) in trained {
      for parameter in parameters {
        guard let gradient = found.popFirst() else { break }
        stores[name, default: GradientStore()].add(gradient, for: parameter)
      }
    }
  }

  /// One micro-batch's forward pass. Each model's dropout stream follows from the step and from where the micro-batch
  /// begins, so that repeating the pass repeats its masks.
  private func forwardPass(_ samples: [TrainingSample], _ cut: Range<Int>) -> ForwardPass {
    let own = Array(samples[cut])
    return ForwardPass(samples: own, epoch: state.epoch, step: state.step) { [self] name in
      let model = try model(named: name)
      guard model.optimizer != nil else {
        return try withoutGradients { try output(of: model, own, context: .inference) }
      }
      return try output(of: model, own, context: trainingContext(name, from: cut.lowerBound))
    }
  }

  /// What a model trains in, for the samples of the step from `start` on: the same masks each time.
  func trainingContext(_ name: String, from start: Int) -> ForwardContext {
    let stream = generator.stream("dropout \(name)", state.step).stream("sample", start)
    return ForwardContext(training: stream, checkpointsActivations: options.checkpointsActivations)
  }

  /// Scores `[samples, documents]`, or `[samples, documents, logits]`, and the vectors that they come from where there are any;
  /// without the first axis cut where samples differ in length.
  func output(
    of model: TrainedModel, _ samples: [TrainingSample], context: ForwardContext
  ) throws -> ForwardPass.ModelOutput {
    let odd = samples.firstOfOtherLength
    if let scorer = model.scorer as? any EmbeddingScorer {
      if let odd { throw LossError.raggedBatch(samples[0].id, odd.id) }
      let vectors = try scorer.checkedEmbeddings(of: samples, texts: texts, context: context)
      return ForwardPass.ModelOutput(
        scores: scorer.scores(queries: vectors.queries, documents: vectors.documents), embeddings: vectors)
    }
    let logits = try model.scorer.checkedScores(pairs(of: samples), context: context)
    guard odd == nil else { return ForwardPass.ModelOutput(scores: logits, embeddings: nil) }
    return ForwardPass.ModelOutput(
      scores: logits.reshaped(to: [samples.count, samples[0].documents.count] + logits.shape.dropFirst()), embeddings: nil)
  }

  private func pairs(of samples: [TrainingSample]) throws -> [ScoringPair] {
    try samples.flatMap { sample in
      let query = try texts.query(sample.qid)
      return try sample.documents.map { ScoringPair(query: query, document: try texts.document($0.docno)) }
    }
  }

  private func split(_ scores: [Double], over samples: [TrainingSample]) -> [[Double]] {
    var rest = scores[...]
    return samples.map { sample in
      defer { rest = rest.dropFirst(sample.documents.count) }
      return Array(rest.prefix(sample.documents.count))
    }
  }
}
