#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One item of a ranking as a user saw it.
public struct Impression: Sendable, Equatable {
  public let item: String
  /// From 1.
  public let position: Int
  public let wasClicked: Bool

  public init(item: String, position: Int, wasClicked: Bool) {
    self.item = item
    self.position = position
    self.wasClicked = wasClicked
  }
}

/// Estimates ``Propensities`` from a log of impressions, relative to the first position's.
///
///     try PropensityEstimation.randomised(impressions)                 // where items were shown in random order
///     try PropensityEstimation.harvested(impressions)                  // where the same item was shown at several positions
///     try PropensityEstimation.expectationMaximisation(impressions)    // a click model's likelihood
public enum PropensityEstimation {
  /// From a log in random order: click rates by position (Joachims et al., WSDM 2017, "swap" and full randomisation).
  ///
  /// - Throws: ``PropensityEstimationError``.
  public static func randomised(_ impressions: [Impression]) throws -> Propensities {
    let counts = try Counts(impressions)
    let rates = (0..<counts.positions).map { counts.clicks[$0] / counts.shown[$0] }
    return try relative(rates)
  }

  /// From a log in any order in which items were shown at several positions, by chance or because rankers changed: "intervention
  /// harvesting" with the first position as pivot (Agarwal et al., WSDM 2019).
  ///
  ///     p_k / p_1 = sum of (clicks / impressions at k) over the items shown at k and at 1, / the same sum at 1
  ///
  /// Items are weighed by the smaller number of their impressions at the two positions, which bounds the variance and is known
  /// before any click.
  ///
  /// - Throws: ``PropensityEstimationError/noIntervention(position:)`` where no item was shown both there and at the top.
  public static func harvested(_ impressions: [Impression]) throws -> Propensities {
    let counts = try Counts(impressions)
    let rates = try (0..<counts.positions).map { position -> Double in
      if position == 0 { return 1 }
      var own = 0.0, pivot = 0.0, weights = 0.0
      for item in counts.items {
        let here = counts.shownOf[item, default: [:]][position] ?? 0, top = counts.shownOf[item, default: [:]][0] ?? 0
        guard here > 0, top > 0 else { continue }
        let weight = min(here, top)
        weights += weight
        own += weight * (counts.clicksOf[item, default: [:]][position] ?? 0) / here
        pivot += weight * (counts.clicksOf[item, default: [:]][0] ?? 0) / top
      }
      guard weights > 0 else { throw PropensityEstimationError.noIntervention(position: position + 1) }
      guard own > 0, pivot > 0 else { throw PropensityEstimationError.noClicks(position: (own > 0 ? 0 : position) + 1) }
      return own / pivot
    }
    return try relative(rates)
  }

  /// The position-based click model by expectation-maximisation: `P(click) = examination(position) relevance(item)` (Wang et al.,
  /// WSDM 2018; with the relevance of each item as a number of its own in place of their regression).
  ///
  /// - Parameter iterations: Fixed, so that the result is a function of the log.
  /// - Throws: ``PropensityEstimationError``.
  public static func expectationMaximisation(_ impressions: [Impression], iterations: Int = 200) throws -> Propensities {
    let counts = try Counts(impressions)
    var examination = [Double](repeating: 0.5, count: counts.positions)
    var relevance = Dictionary(uniqueKeysWithValues: counts.items.map { ($0, 0.5) })
    for _ in 0..<iterations {
      var examined = [Double](repeating: 0, count: counts.positions)
      var found: [String: Double] = [:]
      for item in counts.items {
        var relevant = 0.0, shownTotal = 0.0
        let own = relevance[item] ?? 0
        for position in 0..<counts.positions {
          guard let shown = counts.shownOf[item]?[position], shown > 0 else { continue }
          let clicks = counts.clicksOf[item]?[position] ?? 0
          let both = examination[position] * own
          let without = max(1 - both, 1e-12)
          // A click says both; no click leaves either, as far as it was likely.
          examined[position] += clicks + (shown - clicks) * examination[position] * (1 - own) / without
          relevant += clicks + (shown - clicks) * own * (1 - examination[position]) / without
          shownTotal += shown
        }
        found[item] = relevant / shownTotal
      }
      for position in 0..<counts.positions { examination[position] = examined[position] / counts.shown[position] }
      relevance = found
    }
    return try relative(examination)
  }

  private static func relative(_ rates: [Double]) throws -> Propensities {
    if let silent = rates.firstIndex(where: { !($0 > 0) }) { throw PropensityEstimationError.noClicks(position: silent + 1) }
    return try Propensities(rates.map { min(1, $0 / rates[0]) })
  }

  /// Sums over a log, by position from 0.
  private struct Counts {
    let positions: Int
    /// In byte order, so that sums do not depend on a dictionary's.
    let items: [String]
    private(set) var shown: [Double]
    private(set) var clicks: [Double]
    private(set) var shownOf: [String: [Int: Double]] = [:]
    private(set) var clicksOf: [String: [Int: Double]] = [:]

    init(_ impressions: [Impression]) throws(PropensityEstimationError) {
      guard let last = impressions.map(\.position).max() else { throw .noImpressions }
      if let bad = impressions.first(where: { $0.position < 1 }) { throw .position(bad.position) }
      positions = last
      shown = [Double](repeating: 0, count: last)
      clicks = shown
      for impression in impressions {
        let place = impression.position - 1
        shown[place] += 1
        shownOf[impression.item, default: [:]][place, default: 0] += 1
        guard impression.wasClicked else { continue }
        clicks[place] += 1
        clicksOf[impression.item, default: [:]][place, default: 0] += 1
      }
      if let empty = shown.firstIndex(of: 0) { throw .noImpressionsAt(position: empty + 1) }
      items = shownOf.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
  }
}
