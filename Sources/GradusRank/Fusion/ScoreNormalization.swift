import GradusCore

/// Makes the scores of one list comparable with those of another.
///
///     ScoreNormalization.minMax.normalized([4, 3, 2])   // [1, 0.5, 0]
///
/// Constant scores tell nothing apart, and no formula divides by their spread, 0: with `min-max` all are then 1 (each is the
/// best that there is), with `sum` they share the 1, with `z-score` they are 0. ranx has 0 in all three cases, so that a list
/// of one document counts as none.
public enum ScoreNormalization: String, Sendable, Hashable, CaseIterable, Codable {
  /// As they are.
  case none
  /// From 0 for the lowest to 1 for the highest (Lee, SIGIR 1997).
  case minMax = "min-max"
  /// From 1 for the lowest to 0 for the highest: for distances.
  case minMaxInverted = "min-max-inverted"
  /// Divided by the highest, which must be above 0.
  case max
  /// Shifted to start at 0, then divided by their sum (Montague and Aslam, CIKM 2001).
  case sum
  /// Zero mean, unit variance over the list (Montague and Aslam, CIKM 2001); the variance is that of the list, not an estimate.
  case zScore = "z-score"
  /// `1 - (rank - 1) / length` (Renda and Straccia, SAC 2003).
  case rank
  /// `1 - (rank - 1) / candidates`; a candidate that the list lacks has `1/2 - (length - 1) / (2 candidates)` (Renda and
  /// Straccia, SAC 2003). Every list then scores every candidate.
  case borda

  /// Takes `zmuv`, as ranx says, for `z-score`, and underscores for hyphens.
  ///
  /// - Throws: ``FusionError/unknownNormalization(_:nearest:known:)``.
  public init(parsing text: String) throws(FusionError) {
    let word = text.lowercased().map { $0 == "_" ? "-" : $0 }
    let name = String(word)
    if name == "zmuv" {
      self = .zScore
    } else if let known = ScoreNormalization(rawValue: name) {
      self = known
    } else {
      let known = Self.allCases.map(\.rawValue)
      throw .unknownNormalization(text, nearest: Spelling.nearest(to: name, among: known + ["zmuv"]), known: known)
    }
  }

  /// The scores of a list, best first and finite, made comparable; in the same order.
  ///
  /// - Parameter candidates: Documents of all lists together, which ``borda`` asks for; the list's length where nil.
  /// - Returns: Nil for ``max`` where the highest score is not above 0 and not all scores are 0.
  /// - Complexity: O(n).
  public func normalized(_ scores: [Double], candidates: Int? = nil) -> [Double]? {
    guard let first = scores.first else { return [] }
    let count = Double(scores.count)
    switch self {
    case .none: return scores
    case .rank: return scores.indices.map { 1 - Double($0) / count }
    case .borda:
      let candidates = Double(candidates ?? scores.count)
      return scores.indices.map { 1 - Double($0) / candidates }
    default: break
    }
    // Scaled by a power of two, which changes no bit of the result, so that neither squares nor sums leave the range of numbers.
    let largest = scores.reduce(0) { Swift.max($0, abs($1)) }
    let exponent = largest == 0 ? 0 : Swift.min(1000, Swift.max(-1000, Int(largest.exponent) + 1))
    let scale = Double(sign: .plus, exponent: -exponent, significand: 1)
    let scaled = scores.map { $0 * scale }
    let (low, high) = scaled.reduce((first * scale, first * scale)) { (Swift.min($0.0, $1), Swift.max($0.1, $1)) }
    switch self {
    case .minMax: return scaled.map { high > low ? ($0 - low) / (high - low) : 1 }
    case .minMaxInverted: return scaled.map { high > low ? (high - $0) / (high - low) : 1 }
    case .max:
      guard high > 0 else { return low == 0 ? scaled.map { _ in 0 } : nil }
      return scaled.map { $0 / high }
    case .sum:
      let total = scaled.reduce(0) { $0 + ($1 - low) }
      return scaled.map { total > 0 ? ($0 - low) / total : 1 / count }
    default:
      // Equal scores have exactly no deviation, whatever their mean rounds to.
      guard high > low else { return scaled.map { _ in 0 } }
      let mean = scaled.reduce(0, +) / count
      let deviation = (scaled.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
      return scaled.map { deviation > 0 ? ($0 - mean) / deviation : 0 }
    }
  }
}
