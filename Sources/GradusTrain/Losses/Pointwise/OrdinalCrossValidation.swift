#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// The penalty of an ``OrdinalRegression`` chosen by cross-validation, as PRESTO's authors choose it: the lambda of the smallest
/// Brier score over the folds, the largest of equals; then a fit on all rows.
///
///     let folds = OrdinalCrossValidation.folds(5, of: grades, seed: 1)
///     let chosen = try OrdinalCrossValidation(rows, classes: grades, levels: 5, folds: folds)
///     chosen.regression.probabilities(of: features)
///
/// Judgements of one query belong into one fold: give folds by query then.
public struct OrdinalCrossValidation: Sendable, Equatable {
  /// From the smallest under which no feature counts down to a share of it, evenly on a logarithmic scale.
  public let lambdas: [Double]
  /// Mean over the rows of `sum_k (p_k - [y = k])^2`, each row predicted from the other folds.
  public let brier: [Double]
  /// The chosen one.
  public let lambda: Double
  /// Fitted on all rows.
  public let regression: OrdinalRegression

  /// - Parameters:
  ///   - folds: The fold of each row, from 0.
  ///   - count: Number of lambdas.
  ///   - leastRatio: The smallest lambda over the largest.
  /// - Throws: ``OrdinalRegressionError``, also where the rows outside a fold lack a class.
  /// - Complexity: One fit for each fold and lambda, each from where the one before ended.
  public init(
    _ rows: [[Double]], classes: [Int], levels: Int, folds: [Int], slopes: OrdinalRegression.Slopes = .separate,
    penalisesFirst: Bool = true, count: Int = 20, leastRatio: Double = 0.01, maximumIterations: Int = 2000,
    tolerance: Double = 1e-6
  ) throws(OrdinalRegressionError) {
    guard count >= 2, leastRatio > 0, leastRatio < 1 else { throw .path(count: count, leastRatio: leastRatio) }
    guard folds.count == rows.count else { throw .folds(expected: rows.count, found: folds.count) }
    let whole = try OrdinalFit(rows, classes: classes, levels: levels)
    let largest = whole.largestLambda(slopes)
    let step = pow(leastRatio, 1 / Double(count - 1))
    let lambdas = (0..<count).map { largest * pow(step, Double($0)) }
    let penalties = lambdas.map { FusedDifferencePenalty(lambda: $0, first: penalisesFirst) }
    var sums = [Double](repeating: 0, count: count)
    for fold in Set(folds).sorted() {
      let kept = rows.indices.filter { folds[$0] != fold }, held = rows.indices.filter { folds[$0] == fold }
      guard !kept.isEmpty else { throw .folds(expected: 2, found: 1) }
      let part = try OrdinalFit(kept.map { rows[$0] }, classes: kept.map { classes[$0] }, levels: levels)
      var point: OrdinalFit.Point?
      for (number, penalty) in penalties.enumerated() {
        let found = try part.run(
          penalty, slopes: slopes, from: point, maximumIterations: maximumIterations, tolerance: tolerance)
        point = found.point
        let regression = part.regression(found)
        for row in held {
          for (level, probability) in regression.probabilities(of: rows[row]).enumerated() {
            let error = probability - (classes[row] == level ? 1 : 0)
            sums[number] += error * error
          }
        }
      }
    }
    self.lambdas = lambdas
    brier = sums.map { $0 / Double(rows.count) }
    // Lambdas fall: the first of equals is the largest.
    var best = 0
    for number in sums.indices where sums[number] < sums[best] { best = number }
    lambda = lambdas[best]
    // Down the path again, so that the last fit starts near its end.
    var point: OrdinalFit.Point?
    for penalty in penalties[..<best] {
      let found = try whole.run(
        penalty, slopes: slopes, from: point, maximumIterations: maximumIterations, tolerance: tolerance)
      point = found.point
    }
    regression = whole.regression(
      try whole.run(penalties[best], slopes: slopes, from: point, maximumIterations: maximumIterations, tolerance: tolerance))
  }

  /// Folds that have equally many rows of each class, as far as the numbers allow.
  public static func folds(_ count: Int, of classes: [Int], seed: UInt64) -> [Int] {
    let generator = SeededGenerator(seed: seed)
    var folds = [Int](repeating: 0, count: classes.count)
    for level in Set(classes).sorted() {
      let members = classes.indices.filter { classes[$0] == level }
      var stream = generator.stream("folds", level)
      for (place, member) in stream.permutation(members.count).enumerated() { folds[members[member]] = place % max(1, count) }
    }
    return folds
  }
}
