#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The special functions that the tests need, to about 1e-12 relative error also far out in the tails.
enum SpecialFunctions {
  /// `ln(Gamma(a + 1/2) / Gamma(a))`. The difference of two large logarithms would lose digits for large `a`.
  static func logGammaRatioHalf(_ a: Double) -> Double {
    guard a > 25 else { return lgamma(a + 0.5) - lgamma(a) }
    let inverse = 1 / a
    let square = inverse * inverse
    // Asymptotic series in 1/a (Tricomi and Erdelyi, 1951).
    return 0.5 * log(a) - inverse * (1.0 / 8 - square * (1.0 / 192 - square * (1.0 / 640 - square * 17.0 / 14336)))
  }

  /// `ln B(a, b)`.
  static func logBeta(_ a: Double, _ b: Double) -> Double {
    if b == 0.5 { return 0.5 * log(Double.pi) - logGammaRatioHalf(a) }
    if a == 0.5 { return 0.5 * log(Double.pi) - logGammaRatioHalf(b) }
    return lgamma(a) + lgamma(b) - lgamma(a + b)
  }

  /// Regularised incomplete beta function `I_x(a, b)`, with `y = 1 - x` given apart so that neither loses digits near 0.
  ///
  /// Continued fraction by the method of Lentz (Press et al., Numerical Recipes, section 6.4).
  static func incompleteBeta(x: Double, y: Double, a: Double, b: Double) -> Double {
    if x <= 0 { return 0 }
    if y <= 0 { return 1 }
    if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(x: y, y: x, a: b, b: a) }
    let logX = x < 0.5 ? log(x) : log1p(-y)
    let logY = y < 0.5 ? log(y) : log1p(-x)
    let front = exp(a * logX + b * logY - logBeta(a, b)) / a

    let tiny = 1e-300
    var c = 1.0
    var d = 1 - (a + b) * x / (a + 1)
    d = 1 / (abs(d) < tiny ? tiny : d)
    var fraction = d
    // Converges within some sqrt(max(a, b)) steps.
    for m in 1...100_000 {
      let m = Double(m)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      for numerator in [even, odd] {
        d = 1 + numerator * d
        d = 1 / (abs(d) < tiny ? tiny : d)
        c = 1 + numerator / c
        if abs(c) < tiny { c = tiny }
        fraction *= c * d
      }
      if abs(c * d - 1) < 1e-15 { break }
    }
    return min(1, front * fraction)
  }

  /// Two-sided tail of Student's t: P(|T| >= |t|).
  static func studentTwoSided(_ t: Double, degreesOfFreedom: Double) -> Double {
    guard t.isFinite else { return t.isNaN ? 1 : 0 }
    let square = t * t
    let total = degreesOfFreedom + square
    return incompleteBeta(x: degreesOfFreedom / total, y: square / total, a: degreesOfFreedom / 2, b: 0.5)
  }

  /// The t with P(T <= t) = `probability`, for `probability` in (0, 1).
  static func studentQuantile(_ probability: Double, degreesOfFreedom: Double) -> Double {
    if probability == 0.5 { return 0 }
    if probability < 0.5 { return -studentQuantile(1 - probability, degreesOfFreedom: degreesOfFreedom) }
    let tail = 2 * (1 - probability)
    var high = 2.0
    while studentTwoSided(high, degreesOfFreedom: degreesOfFreedom) > tail && high < 1e300 { high *= 2 }
    return bisect(0, high) { studentTwoSided($0, degreesOfFreedom: degreesOfFreedom) > tail }
  }

  /// P(Z <= z).
  static func normalCDF(_ z: Double) -> Double { 0.5 * erfc(-z / 2.0.squareRoot()) }

  /// The z with P(Z <= z) = `probability`; infinite at 0 and 1.
  static func normalQuantile(_ probability: Double) -> Double {
    if probability <= 0 { return -.infinity }
    if probability >= 1 { return .infinity }
    if probability > 0.5 { return -normalQuantile(1 - probability) }
    return bisect(-40, 0) { normalCDF($0) < probability }
  }

  /// P(T > `t`) of the noncentral t distribution, by Simpson's rule over the chi-distributed denominator.
  static func noncentralStudentUpperTail(_ t: Double, degreesOfFreedom nu: Double, noncentrality: Double) -> Double {
    // u = sqrt(chi2 / nu) has density 2 (nu/2)^(nu/2) / Gamma(nu/2) u^(nu - 1) exp(-nu u^2 / 2), narrow around 1.
    let spread = 12 / (2 * nu).squareRoot()
    let low = max(0, 1 - spread)
    let high = 1 + spread
    let logScale = log(2.0) + nu / 2 * log(nu / 2) - lgamma(nu / 2)
    let steps = 2000
    let width = (high - low) / Double(steps)
    var sum = 0.0
    for step in 0...steps {
      let u = low + Double(step) * width
      let density: Double
      if u == 0 {
        density = nu == 1 ? exp(logScale) : 0
      } else {
        density = exp(logScale + (nu - 1) * log(u) - nu * u * u / 2)
      }
      let weight = step == 0 || step == steps ? 1.0 : step % 2 == 1 ? 4 : 2
      sum += weight * density * normalCDF(noncentrality - t * u)
    }
    return sum * width / 3
  }

  /// Where `isBelow` turns false between `low`, where it is true, and `high`, to the last bit.
  static func bisect(_ low: Double, _ high: Double, _ isBelow: (Double) -> Bool) -> Double {
    var low = low
    var high = high
    while true {
      let middle = low + (high - low) / 2
      if middle <= low || middle >= high { return high }
      if isBelow(middle) { low = middle } else { high = middle }
    }
  }
}
