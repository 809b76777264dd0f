import GradusCore
import GradusTrain

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Stochastic gradient descent on noiseless linear regressions, with the samples of each batch weighted: the mechanism test of
/// ``LossReweighting``.
///
/// A problem is a random target vector; features are Gaussian, with variances that fall geometrically from 1 to
/// 1 / `condition`. All arms see the same batches. Of several learning rates the best on problems of their own is taken.
public enum LinearRegressionStudy: Study {
  public static let name = "linear-regression"
  public static let summary = "gradient descent on noiseless linear regressions, samples weighted"
  public static let items = "problems"
  public static let settings = [
    StudySetting("weighting", .weighting, default: "none", "the weighting of a batch's samples, by their losses"),
    StudySetting("problems", .count(least: 2), default: "50", "regressions with a target of their own"),
    StudySetting("dimension", .count(least: 1), default: "20", "features"),
    StudySetting("condition", .number(1...1e6), default: "10", "largest variance of a feature over the smallest"),
    StudySetting("wrong-share", .number(0...0.9), default: "0", "share of samples whose target is noise"),
    StudySetting("batch", .count(least: 2), default: "32", "samples of a step"),
    StudySetting("steps", .count(least: 1), default: "100", "steps of gradient descent"),
    StudySetting("learning-rates", .text, default: "0.05", "one, or several to choose from"),
  ]
  public static let measures = [StudyMeasure("log10 test loss", isLowerBetter: true, isRatio: false)]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let weighting = try lossReweighting(settings["weighting"])
    let rates = settings["learning-rates"].split(separator: ",").map { Double($0.filter { $0 != " " }) ?? 0 }
    guard !rates.isEmpty, rates.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw SettingError.value(setting: "learning-rates", found: settings["learning-rates"], expected: "numbers above 0")
    }
    let generator = SeededGenerator(seed: seed)
    func descents(_ stream: String, count: Int, rate: Double) -> [Descent] {
      (0..<count).map { problem in
        Self.descend(settings, weighting, rate: rate, generator: generator.stream(stream, problem))
      }
    }
    var best: (rate: Double, figure: Double)?
    for rate in rates {
      let figure = descents("chosen on", count: 10, rate: rate).map { -($0.losses.last ?? 0) }.mean
      if figure.isFinite, best.map({ figure > $0.figure }) ?? true { best = (rate, figure) }
    }
    let rate = best?.rate ?? rates[0]
    let count = settings.count("problems")
    let found = descents("problem", count: count, rate: rate)
    var curve = StudyCurve("log10 test loss", xLabel: "step")
    for step in found[0].losses.indices { curve.append(Double(step), found.map { $0.losses[step] }.mean) }
    var share = StudyCurve("effective samples, share of the batch", xLabel: "step")
    for step in found[0].shares.indices { share.append(Double(step + 1), found.map { $0.shares[step] }.mean) }
    var rateCurve = StudyCurve("learning rate chosen", xLabel: "seed")
    rateCurve.append(Double(seed), rate)
    return StudyOutcome(
      items: (1...count).map { "problem \($0)" }, values: [measures[0].name: found.map { $0.losses.last ?? 0 }],
      development: best?.figure, curves: [curve, share] + (rates.count > 1 ? [rateCurve] : []))
  }

  /// The only weighting that reads losses alone.
  private static func lossReweighting(_ text: String) throws -> LossReweighting? {
    let specifications = try WeightingNames.parse(text)
    guard let first = specifications.first else { return nil }
    guard case .loss(let weighting) = first, specifications.count == 1 else {
      let expected = "none or loss(...): this study has losses and no documents"
      throw SettingError.value(setting: "weighting", found: text, expected: expected)
    }
    return weighting
  }

  private struct Descent {
    /// log10 of the test loss before the first step and after each.
    var losses: [Double]
    /// `(sum w)^2 / sum w^2` of each step, as a share of the batch.
    var shares: [Double] = []
  }

  private static func descend(
    _ settings: StudySettings, _ weighting: LossReweighting?, rate: Double, generator: SeededGenerator
  ) -> Descent {
    let dimension = settings.count("dimension")
    let batch = settings.count("batch")
    let wrongShare = settings.number("wrong-share")
    let deviations = (0..<dimension).map { feature in
      dimension == 1 ? 1 : pow(settings.number("condition"), -0.5 * Double(feature) / Double(dimension - 1))
    }
    var stream = generator
    let target = (0..<dimension).map { _ in stream.normal() }
    let spread = zip(target, deviations).reduce(0) { $0 + $1.0 * $1.0 * $1.1 * $1.1 }.squareRoot()
    var weights = [Double](repeating: 0, count: dimension)
    func testLoss() -> Double {
      var sum = 0.0
      for feature in 0..<dimension {
        let error = (weights[feature] - target[feature]) * deviations[feature]
        sum += error * error
      }
      // Below this there is nothing but rounding; above, the descent has diverged.
      return log10(min(max(sum, 1e-30), 1e30))
    }
    var result = Descent(losses: [testLoss()])
    for step in 0..<settings.count("steps") {
      var features: [[Double]] = []
      var errors: [Double] = []
      for _ in 0..<batch {
        let x = deviations.map { $0 * stream.normal() }
        let isWrong = stream.uniform() < wrongShare
        let noise = stream.normal()
        let y = isWrong ? spread * noise : zip(x, target).reduce(0) { $0 + $1.0 * $1.1 }
        features.append(x)
        errors.append(zip(x, weights).reduce(0) { $0 + $1.0 * $1.1 } - y)
      }
      let losses = errors.map { $0 * $0 }
      var shares = losses.map { _ in 1.0 }
      if let weighting, step >= weighting.warmupSteps { shares = weighting.weights(of: losses) }
      for feature in 0..<dimension {
        var gradient = 0.0
        for sample in 0..<batch { gradient += shares[sample] * 2 * errors[sample] * features[sample][feature] }
        weights[feature] -= rate * gradient / Double(batch)
      }
      let sum = shares.reduce(0, +)
      result.shares.append(sum * sum / shares.reduce(0) { $0 + $1 * $1 } / Double(batch))
      result.losses.append(testLoss())
    }
    return result
  }
}
