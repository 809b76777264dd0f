#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How large a paired difference is, in units of its own standard deviation.
///
///     try EffectSize(differences: [0.1, 0.2, 0.05]).cohensDz   // 1.528
public struct EffectSize: Sendable, Equatable {
  /// Mean difference divided by the standard deviation of the differences; nil where that is 0 or there are fewer than two.
  public let cohensDz: Double?
  /// `cohensDz` times the factor that removes its bias in small samples (Hedges, 1981), `n - 1` degrees of freedom; nil
  /// also for two differences, where the factor is 0.
  public let hedgesG: Double?

  public init(differences: [Double]) throws(SignificanceError) {
    try SignificanceError.checkFinite(differences)
    let moments = SampleMoments(differences)
    guard moments.standardDeviation > 0 else {
      cohensDz = nil
      hedgesG = nil
      return
    }
    let d = moments.mean / moments.standardDeviation
    cohensDz = d
    let nu = Double(moments.count - 1)
    guard nu > 1 else {
      hedgesG = nil
      return
    }
    // Gamma(nu/2) / (sqrt(nu/2) Gamma((nu-1)/2))
    hedgesG = d * exp(SpecialFunctions.logGammaRatioHalf((nu - 1) / 2)) / (nu / 2).squareRoot()
  }
}

/// Power of the paired t-test.
public enum PairedPower {
  /// The smallest mean difference that a two-sided paired t-test at `alpha` would find with probability `power`, if the
  /// differences spread as the given ones do. In the units of the differences.
  ///
  /// A comparison whose difference is smaller than this was too small to show it. From the noncentral t distribution.
  /// Nil for fewer than two differences; 0 where they do not vary.
  ///
  /// - Throws: ``SignificanceError/notFinite(position:)``, ``SignificanceError/level(_:)``.
  public static func smallestDetectableDifference(
    _ differences: [Double], power: Double = 0.8, alpha: Double = 0.05
  ) throws(SignificanceError) -> Double? {
    try SignificanceError.checkFinite(differences)
    try SignificanceError.checkLevel(power)
    try SignificanceError.checkLevel(alpha)
    guard differences.count > 1 else { return nil }
    let moments = SampleMoments(differences)
    guard moments.standardDeviation > 0 else { return 0 }
    let nu = Double(differences.count - 1)
    let critical = SpecialFunctions.studentQuantile(1 - alpha / 2, degreesOfFreedom: nu)
    func reached(_ noncentrality: Double) -> Double {
      SpecialFunctions.noncentralStudentUpperTail(critical, degreesOfFreedom: nu, noncentrality: noncentrality)
        + 1 - SpecialFunctions.noncentralStudentUpperTail(-critical, degreesOfFreedom: nu, noncentrality: noncentrality)
    }
    var low = 0.0
    var high = 1.0
    while reached(high) < power { high *= 2 }
    // The integral is good to some 1e-9; sixty halvings are more than that asks for.
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if reached(middle) < power { low = middle } else { high = middle }
    }
    return high * moments.standardError
  }
}
