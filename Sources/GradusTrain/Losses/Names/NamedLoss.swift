import GradusCore

/// A loss as its name makes it, by what it reads of a model.
public enum NamedLoss: Sendable {
  /// One or several logits a document.
  case scores(any RankingLoss)
  /// Vectors of queries and documents: a bi-encoder's.
  case vectors(any EmbeddingLoss)
  /// A ranker's scores and a position model's, trained together.
  case dual(DualLearning)

  /// Whether a sample's value depends on the others of its step.
  public var couplesSamples: Bool {
    switch self {
    case .scores, .dual: false
    case .vectors(let loss): loss.couplesSamples
    }
  }

  /// Whether the loss asks a guide model.
  public var needsGuide: Bool {
    if case .vectors(let loss) = self { return loss.needsGuide }
    return false
  }
}

/// What losses by name may need beside their parameters.
public struct LossContext: Sendable {
  /// The rankings as they were shown when clicks were logged, for losses of clicks; nil where there are none.
  public var shown: Run?

  public init(shown: Run? = nil) { self.shown = shown }

  /// Without rankings every document is unknown to the log, which the loss says when it is asked.
  func log(_ propensities: Propensities) -> ClickLog {
    ClickLog(shown: shown ?? Run(name: "none"), propensities: propensities)
  }
}

/// One loss as command lines and recipes know it.
public struct LossEntry: Sendable {
  /// What the labels of a sample's documents mean to the loss.
  public enum Labels: String, Sendable, CaseIterable {
    /// Positive or negative is all that counts.
    case roles
    /// Any finite numbers.
    case numbers
    /// From 0 to 1.
    case probabilities
    /// Grades from 0 on.
    case grades
    /// Another ranker's scores.
    case teacher
    /// 0 or 1 by a user's click, on a ranking that is known.
    case clicks
  }

  /// What the loss needs of the model.
  public enum Model: String, Sendable, CaseIterable {
    /// One logit a document: every architecture.
    case scores
    /// Two logits a document: every architecture, with its logit as their difference.
    case twoLogits = "two logits"
    /// A logit a threshold: every architecture, with thresholds put on top.
    case thresholds
    /// Vectors: bi-encoders.
    case vectors
  }

  public let name: String
  /// Its settings, as in `name(key=value)`.
  public let settings: [String]
  /// Samples that it can be computed of.
  public let forms: [TrainingSample.Form]
  public let labels: Labels
  public let model: Model
  let make: @Sendable (inout NamedSettings, LossContext) throws -> NamedLoss

  init(
    _ name: String, _ settings: [String] = [], forms: [TrainingSample.Form], labels: Labels, model: Model = .scores,
    make: @escaping @Sendable (inout NamedSettings, LossContext) throws -> NamedLoss
  ) {
    self.name = name
    self.settings = settings
    self.forms = forms
    self.labels = labels
    self.model = model
    self.make = make
  }

  /// The same loss with the samples and labels of another.
  func reading(as other: LossEntry) -> LossEntry {
    LossEntry(name, settings, forms: other.forms, labels: other.labels, model: model, make: make)
  }

  /// A loss over scores.
  init(
    _ name: String, _ settings: [String] = [], _ forms: [TrainingSample.Form], _ labels: Labels, model: Model = .scores,
    _ make: @escaping @Sendable (inout NamedSettings) throws -> any RankingLoss
  ) {
    self.init(name, settings, forms: forms, labels: labels, model: model) { settings, _ in .scores(try make(&settings)) }
  }

  /// A loss over vectors.
  init(
    vectors name: String, _ settings: [String] = [], _ forms: [TrainingSample.Form], _ labels: Labels,
    _ make: @escaping @Sendable (inout NamedSettings) throws -> any EmbeddingLoss
  ) {
    self.init(name, settings, forms: forms, labels: labels, model: .vectors) { settings, _ in .vectors(try make(&settings)) }
  }
}

extension Array where Element == TrainingSample.Form {
  static var all: [TrainingSample.Form] { [.pointwise, .pairwise, .listwise] }
  /// Two documents at least.
  static var lists: [TrainingSample.Form] { [.pairwise, .listwise] }
  /// One positive and its negatives.
  static var pairs: [TrainingSample.Form] { [.pairwise] }
}
