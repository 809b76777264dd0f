#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Ordered classes from features: logistic regression of every class boundary at once, with slopes that are tied as much as
/// ``FusedDifferencePenalty`` ties them. PRESTO is the lasso between; proportional odds and separate slopes are its ends.
///
///     let fit = try OrdinalRegression.fit(rows, classes: grades, levels: 5, penalty: FusedDifferencePenalty(lambda: 0.01))
///     fit.probabilities(of: features)[4]   // of the top grade: a score, calibrated
///
/// ``OrdinalCrossValidation`` chooses the penalty.
///
/// Fitted by proximal gradient descent with momentum that is dropped where it does harm (FISTA with restart), on standardised
/// features, in the steps `psi_1 = beta_1, psi_k = beta_k - beta_{k-1}`; a step after which an observed class has no positive
/// probability is halved. A larger predictor means a LOWER class.
public struct OrdinalRegression: Sendable, Equatable {
  /// Whether class boundaries differ in their slopes.
  public enum Slopes: String, Sendable, CaseIterable {
    /// Each boundary has slopes of its own, tied by the penalty.
    case separate
    /// All boundaries have the same: proportional odds.
    case shared
  }

  /// Of the K - 1 boundaries, from the lowest class up.
  public let intercepts: [Double]
  /// `[K - 1][features]`.
  public let slopes: [[Double]]
  /// Mean loss and penalty, on standardised features.
  public let objective: Double
  public let iterations: Int
  /// Features that had one value in all rows: they were left out, their slopes are 0.
  public let constantFeatures: [Int]

  init(
    intercepts: [Double], slopes: [[Double]], objective: Double = 0, iterations: Int = 0, constantFeatures: [Int] = []
  ) {
    self.intercepts = intercepts
    self.slopes = slopes
    self.objective = objective
    self.iterations = iterations
    self.constantFeatures = constantFeatures
  }

  public var levels: Int { intercepts.count + 1 }

  /// P(class <= k) of each boundary, as the predictors have it: where boundaries cross, not rising.
  private func cumulative(_ features: [Double]) -> [Double] {
    zip(intercepts, slopes).map { intercept, own in sigmoid(zip(own, features).reduce(intercept) { $0 + $1.0 * $1.1 }) }
  }

  /// Probabilities of the classes from the lowest up. Where boundaries cross, a cumulative probability counts as that of the
  /// boundary before.
  public func probabilities(of features: [Double]) -> [Double] {
    var last = 0.0
    var result: [Double] = []
    for own in cumulative(features) {
      let value = max(last, own)
      result.append(value - last)
      last = value
    }
    return result + [1 - last]
  }

  /// The mean class: a score that tells also documents of middling classes apart.
  public func expectedClass(of features: [Double]) -> Double {
    probabilities(of: features).enumerated().reduce(0) { $0 + Double($1.offset) * $1.element }
  }

  /// Whether boundaries cross here, so that ``probabilities(of:)`` had to mend them.
  public func crosses(at features: [Double]) -> Bool {
    let values = cumulative(features)
    return zip(values, values.dropFirst()).contains { $0 > $1 }
  }

  /// - Parameters:
  ///   - rows: One row of features an observation.
  ///   - classes: From 0 to `levels - 1`, every one of which must occur.
  ///   - slopes: With `shared` the penalty is that of the first boundary alone: the lasso of proportional odds.
  ///   - tolerance: Ends when no number moves by more than this in an iteration.
  /// - Throws: ``OrdinalRegressionError``.
  public static func fit(
    _ rows: [[Double]], classes: [Int], levels: Int, penalty: FusedDifferencePenalty, slopes: Slopes = .separate,
    maximumIterations: Int = 5000, tolerance: Double = 1e-9
  ) throws(OrdinalRegressionError) -> OrdinalRegression {
    let fit = try OrdinalFit(rows, classes: classes, levels: levels)
    return fit.regression(
      try fit.run(penalty, slopes: slopes, maximumIterations: maximumIterations, tolerance: tolerance))
  }

  /// The smallest penalty, with the first slopes penalised, under which no feature counts at all.
  public static func largestLambda(
    _ rows: [[Double]], classes: [Int], levels: Int, slopes: Slopes = .separate
  ) throws(OrdinalRegressionError) -> Double {
    try OrdinalFit(rows, classes: classes, levels: levels).largestLambda(slopes)
  }
}

func sigmoid(_ x: Double) -> Double { x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)) }
