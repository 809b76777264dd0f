import GradusEval

/// How an experiment came out, by a rule that is stated before it is run.
///
/// Looked at is the claimed arm with the best *development* figure, in the claim's measure, against the baseline.
/// - `shown`: better on average, the difference over queries significant (corrected p below 0.05) and that over seeds too.
/// - `insideTheNoise`: better on average, but not significantly so over queries or over seeds.
/// - `notShown`: not better.
public enum Verdict: String, Sendable, Codable, CaseIterable {
  case shown
  case insideTheNoise = "direction as claimed, inside the noise"
  case notShown = "not shown at this size"

  /// The level of both tests.
  public static let level = 0.05

  /// - Parameters:
  ///   - correctedP: Over queries, corrected for the number of arms.
  ///   - seedsP: Over seeds; with a single seed, 1.
  public init(difference: Double, correctedP: Double, seedsP: Double) {
    if difference <= 0 {
      self = .notShown
    } else {
      self = correctedP < Self.level && seedsP < Self.level ? .shown : .insideTheNoise
    }
  }

  /// Of several experiments: shown where one shows it and none goes against it; the direction as claimed where the mean
  /// difference is above 0; otherwise not shown.
  public init(all verdicts: [(verdict: Verdict, difference: Double)]) {
    let mean = verdicts.reduce(0) { $0 + $1.difference }
    if verdicts.contains(where: { $0.verdict == .shown }), !verdicts.contains(where: { $0.difference < 0 }) {
      self = .shown
    } else {
      self = mean > 0 ? .insideTheNoise : .notShown
    }
  }
}

/// What a recipe obtained: `result.json`. But for `date` a function of recipe, data and program.
public struct RecipeResult: Sendable, Equatable, Codable {
  public struct Figure: Sendable, Equatable, Codable {
    public let measure: String
    /// Mean over seeds and queries.
    public let mean: Double
    /// Mean over queries of each seed.
    public let seeds: [Double]
  }

  public struct Arm: Sendable, Equatable, Codable {
    public let name: String
    public let isClaimed: Bool
    /// As it was trained: chosen on the development queries, or the recipe's; nil without a curriculum.
    public let curriculum: String?
    public let curriculumEnd: String?
    /// Mean over seeds of the best epoch's development figure; nil for the first stage.
    public let development: Double?
    public let figures: [Figure]

    enum CodingKeys: String, CodingKey {
      case name, curriculum, development, figures
      case isClaimed = "claimed"
      case curriculumEnd = "curriculum_end"
    }
  }

  /// An arm against the baseline in one measure; differences are arm minus baseline.
  public struct Comparison: Sendable, Equatable, Codable {
    public let arm: String
    public let baseline: String
    public let measure: String
    public let difference: Double
    /// Of the baseline's mean.
    public let relativePercent: Double
    /// 95 % interval of the difference over queries.
    public let interval: [Double]
    public let p: Double
    public let correctedP: Double
    /// Of the paired t-test over seeds; 1 for a single seed.
    public let seedsP: Double

    enum CodingKeys: String, CodingKey {
      case arm, baseline, measure, difference, interval, p
      case relativePercent = "relative_percent"
      case correctedP = "corrected_p"
      case seedsP = "p_over_seeds"
    }
  }

  public struct Experiment: Sendable, Equatable, Codable {
    public let collection: String
    public let name: String
    public let queries: Int
    public let seeds: Int
    /// The first stage first, then as in the recipe.
    public let arms: [Arm]
    public let comparisons: [Comparison]
    /// The arm that the verdict is about.
    public let judgedArm: String
    public let difference: Double
    public let conclusion: Verdict

    enum CodingKeys: String, CodingKey {
      case collection, name, queries, seeds, arms, comparisons, difference, conclusion
      case judgedArm = "judged_arm"
    }
  }

  public let slug: String
  public let title: String
  public let source: String
  public let mode: Recipe.Mode
  public let claim: String
  public let claimMeasure: String
  /// `shown` or `not shown`: what lists of systems print.
  public let verdict: String
  public let conclusion: Verdict
  /// The difference in one line.
  public let figure: String
  public let experiments: [Experiment]
  public let version: String
  /// The day, as YYYY-MM-DD.
  public let date: String

  enum CodingKeys: String, CodingKey {
    case slug, title, source, mode, claim, verdict, conclusion, figure, experiments, version, date
    case claimMeasure = "claim_measure"
  }
}
