/// What a policy would earn, estimated from the log of another one whose probabilities are known.
///
///     let value = try OffPolicyValue(rewards: clicks, weights: zip(target, logged).map { $0 / $1 })
///     value.ips, value.selfNormalised
///
/// A weight is the probability of the logged choice under the new policy, divided by that under the old one.
public struct OffPolicyValue: Sendable, Equatable {
  /// Inverse propensity scoring: `mean(weight x reward)`. Unbiased, of high variance.
  public let ips: Double
  /// `sum(weight x reward) / sum(weight)`: a little biased, of less variance (Swaminathan and Joachims, NIPS 2015).
  public let selfNormalised: Double
  /// Of ``ips``: the standard deviation of its terms over the square root of their number.
  public let standardError: Double
  public let meanWeight: Double
  public let largestWeight: Double
  /// `(sum weight)^2 / sum weight^2`: how many unweighted impressions the log is worth.
  public let effectiveSampleSize: Double

  /// - Parameter clip: Largest weight that counts; nil for no limit. Less variance, for a bias towards rewards of likely choices.
  /// - Throws: ``LossError/parameter(_:found:expected:)`` for no impressions, or weights that are negative, infinite or all 0.
  public init(rewards: [Double], weights: [Double], clip: Double? = nil) throws(LossError) {
    guard !rewards.isEmpty, rewards.count == weights.count else {
      throw .parameter("weights", found: Double(weights.count), expected: "one for each of the rewards (\(rewards.count))")
    }
    if let bad = weights.first(where: { !($0 >= 0 && $0.isFinite) }) {
      throw .parameter("weight", found: bad, expected: "a finite number of at least 0")
    }
    let limit = try clip.map { value throws(LossError) in try positive("clip", value) } ?? .infinity
    let kept = weights.map { min($0, limit) }
    let sum = kept.reduce(0, +)
    guard sum > 0 else { throw .parameter("weights", found: 0, expected: "above 0 somewhere: the policies share no choice") }
    let count = Double(rewards.count)
    let terms = zip(kept, rewards).map { $0 * $1 }
    let total = terms.reduce(0, +)
    let mean = total / count
    let variance = terms.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(1, count - 1)
    ips = mean
    selfNormalised = total / sum
    standardError = (variance / count).squareRoot()
    meanWeight = sum / count
    largestWeight = kept.max() ?? 0
    effectiveSampleSize = sum * sum / kept.reduce(0) { $0 + $1 * $1 }
  }
}
