import GradusCore

/// How a paired test came to its p value, where that was not the ordinary way.
public enum PairedTestNote: String, Sendable, Equatable, CaseIterable {
  /// Nothing unusual.
  case none
  /// Too few pairs for this test: p is 1, nothing can be concluded.
  case tooFewPairs
  /// All differences are 0: p is 1, the statistic 0.
  case noDifference
  /// All differences are equal and not 0. The t statistic is infinite and its p value 0: the variance cannot be estimated.
  case noVariance
}

/// The result of a two-sided test on paired values. No field is ever NaN.
public struct PairedTestResult: Sendable, Equatable {
  /// The test's own statistic: t, W, or the mean difference for the randomisation test, wins for the sign test.
  public let statistic: Double
  /// In `[0, 1]`.
  public let p: Double
  /// Pairs given.
  public let count: Int
  /// Mean of second minus first; 0 without pairs.
  public let meanDifference: Double
  public let note: PairedTestNote
}

/// A two-sided test of whether paired values differ.
///
/// Values must be finite. Pairs are `(first[i], second[i])`; the difference is second minus first.
///
///     let result = try PairedTest.t.compare([0.5, 0.3, 0.6], [0.6, 0.5, 0.65])
///     result.p   // 0.0955
public enum PairedTest: Sendable, Equatable {
  /// Student's paired t-test (Smucker et al., CIKM 2007, on its use in retrieval).
  case t
  /// Fisher's randomisation test on the mean: signs of the differences are exchangeable under the null hypothesis.
  ///
  /// Exact for up to 20 differences that are not 0 (all assignments of signs); otherwise `permutations` random ones, and
  /// `p = (1 + as extreme) / (1 + permutations)`, which is never 0 (Phipson and Smyth, 2010).
  case randomization(permutations: Int = 100_000, seed: UInt64 = 1)
  /// Exact binomial test on wins and losses; ties are left out.
  case sign
  /// Wilcoxon's signed-rank test; differences of 0 are left out, equal ones share their rank. Exact for up to 50
  /// differences, above that by the normal approximation with correction for ties.
  case wilcoxon

  public var name: String {
    switch self {
    case .t: "paired t-test"
    case .randomization: "paired randomisation test"
    case .sign: "sign test"
    case .wilcoxon: "Wilcoxon signed-rank test"
    }
  }

  /// - Throws: ``SignificanceError/lengths(first:second:)``, ``SignificanceError/notFinite(position:)``,
  ///   ``SignificanceError/permutations(_:)``.
  public func compare(
    _ first: [Double], _ second: [Double], pool: WorkerPool = .shared
  ) throws(SignificanceError) -> PairedTestResult {
    try test(differences: try SignificanceError.differences(first, second), pool: pool)
  }

  /// The same on differences. Fewer than two (t) or no pairs at all give p = 1 with the note ``PairedTestNote/tooFewPairs``.
  public func test(differences: [Double], pool: WorkerPool = .shared) throws(SignificanceError) -> PairedTestResult {
    try SignificanceError.checkFinite(differences)
    if case .randomization(let permutations, _) = self, permutations < 1 { throw .permutations(permutations) }
    let moments = SampleMoments(differences)
    func result(_ statistic: Double, _ p: Double, _ note: PairedTestNote = .none) -> PairedTestResult {
      PairedTestResult(statistic: statistic, p: p, count: moments.count, meanDifference: moments.mean, note: note)
    }
    if differences.isEmpty || (self == .t && differences.count < 2) { return result(0, 1, .tooFewPairs) }
    let nonzero = differences.filter { $0 != 0 }
    if nonzero.isEmpty { return result(0, 1, .noDifference) }

    switch self {
    case .t:
      if moments.standardDeviation == 0 { return result(moments.mean > 0 ? .infinity : -.infinity, 0, .noVariance) }
      let t = moments.mean / moments.standardError
      return result(t, SpecialFunctions.studentTwoSided(t, degreesOfFreedom: Double(moments.count - 1)))
    case .randomization(let permutations, let seed):
      if nonzero.count <= RandomizationTest.exactLimit { return result(moments.mean, RandomizationTest.exact(nonzero)) }
      let p = RandomizationTest.sampled(nonzero, permutations: permutations, seed: seed, pool: pool)
      return result(moments.mean, p)
    case .sign:
      let wins = nonzero.count { $0 > 0 }
      return result(Double(wins), Self.signP(wins: wins, count: nonzero.count))
    case .wilcoxon:
      let outcome = WilcoxonTest.test(nonzero)
      return result(outcome.statistic, outcome.p)
    }
  }

  /// Twice the smaller binomial tail, at most 1.
  private static func signP(wins: Int, count: Int) -> Double {
    let fewer = min(wins, count - wins)
    // P(X <= k) for X ~ B(n, 1/2) is I_{1/2}(n - k, k + 1).
    let tail = SpecialFunctions.incompleteBeta(x: 0.5, y: 0.5, a: Double(count - fewer), b: Double(fewer + 1))
    return min(1, 2 * tail)
  }
}
