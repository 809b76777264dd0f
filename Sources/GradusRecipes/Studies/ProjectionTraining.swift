import GradusCore
import GradusModels
import GradusTensor
import GradusTrain

/// The training of a linear head on stored vectors that studies of losses over vectors share: Adam, a development figure after
/// each epoch, the best epoch's weights in the end.
struct ProjectionTraining {
  /// Settings of every such study.
  static let settings = [
    StudySetting("data", .text, default: "nfcorpus", "collection"),
    StudySetting("model", .text, default: "minilm-l6", "encoder of the vectors"),
    StudySetting("losses", .text, default: "infonce", "over vectors; several with + between them give their mean; or none"),
    StudySetting("epochs", .count(least: 1), default: "8", "epochs, of which development data choose the best"),
    StudySetting("steps-per-epoch", .count(least: 1), default: "40", "steps of an epoch"),
    StudySetting("learning-rate", .number(1e-7...1), default: "3e-4", "of Adam"),
  ]

  let head: VectorProjection
  /// The best epoch's; of the untrained head without losses.
  let development: Double
  let curves: [StudyCurve]

  /// - Parameters:
  ///   - batch: Samples of a step.
  ///   - qrels: By which documents of other samples are no negatives.
  ///   - development: More is better.
  init(
    _ head: VectorProjection, _ settings: StudySettings, sampler: some TrainingSampler, batch: Int, qrels: Qrels?, seed: UInt64,
    development: @escaping (VectorProjection) throws -> Double
  ) throws {
    self.head = head
    let losses = try Self.losses(settings["losses"])
    guard !losses.isEmpty else {
      self.development = try development(head)
      curves = []
      return
    }
    let trainer = try Trainer(
      models: [settings.trained(head)], sampler: sampler, texts: NamesAsTexts(),
      objectives: losses.enumerated().map { number, loss in
        TrainingObjective(loss, qrels: qrels, name: "loss \(number + 1)", scale: 1 / Double(losses.count))
      },
      validation: HeadValidation(head: head, figure: development),
      options: settings.trainerOptions(batch: batch, seed: seed))
    let result = try trainer.train()
    var training = StudyCurve("training loss", xLabel: "epoch")
    var held = StudyCurve("development figure", xLabel: "epoch")
    for record in result.history {
      training.append(Double(record.epoch + 1), record.objectives.map(\.meanLoss).mean)
      held.append(Double(record.epoch + 1), record.validation?.value ?? 0)
    }
    self.development = result.history[result.bestEpoch ?? 0].validation?.value ?? 0
    curves = [training, held]
  }

  /// Losses over vectors by name, with + between them; none for `none`.
  ///
  /// - Throws: ``SettingError``, the errors of `LossNames`.
  static func losses(_ text: String) throws -> [any EmbeddingLoss] {
    guard text != "none" else { return [] }
    return try text.split(separator: "+", omittingEmptySubsequences: false).map { part in
      let name = part.drop { $0 == " " }
      guard case .vectors(let loss) = try LossNames.named(String(name.reversed().drop { $0 == " " }.reversed())) else {
        throw SettingError.value(setting: "losses", found: text, expected: "none, or losses over vectors with + between them")
      }
      return loss
    }
  }
}

private struct HeadValidation: TrainingValidation {
  let head: VectorProjection
  let figure: (VectorProjection) throws -> Double

  func validate(_ models: [TrainedModel]) throws -> ValidationResult { ValidationResult(value: try figure(head)) }
}

/// Draws a group, one of its anchors and one of its members that is relevant for it, and a document of none of the group: groups
/// are visited equally often however large they are.
struct GroupPairSampler: TrainingSampler {
  struct Group: Sendable {
    /// What stands as query.
    let anchors: [String]
    /// Documents that are relevant for all anchors; with at least one that is not the anchor itself.
    let members: [String]
  }

  private let groups: [Group]
  private let members: [Set<String>]
  private let catalogue: [String]
  private let generator: SeededGenerator
  private var drawn = 0

  init(groups: [Group], catalogue: [String], seed: UInt64) {
    self.groups = groups
    members = groups.map { Set($0.members) }
    self.catalogue = catalogue
    generator = SeededGenerator(seed: seed)
  }

  var samplesPerPass: Int? { groups.count }

  mutating func next() -> TrainingSample {
    var round = generator.stream("round", drawn / groups.count)
    let number = round.permutation(groups.count)[drawn % groups.count]
    var stream = generator.stream("draw", drawn)
    drawn += 1
    let anchor = groups[number].anchors[stream.integer(below: groups[number].anchors.count)]
    var positive = anchor
    while positive == anchor { positive = groups[number].members[stream.integer(below: groups[number].members.count)] }
    var negative = positive
    while members[number].contains(negative) { negative = catalogue[stream.integer(below: catalogue.count)] }
    return .pairwise(qid: anchor, positive: positive, negatives: [negative])
  }

  var resumeState: Int { drawn }
  mutating func resume(from state: Int) { drawn = state }
}
