#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A mixture of two Gaussians of one variable, fitted by expectation and maximisation.
///
///     let mixture = try TwoComponentGaussianMixture(fitting: [0.1, 0.12, 0.15, 0.9, 1])
///     mixture.posteriorOfLower(0.11)   // about 1
///
/// Starts from the cut of the sorted values into two parts with the least sum of squares, so that nothing is random.
/// - Complexity: O(n log n + iterations x n).
public struct TwoComponentGaussianMixture: Sendable, Equatable {
  /// When expectation-maximisation ends, and what keeps it from collapsing.
  public struct Options: Sendable, Equatable {
    public var maximumIterations: Int
    /// Fitting ends when the mean log-likelihood gains less than this.
    public var tolerance: Double
    /// Added to each component's variance, so that none collapses onto equal values.
    public var varianceFloor: Double

    /// RDE's setting for moderate noise.
    public static let moderate = Options(maximumIterations: 10, tolerance: 1e-2, varianceFloor: 5e-4)
    /// RDE's setting for noise above 40 % and for small sets.
    public static let heavy = Options(maximumIterations: 100, tolerance: 1e-4, varianceFloor: 1e-6)

    public init(maximumIterations: Int, tolerance: Double, varianceFloor: Double) {
      self.maximumIterations = maximumIterations
      self.tolerance = tolerance
      self.varianceFloor = varianceFloor
    }
  }

  /// A normal distribution and its share.
  public struct Component: Sendable, Equatable {
    public let weight: Double
    public let mean: Double
    public let variance: Double

    /// log of weight x density.
    func logDensity(_ x: Double) -> Double {
      log(weight) - 0.5 * (log(2 * .pi * variance) + (x - mean) * (x - mean) / variance)
    }
  }

  /// The component with the smaller mean.
  public let lower: Component
  public let upper: Component
  public let iterations: Int

  /// - Throws: ``WeightingError/tooFew(what:found:needed:)`` for fewer than four values, or values that are all equal.
  public init(fitting values: [Double], options: Options = .moderate) throws(WeightingError) {
    guard values.count >= 4 else {
      throw .tooFew(what: "values to fit a mixture of two Gaussians to", found: values.count, needed: 4)
    }
    let distinct = Set(values).count
    guard distinct >= 2 else {
      throw .tooFew(what: "different values to fit a mixture of two Gaussians to", found: distinct, needed: 2)
    }
    let threshold = Self.bestCut(values.sorted())
    var shares = values.map { $0 <= threshold ? 1.0 : 0.0 }
    var components = Self.maximise(values, shares, options)
    var last = -Double.infinity
    var iterations = 0
    while iterations < options.maximumIterations {
      iterations += 1
      var likelihood = 0.0
      for (position, value) in values.enumerated() {
        let (a, b) = (components.0.logDensity(value), components.1.logDensity(value))
        let total = max(a, b) + log1p(exp(-abs(a - b)))
        likelihood += total
        shares[position] = exp(a - total)
      }
      likelihood /= Double(values.count)
      components = Self.maximise(values, shares, options)
      if abs(likelihood - last) < options.tolerance { break }
      last = likelihood
    }
    self.iterations = iterations
    (lower, upper) = components.0.mean <= components.1.mean ? components : (components.1, components.0)
  }

  /// Probability that a value comes from the component with the smaller mean.
  public func posteriorOfLower(_ value: Double) -> Double {
    1 / (1 + exp(upper.logDensity(value) - lower.logDensity(value)))
  }

  /// The largest value of the lower part of the best cut in two.
  private static func bestCut(_ sorted: [Double]) -> Double {
    let total = sorted.reduce(0, +)
    var sum = 0.0
    var best = (gain: -Double.infinity, value: sorted[0])
    for cut in 1..<sorted.count {
      sum += sorted[cut - 1]
      guard sorted[cut] > sorted[cut - 1] else { continue }
      // The least sum of squares within the parts is the greatest between them.
      let rest = total - sum
      let gain = sum * sum / Double(cut) + rest * rest / Double(sorted.count - cut)
      if gain > best.gain { best = (gain, sorted[cut - 1]) }
    }
    return best.value
  }

  private static func maximise(_ values: [Double], _ shares: [Double], _ options: Options) -> (Component, Component) {
    func component(_ share: (Double) -> Double) -> Component {
      // The least share keeps a component that lost all values from dividing by 0.
      let least = 10 * Double.ulpOfOne
      let weight = shares.reduce(least) { $0 + share($1) }
      let mean = zip(values, shares).reduce(0) { $0 + share($1.1) * $1.0 } / weight
      let squares = zip(values, shares).reduce(0) { $0 + share($1.1) * ($1.0 - mean) * ($1.0 - mean) }
      return Component(
        weight: weight / Double(values.count), mean: mean, variance: squares / weight + options.varianceFloor)
    }
    return (component { $0 }, component { 1 - $0 })
  }
}
