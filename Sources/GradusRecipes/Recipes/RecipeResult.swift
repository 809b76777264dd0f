import GradusEval

/// What a recipe obtained: `result.json`. But for `date` a function of recipe, data and program.
public struct RecipeResult: Sendable, Equatable, Codable {
  public struct Figure: Sendable, Equatable, Codable {
    public let measure: String
    /// Mean over seeds and queries.
    public let mean: Double
    /// Mean over queries of each seed.
    public let seeds: [Double]
  }

  /// What an arm obtained, over all seeds.
  public struct Arm: Sendable, Equatable, Codable {
    public let name: String
    public let isClaimed: Bool
    /// As it was trained: chosen on the development queries, or the recipe's; nil without a curriculum.
    public let curriculum: String?
    public let curriculumEnd: String?
    /// Mean over seeds of the best epoch's development figure; nil for the first stage.
    public let development: Double?
    /// The combinations of settings that development data chose from, with one seed; nil where there was nothing to choose.
    public let tried: [Trial]?
    public let figures: [Figure]

    enum CodingKeys: String, CodingKey {
      case name, curriculum, development, tried, figures
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
    /// Of the baseline's mean; nil where that is not above 0 or a per cent of the measure means nothing.
    public let relativePercent: Double?
    /// The difference, with its sign turned round where lower is better: above 0 means better.
    public let gain: Double
    /// 95 % interval of the difference over queries.
    public let interval: [Double]
    public let p: Double
    public let correctedP: Double
    /// Of the paired t-test over seeds; 1 for a single seed.
    public let seedsP: Double

    /// The difference as lists print it: in per cent where that can be said.
    var change: String {
      relativePercent.map { NumberText.signed($0, 1) + " %" } ?? NumberText.signed(difference, 4)
    }

    enum CodingKeys: String, CodingKey {
      case arm, baseline, measure, difference, gain, interval, p
      case relativePercent = "relative_percent"
      case correctedP = "corrected_p"
      case seedsP = "p_over_seeds"
    }
  }

  /// What an experiment obtained, arm by arm.
  public struct Experiment: Sendable, Equatable, Codable {
    /// Nil for a study, which finds its data itself.
    public let collection: String?
    /// The study that was run; nil for the training of text rankers.
    public let study: String?
    public let name: String
    public let claim: String
    public let claimMeasure: String
    /// What values are of: queries, users, problems.
    public let itemNoun: String
    public let items: Int
    public let seeds: Int
    /// As in the recipe; before them the first stage, in trainings.
    public let arms: [Arm]
    public let comparisons: [Comparison]
    /// The arm that the verdict is about.
    public let judgedArm: String
    public let conclusion: Verdict

    enum CodingKeys: String, CodingKey {
      case collection, study, name, claim, items, seeds, arms, comparisons, conclusion
      case claimMeasure = "claim_measure"
      case itemNoun = "item_noun"
      case judgedArm = "judged_arm"
    }

    /// The comparison that the verdict is about; nil where no arm is claimed.
    public var judged: Comparison? { comparisons.first { $0.arm == judgedArm && $0.measure == claimMeasure } }

    /// Where it was run: for headings and lists.
    var place: String { collection.map { "\(name) on \($0)" } ?? name }
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
