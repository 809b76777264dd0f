/// How the term weights of a collection become impacts, whole numbers from 1 to 255: in steps of the collection's greatest weight
/// / 255, so that all of an index have one scale. Weights that come out as 0 are left out.
///
///     ImpactQuantization.down.impact(of: 1.0, greatest: 3.7)   // 68
public enum ImpactQuantization: String, Sendable, Codable, CaseIterable {
  /// To the nearest step.
  case nearest
  /// To the step below, as TILDEv2's tools do (Zhuang and Zuccon, 2021).
  case down
  /// To the step above, so that no weight is lost: the range [1, 255] of DeepImpact (Mallia et al., SIGIR 2021).
  case up

  /// The greatest impact: 8 bits.
  public static let greatestImpact = 255

  /// The impact of a weight in a collection whose greatest is `greatest`; 0 for one that is left out.
  ///
  /// - Parameters:
  ///   - weight: From 0 to `greatest`.
  ///   - greatest: Finite, above 0.
  public func impact(of weight: Float, greatest: Float) -> Int {
    let steps = Double(weight) / Double(greatest) * Double(Self.greatestImpact)
    let rounded =
      switch self {
      case .nearest: steps.rounded(.toNearestOrAwayFromZero)
      case .down: steps.rounded(.down)
      case .up: steps.rounded(.up)
      }
    return min(max(0, Int(rounded)), Self.greatestImpact)
  }

  /// The weight of impact 1, a `Float` so that sums of whole multiples are exact in double precision.
  static func scale(greatest: Float) -> Float {
    greatest > 0 ? max(greatest / Float(greatestImpact), .leastNormalMagnitude) : 1
  }
}
