import GradusEval

/// How an experiment came out, by a rule that is stated before it is run.
///
/// Looked at is the claimed arm with the best *development* figure, in the claim's measure, against the baseline. A gain is the
/// difference, or minus it in measures of which less is better.
/// - `shown`: a gain on average, significant over items (corrected p below 0.05) and over seeds.
/// - `insideTheNoise`: a gain on average, but not significantly so over items or over seeds.
/// - `notShown`: no gain.
public enum Verdict: String, Sendable, Codable, CaseIterable {
  case shown
  case insideTheNoise = "direction as claimed, inside the noise"
  case notShown = "not shown at this size"

  /// The level of both tests.
  public static let level = 0.05

  /// - Parameters:
  ///   - correctedP: Over items, corrected for the number of arms.
  ///   - seedsP: Over seeds; with a single seed, 1.
  public init(gain: Double, correctedP: Double, seedsP: Double) {
    if gain <= 0 {
      self = .notShown
    } else {
      self = correctedP < Self.level && seedsP < Self.level ? .shown : .insideTheNoise
    }
  }

  /// Of several experiments, each with its claim: shown where at least one is shown after the p of the judged arms is
  /// corrected once more, for the number of experiments; the direction as claimed where at least one has it; otherwise not
  /// shown. Which ones is for the text to say.
  ///
  /// - Throws: `SignificanceError` for a p that is none.
  public init(all experiments: [RecipeResult.Experiment], correction: MultipleTesting) throws {
    let corrected = try correction.adjust(experiments.map { $0.judged?.correctedP ?? 1 })
    let verdicts = zip(experiments, corrected).map { experiment, p in
      experiment.judged.map { Verdict(gain: $0.gain, correctedP: p, seedsP: $0.seedsP) } ?? .notShown
    }
    self = verdicts.contains(.shown) ? .shown : verdicts.contains(.insideTheNoise) ? .insideTheNoise : .notShown
  }
}
