import GradusData

/// An experiment that is not the training of a text ranker: a mechanism on synthetic data, or a method at its home, such as
/// recommendation. Arms, seeds, paired tests, corrections and the verdict are the recipe's; a study turns settings and a seed
/// into one value an item for each measure.
///
///     struct CoinStudy: Study {
///       static let name = "coin"
///       static let summary = "a coin thrown a hundred times"
///       static let items = "throws"
///       static let settings = [StudySetting("bias", .number(0...1), default: "0.5", "probability of heads")]
///       static let measures = [StudyMeasure("heads")]
///       static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) -> StudyOutcome { ... }
///     }
///
/// A study is a function of settings, seed and the data that it reads: equal ones give equal bits. Arms that are compared get
/// the same seeds, so whatever does not depend on an arm's settings must come from streams that do not either.
public protocol Study: Sendable {
  /// As recipes name it.
  static var name: String { get }
  /// What is done, in a line.
  static var summary: String { get }
  /// What a value is of, in the plural: queries, users, problems.
  static var items: String { get }
  static var settings: [StudySetting] { get }
  static var measures: [StudyMeasure] { get }
  /// Part of the key under which finished runs are kept: to be raised when results change.
  static var version: Int { get }

  static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome
}

extension Study {
  public static var version: Int { 1 }
}

/// What a study is run with beside its settings.
public struct StudyContext: Sendable {
  public let home: DataHome

  public init(home: DataHome = .current) { self.home = home }
}

/// A number that a study gives for each item.
public struct StudyMeasure: Sendable, Equatable {
  public let name: String
  /// Errors and losses.
  public let isLowerBetter: Bool
  /// Whether a per cent of it means something: not for logarithms.
  public let isRatio: Bool

  public init(_ name: String, isLowerBetter: Bool = false, isRatio: Bool = true) {
    self.name = name
    self.isLowerBetter = isLowerBetter
    self.isRatio = isRatio
  }
}

/// What a study obtained with one seed.
public struct StudyOutcome: Sendable, Equatable {
  /// Names of the items that the values are of.
  public let items: [String]
  /// By measure, parallel to `items`, finite.
  public let values: [String: [Double]]
  /// By which the claimed arm that is judged is chosen, more is better; from data that the values are not from. Nil where only
  /// one arm is claimed.
  public let development: Double?
  public let curves: [StudyCurve]

  public init(items: [String], values: [String: [Double]], development: Double? = nil, curves: [StudyCurve] = []) {
    self.items = items
    self.values = values
    self.development = development
    self.curves = curves
  }
}

/// A line over the course of one run, such as a loss or a mean weight over the steps. Those of an arm's seeds become a band.
public struct StudyCurve: Sendable, Equatable, Codable {
  /// The title of its picture, which shows the curves of this name of all arms.
  public let name: String
  public let xLabel: String
  public var x: [Double]
  public var y: [Double]

  public init(_ name: String, xLabel: String, x: [Double] = [], y: [Double] = []) {
    self.name = name
    self.xLabel = xLabel
    self.x = x
    self.y = y
  }

  public mutating func append(_ x: Double, _ y: Double) {
    self.x.append(x)
    self.y.append(y)
  }
}

/// All studies, by the names that recipes give them.
public enum StudyCatalog {
  public static let all: [any Study.Type] = [
    LinearRegressionStudy.self, NoisyPairsStudy.self, ImplicitFeedbackStudy.self, PoolingBiasStudy.self,
    HiddenPositivesStudy.self, SortingStudy.self, SetRankingStudy.self, UnlabelledListsStudy.self,
    TILDEStudy.self,
    WordPredictionStudy.self, NoisyLabelsStudy.self, TwoViewsStudy.self, ListRankingStudy.self,
    RareClassStudy.self, TopGradeStudy.self, VectorRetrievalStudy.self, OpenWorldStudy.self, FewShotStudy.self,
    MaskedPretrainingStudy.self,
    CURStudy.self,
  ]

  public static func study(_ name: String) -> (any Study.Type)? { all.first { $0.name == name } }
}
