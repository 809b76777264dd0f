#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore
import GradusModels
import GradusTensor

/// Pretrains an encoder on texts alone: it learns to guess hidden tokens (Devlin et al., NAACL 2019), through the same trainer
/// as rankers, so that sample weightings, checkpoints and gradient clipping are the same.
///
///     let scorer = try MaskedTokenScorer(folder: base, maximumTokens: 64, seed: 1)
///     let training = try MaskedLanguageTraining(settings, model: scorer, documents: corpus)
///     let result = try training.train()
///     try scorer.model.save(to: "my-encoder", tokenizerOf: base)
///
/// A sample is a text and its loss the mean cross-entropy of the text's hidden tokens, so ``LossReweighting`` weighs texts as in
/// its paper. Held-out texts have the same gaps every time; what is reported of them is the loss in nats a token, and its power
/// of e, the perplexity.
public struct MaskedLanguageTraining {
  /// How long, how fast and on what is trained.
  public struct Settings: Sendable, Equatable, Codable {
    /// Optimizer steps.
    public var steps = 1000
    /// Texts of a step.
    public var batch = 32
    /// Texts that are differentiated at once; nil for the whole batch.
    public var microBatch: Int?
    /// Steps between two looks at the held-out texts.
    public var stepsPerEpoch = 100
    public var learningRate = 5e-4
    /// Steps over which the learning rate rises before it falls on a straight line.
    public var warmup = 50
    /// Decoupled from the gradient (AdamW).
    public var weightDecay = 0.01
    /// Largest norm of the gradient.
    public var gradientClipping = 1.0
    /// `loss(...)` of `WeightingNames`, or `none`.
    public var weighting = "none"
    /// Texts that are held out; the same for every ``seed``.
    public var heldOut = 200
    /// Of order, gaps and dropout.
    public var seed: UInt64 = 1

    public init() {}
  }

  /// What an epoch came to.
  public struct Epoch: Sendable, Equatable, Codable {
    /// Steps so far.
    public let steps: Int
    /// Mean unweighted loss of the epoch's texts, nats a token.
    public let loss: Double
    /// Of the held-out texts.
    public let heldOutLoss: Double
    /// `(sum w)^2 / sum w^2` as a share of the texts; nil without a weighting.
    public let effectiveShare: Double?
    /// Seconds of training; says nothing about the result.
    public let seconds: Double
  }

  /// What the training came to.
  public struct Result: Sendable, Equatable {
    public let history: [Epoch]
    /// Names of the held-out texts and their losses after the last step.
    public let heldOut: [(docno: String, loss: Double)]

    /// Of the held-out texts after the last step.
    public var loss: Double { heldOut.reduce(0) { $0 + $1.loss } / Double(heldOut.count) }
    /// e to the power of ``loss``: among how many tokens the model wavers.
    public var perplexity: Double { exp(loss) }

    public static func == (first: Result, second: Result) -> Bool {
      first.history == second.history && first.heldOut.elementsEqual(second.heldOut) { $0 == $1 }
    }
  }

  public let settings: Settings
  private let model: MaskedTokenScorer
  private let documents: [Document]
  private let heldOut: [Document]
  /// Texts without a token, which nothing can be learned from.
  public let emptyTexts: Int

  /// - Parameter documents: Held out are some of them, drawn at random.
  /// - Throws: ``PretrainingError``, ``NameError``, `TokenizerError`.
  public init(_ settings: Settings, model: MaskedTokenScorer, documents: [Document]) throws {
    for (name, value) in [
      ("steps", settings.steps), ("the batch", settings.batch), ("the steps of an epoch", settings.stepsPerEpoch),
      ("held-out texts", settings.heldOut), ("the micro-batch", settings.microBatch ?? 1),
    ] where value < 1 { throw PretrainingError.setting(name: name, found: "\(value)", expected: "1 or more") }
    guard settings.learningRate > 0, settings.learningRate.isFinite else {
      throw PretrainingError.setting(name: "the learning rate", found: "\(settings.learningRate)", expected: "a number above 0")
    }
    guard settings.warmup >= 0, settings.warmup < settings.steps else {
      throw PretrainingError.setting(
        name: "warm-up", found: "\(settings.warmup)", expected: "0 to less than \(settings.steps) steps")
    }
    self.settings = settings
    self.model = model
    let usable = try documents.filter { try model.canLearn(from: $0) }
    emptyTexts = documents.count - usable.count
    guard usable.count > settings.heldOut else {
      throw PretrainingError.tooFewTexts(found: usable.count, heldOut: settings.heldOut)
    }
    // Not of the seed, so that trainings that are compared are measured on the same texts.
    var stream = SeededGenerator(seed: 0).stream("held-out texts")
    let order = stream.permutation(usable.count)
    heldOut = order.prefix(settings.heldOut).sorted().map { usable[$0] }
    self.documents = order.dropFirst(settings.heldOut).sorted().map { usable[$0] }
    _ = try weighting()
  }

  private func weighting() throws -> LossReweighting? {
    let parts = try WeightingNames.parse(settings.weighting)
    guard let first = parts.first else { return nil }
    guard parts.count == 1, case .loss(let weighting) = first else { throw PretrainingError.weighting(settings.weighting) }
    return weighting
  }

  /// Trains to the end; the model then has the weights of the last step.
  ///
  /// - Parameters:
  ///   - checkpoint: Where the state is kept; one that is there is taken up.
  ///   - steps: Stops after so many more steps: nil is returned then, and the state is in the checkpoint.
  ///   - onEpoch: Called after each epoch.
  /// - Throws: What the trainer throws.
  public func train(
    checkpoint: String? = nil, steps: Int? = nil, onEpoch: @escaping (Epoch) -> Void = { _ in }
  ) throws -> Result? {
    let validation = MaskedValidation(documents: heldOut)
    var options = TrainerOptions(seed: settings.seed)
    options.batchSize = settings.batch
    options.microBatchSize = settings.microBatch
    options.epochLength = .samples(settings.batch * min(settings.stepsPerEpoch, settings.steps))
    // A last epoch may be longer than what is left of the budget: the limit of steps ends it.
    options.maxEpochs = Int.max
    options.earlyStopping = EarlyStopping(patience: Int.max)
    if let checkpoint { options.checkpoint = CheckpointPolicy(directory: checkpoint) }
    let optimizer = AdamW(
      groups: [
        ParameterGroup(parameters: model.parameters, learningRate: settings.learningRate, weightDecay: settings.weightDecay)
      ])
    let trainer = try Trainer(
      models: [
        TrainedModel(
          model, optimizer: optimizer,
          schedule: LinearWarmupDecay(warmupSteps: settings.warmup, totalSteps: settings.steps),
          gradientClipping: settings.gradientClipping)
      ],
      sampler: try TextSampler(docnos: documents.map(\.docno), seed: settings.seed),
      texts: InMemoryTexts(queries: [Query(qid: TextSampler.noQuery, text: "")], documents: documents),
      objectives: [
        TrainingObjective(name: "masked tokens", weighting: try weighting()) { pass in
          -(try pass.scores(of: "ranker").reshaped(to: [pass.samples.count]))
        }
      ],
      validation: validation, hooks: [EpochCall(onEpoch)], options: options)
    if let checkpoint, CheckpointDirectory.isPresent(checkpoint) { try trainer.resume(from: checkpoint) }
    let left = settings.steps - trainer.step
    let now = min(left, steps ?? left)
    if now > 0 { _ = try trainer.train(steps: now) }
    guard trainer.step >= settings.steps else {
      if let checkpoint { try trainer.saveCheckpoint(to: checkpoint) }
      return nil
    }
    let losses = try validation.losses(model)
    return Result(
      history: trainer.history.map(Epoch.init), heldOut: zip(heldOut, losses).map { ($0.docno, $1) })
  }
}

extension MaskedLanguageTraining.Epoch {
  fileprivate init(_ record: EpochRecord) {
    self.init(
      steps: record.steps, loss: record.objectives[0].meanLoss, heldOutLoss: -(record.validation?.value ?? 0),
      effectiveShare: record.objectives[0].weighting?.effectiveShare, seconds: record.trainingSeconds)
  }
}

/// Minus the losses of held-out texts.
private struct MaskedValidation: TrainingValidation {
  let documents: [Document]

  func losses(_ model: any PairScorer) throws -> [Double] {
    let query = Query(qid: TextSampler.noQuery, text: "")
    let pairs = documents.map { ScoringPair(query: query, document: $0) }
    return try model.rankingScores(pairs, maximumTokens: 2048).map { -$0.score }
  }

  func validate(_ models: [TrainedModel]) throws -> ValidationResult {
    let losses = try losses(models[0].scorer)
    return ValidationResult(value: -losses.reduce(0, +) / Double(losses.count), perQuery: losses.map { -$0 })
  }
}

private struct EpochCall: TrainerHook {
  let body: (MaskedLanguageTraining.Epoch) -> Void

  init(_ body: @escaping (MaskedLanguageTraining.Epoch) -> Void) { self.body = body }

  func afterEpoch(_ trainer: Trainer, record: EpochRecord) { body(MaskedLanguageTraining.Epoch(record)) }
}

/// A pretraining that cannot be meant.
public enum PretrainingError: GradusError, Equatable {
  case setting(name: String, found: String, expected: String)
  case weighting(String)
  /// Fewer texts with tokens than are held out.
  case tooFewTexts(found: Int, heldOut: Int)

  public var failureKind: FailureKind {
    switch self {
    case .setting, .weighting: .usage
    case .tooFewTexts: .badData
    }
  }

  public var description: String {
    switch self {
    case .setting(let name, let found, let expected): "\(name): found \(found), expected \(expected)"
    case .weighting(let name): "weighting '\(name)' reads rankings, which pretraining does not have; use loss(...) or none"
    case .tooFewTexts(let found, let heldOut):
      "the corpus has \(found) texts with tokens, of which \(heldOut) are to be held out; hold out fewer"
    }
  }
}
