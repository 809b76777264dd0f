import GradusTrain

/// The rivals that estimate the probability of the top class from features: PRESTO, its two ends, and logistic regression of the
/// top class against all others.
enum OrdinalMethod: String, CaseIterable {
  case presto
  /// Proportional odds, with a lasso whose penalty is chosen as PRESTO's.
  case oddsLasso = "odds-lasso"
  /// The same without a penalty.
  case odds
  case logisticLasso = "logistic-lasso"
  case logistic

  /// A fitted rival.
  struct Fit {
    let regression: OrdinalRegression

    func topProbability(_ row: [Double]) -> Double { regression.probabilities(of: row).last ?? 0 }
  }

  /// - Parameters:
  ///   - folds: The fold of each row, by which penalties are chosen.
  ///   - lambdas: Number of penalties to choose from, the same for every rival that has one.
  func fit(_ rows: [[Double]], classes: [Int], levels: Int, folds: [Int], lambdas: Int) throws -> Fit {
    let isBinary = self == .logistic || self == .logisticLasso
    let own = isBinary ? classes.map { $0 == levels - 1 ? 1 : 0 } : classes
    let slopes: OrdinalRegression.Slopes = self == .presto ? .separate : .shared
    switch self {
    case .presto, .oddsLasso, .logisticLasso:
      let chosen = try OrdinalCrossValidation(
        rows, classes: own, levels: isBinary ? 2 : levels, folds: folds, slopes: slopes, count: lambdas)
      return Fit(regression: chosen.regression)
    case .odds, .logistic:
      return Fit(
        regression: try OrdinalRegression.fit(
          rows, classes: own, levels: isBinary ? 2 : levels, penalty: FusedDifferencePenalty(lambda: 0), slopes: slopes,
          maximumIterations: 2000, tolerance: 1e-6))
    }
  }
}
