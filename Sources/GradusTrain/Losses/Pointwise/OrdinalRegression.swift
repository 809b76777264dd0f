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
/// Fitted by proximal gradient descent with momentum that is dropped where it does harm (FISTA with restart), on standardised
/// features, in the steps `psi_1 = beta_1, psi_k = beta_k - beta_{k-1}`; a step after which an observed class has no positive
/// probability is halved. A larger predictor means a LOWER class.
public struct OrdinalRegression: Sendable, Equatable {
  /// Of the K - 1 boundaries, from the lowest class up.
  public let intercepts: [Double]
  /// `[K - 1][features]`.
  public let slopes: [[Double]]
  /// Mean loss and penalty, on standardised features.
  public let objective: Double
  public let iterations: Int

  public var levels: Int { intercepts.count + 1 }

  /// Probabilities of the classes from the lowest up. Where boundaries cross, a cumulative probability counts as that of the
  /// boundary before.
  public func probabilities(of features: [Double]) -> [Double] {
    var last = 0.0
    var result: [Double] = []
    for (intercept, own) in zip(intercepts, slopes) {
      let eta = zip(own, features).reduce(intercept) { $0 + $1.0 * $1.1 }
      let cumulative = max(last, sigmoid(eta))
      result.append(cumulative - last)
      last = cumulative
    }
    return result + [1 - last]
  }

  /// - Parameters:
  ///   - rows: One row of features an observation.
  ///   - classes: From 0 to `levels - 1`, every one of which must occur.
  ///   - tolerance: Ends when no number moves by more than this in an iteration.
  /// - Throws: ``OrdinalRegressionError``.
  public static func fit(
    _ rows: [[Double]], classes: [Int], levels: Int, penalty: FusedDifferencePenalty, maximumIterations: Int = 5000,
    tolerance: Double = 1e-9
  ) throws(OrdinalRegressionError) -> OrdinalRegression {
    try OrdinalFit(rows, classes: classes, levels: levels, penalty: penalty)
      .run(maximumIterations: maximumIterations, tolerance: tolerance)
  }

  /// The smallest penalty, with the first slopes penalised, under which no feature counts at all.
  public static func largestLambda(
    _ rows: [[Double]], classes: [Int], levels: Int
  ) throws(OrdinalRegressionError) -> Double {
    try OrdinalFit(rows, classes: classes, levels: levels, penalty: nil).largestLambda()
  }
}

func sigmoid(_ x: Double) -> Double { x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)) }
