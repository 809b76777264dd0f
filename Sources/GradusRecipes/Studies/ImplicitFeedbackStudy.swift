import GradusCore
import GradusModels
import GradusTensor
import GradusTrain

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Recommendation from implicit feedback with wrong clicks: matrix factorisation on MovieLens, the home of
/// ``PersonalLossResampling``.
///
/// Ratings of at least 4 are interactions, of users with at least ten; each user's are split at random into 70 % training, 10 %
/// development and 20 % test. Wrong clicks are random items added to each user's training set. The loss is that of Bayesian
/// personalised ranking with a penalty on the vectors that a batch touches, as in the official code. Items of training (and
/// development) are left out of the ranking that is measured.
public enum ImplicitFeedbackStudy: Study {
  public static let name = "implicit-feedback"
  public static let summary = "matrix factorisation on MovieLens with wrong clicks"
  public static let items = "users"
  public static let settings = [
    StudySetting("method", .choice(["plain", "drop", "personal"]), default: "plain", "who decides which positive is trained on"),
    StudySetting("wrong-share", .number(0...1), default: "0.2", "wrong clicks, as a share of each user's training items"),
    StudySetting("users", .count(least: 2), default: "100000", "most users"),
    StudySetting("width", .count(least: 1), default: "64", "length of the vectors"),
    StudySetting("epochs", .count(least: 1), default: "60", "epochs, each of as many samples as there are interactions"),
    StudySetting("batch", .count(least: 1), default: "1024", "samples of a step"),
    StudySetting("learning-rate", .number(1e-6...1), default: "0.005", "of Adam"),
    StudySetting("penalty", .number(0...1), default: "1e-4", "on squared vectors"),
    StudySetting("pool", .count(least: 1), default: "5", "positives that one is drawn from, k"),
    StudySetting("temperature", .number(1e-3...1e3), default: "0.1", "of the draw, tau"),
    StudySetting("start", .count(least: 0), default: "5", "epochs of ordinary training first"),
    StudySetting("drop-share", .number(0...0.9), default: "0.2", "share of largest losses in a batch that method 'drop' ignores"),
    StudySetting("validate-every", .count(least: 1), default: "5", "epochs between two validations"),
  ]
  public static let measures = [StudyMeasure("Recall@20"), StudyMeasure("nDCG@20")]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let data = try Interactions(context.home, settings, seed: seed)
    let model = MatrixFactorization(
      users: data.users, items: data.items, width: settings.count("width"), seed: seed)
    let penalty = settings.number("penalty")
    let objective = TrainingObjective(
      name: "bpr", weighting: settings["method"] == "drop"
        ? DropLargestLosses(share: settings.number("drop-share"), start: settings.count("start")) : nil
    ) { pass in
      let loss = try PairwiseCrossEntropyLoss().perSample(pass.lossInput(of: "ranker"))
      func pairs(_ document: Int) -> [ScoringPair] {
        pass.samples.map { sample in
          ScoringPair(
            query: Query(qid: sample.qid, text: ""), document: Document(docno: sample.documents[document].docno, text: ""))
        }
      }
      let positive = try model.squaredNorms(pairs(0))
      let negative = try model.squaredNorms(pairs(1)).items
      return loss + (positive.users + positive.items + negative) * penalty
    }
    var hooks: [any TrainerHook] = []
    if settings["method"] == "personal" {
      hooks.append(
        try PersonalLossResampling(
          groups: data.training, poolSize: settings.count("pool"), temperature: settings.number("temperature"),
          startEpoch: settings.count("start"), seed: seed))
    }
    let separation = SeparationRecorder(data: data, seed: seed)
    hooks.append(separation)
    var options = TrainerOptions(seed: seed)
    options.batchSize = settings.count("batch")
    options.epochLength = .passes(1)
    options.maxEpochs = settings.count("epochs")
    options.earlyStopping = EarlyStopping(patience: settings.count("epochs"))
    let trainer = try Trainer(
      models: [
        TrainedModel(
          model,
          optimizer: Adam(groups: [ParameterGroup(parameters: model.parameters, learningRate: settings.number("learning-rate"))]))
      ],
      sampler: try InteractionSampler(groups: data.training, catalogue: data.items, seed: seed), texts: NamesAsTexts(),
      objectives: [objective],
      validation: RecallValidation(data: data, every: settings.count("validate-every"), epochs: settings.count("epochs")),
      hooks: hooks, options: options)
    let result = try trainer.train()

    var recall: [Double] = []
    var ndcg: [Double] = []
    for user in data.users {
      let own = try data.quality(of: model, user: user, held: data.test, hidden: [data.training, data.development])
      recall.append(own.recall)
      ndcg.append(own.ndcg)
    }
    var development = StudyCurve("Recall@20 on the development items", xLabel: "epoch")
    for record in result.history where (record.epoch + 1) % settings.count("validate-every") == 0 {
      development.append(Double(record.epoch + 1), record.validation?.value ?? 0)
    }
    return StudyOutcome(
      items: data.users, values: [measures[0].name: recall, measures[1].name: ndcg],
      development: result.bestEpoch.flatMap { result.history[$0].validation?.value },
      curves: [development] + separation.curves)
  }
}

/// Recall@20 of the development items, every so many epochs; in between the last value less a trifle, so that only validated
/// epochs can be the best.
private final class RecallValidation: TrainingValidation {
  let data: Interactions
  let every: Int
  private var epoch = 0

  init(data: Interactions, every: Int, epochs: Int) {
    self.data = data
    self.every = min(every, epochs)
  }

  func validate(_ models: [TrainedModel]) throws -> ValidationResult {
    epoch += 1
    guard epoch % every == 0, let model = models.first?.scorer as? MatrixFactorization else { return ValidationResult(value: -1) }
    let values = try data.users.filter { !(data.development[$0] ?? []).isEmpty }.map {
      try data.quality(of: model, user: $0, held: data.development, hidden: [data.training]).recall
    }
    return ValidationResult(value: values.mean)
  }
}

/// The baseline that drops: a batch's largest losses weigh 0, whoever's they are.
private struct DropLargestLosses: SampleWeighting {
  let share: Double
  let start: Int

  var readsScores: Bool { true }

  func weights(for input: WeightingInput) -> SampleWeights {
    guard (input.epoch ?? 0) >= start else { return SampleWeights(values: input.samples.map { _ in 1 }) }
    let order = input.losses.indices.sorted { (input.losses[$0], $0) > (input.losses[$1], $1) }
    var values = input.samples.map { _ in 1.0 }
    for position in order.prefix(Int(share * Double(order.count))) { values[position] = 0 }
    return SampleWeights(values: values)
  }
}

/// How well the loss tells wrong clicks from others, pooled over all users and within each user: the area under the curve.
private final class SeparationRecorder: TrainerHook {
  let data: Interactions
  let samples: [TrainingSample]
  private var pooled = StudyCurve("loss tells wrong clicks, all users pooled (AUC)", xLabel: "epoch")
  private var personal = StudyCurve("loss tells wrong clicks, within each user (AUC)", xLabel: "epoch")

  init(data: Interactions, seed: UInt64) {
    self.data = data
    let generator = SeededGenerator(seed: seed)
    // One negative a user, so that a user's losses differ by their positives alone.
    samples = data.wrong.values.allSatisfy(\.isEmpty) ? [] : data.users.enumerated().flatMap { number, user -> [TrainingSample] in
      var stream = generator.stream("separation", number)
      let own = Set(data.training[user] ?? [])
      var negative = data.items[stream.integer(below: data.items.count)]
      while own.contains(negative) { negative = data.items[stream.integer(below: data.items.count)] }
      return (data.training[user] ?? []).map { .pairwise(qid: user, positive: $0, negatives: [negative]) }
    }
  }

  var curves: [StudyCurve] { pooled.x.isEmpty ? [] : [pooled, personal] }

  func afterEpoch(_ trainer: Trainer, record: EpochRecord) throws {
    guard !samples.isEmpty, (record.epoch + 1) % 5 == 0 else { return }
    let losses = try trainer.scores(of: samples).map { log1p(exp($0[1] - $0[0])) }
    var byUser: [String: (wrong: [Double], right: [Double])] = [:]
    for (sample, loss) in zip(samples, losses) {
      let isWrong = data.wrong[sample.qid]?.contains(sample.documents[0].docno) == true
      var known = byUser[sample.qid] ?? ([], [])
      if isWrong { known.wrong.append(loss) } else { known.right.append(loss) }
      byUser[sample.qid] = known
    }
    let users = data.users.compactMap { byUser[$0] }
    let both = users.filter { !$0.wrong.isEmpty && !$0.right.isEmpty }
    let own = both.map { areaUnderCurve(positives: $0.wrong, negatives: $0.right) }
    let x = Double(record.epoch + 1)
    personal.append(x, own.mean)
    pooled.append(x, areaUnderCurve(positives: users.flatMap(\.wrong), negatives: users.flatMap(\.right)))
  }
}
