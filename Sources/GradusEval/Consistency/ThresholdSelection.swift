/// One threshold for all queries, and what it does to each of them: who shows or withholds results by a score wants to know both.
///
///     let chosen = try ThresholdSelection(groups: groups, by: .falseAcceptance(0.05))
///     chosen.threshold                      // show a document from here on
///     chosen.falseRejection.spread          // how unequally that treats queries
///
/// Queries without relevant or without other documents are left out, as in ``OPIS``.
public struct ThresholdSelection: Sendable, Equatable {
  /// What the threshold is chosen by.
  public enum Criterion: Sendable, Equatable {
    /// The lowest threshold at which at most this share of all negatives is accepted.
    case falseAcceptance(Double)
    /// The largest mean utility of ``OPIS`` over the thresholds at which something changes; the lowest of equals.
    case bestUtility
  }

  /// A rate over the groups.
  public struct Rate: Sendable, Equatable {
    /// By group.
    public let values: [Double]
    public let mean: Double
    /// Standard deviation over the groups.
    public let spread: Double

    init(_ values: [Double]) {
      self.values = values
      let count = Double(values.count), mean = values.reduce(0, +) / Double(values.count)
      self.mean = mean
      spread = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    }
  }

  /// Accepted from here up.
  public let threshold: Double
  public let groups: [String]
  /// Share of each group's negatives that are accepted.
  public let falseAcceptance: Rate
  /// Share of each group's positives that are not.
  public let falseRejection: Rate

  /// - Parameter groups: Similarities.
  /// - Throws: ``OPISError``.
  public init(groups: [OPIS.Group], by criterion: Criterion) throws(OPISError) {
    for group in groups where (group.positives + group.negatives).contains(where: { !$0.isFinite }) {
      throw .notFinite(group: group.name)
    }
    let kept = groups.filter { !$0.positives.isEmpty && !$0.negatives.isEmpty }
    guard !kept.isEmpty else { throw .tooFewGroups(0) }
    func accepted(_ scores: [Double], _ threshold: Double) -> Double {
      Double(scores.count { $0 >= threshold }) / Double(scores.count)
    }
    // Just above the largest score nothing is accepted.
    let all = Set(kept.flatMap { $0.positives + $0.negatives }).sorted()
    let candidates = all + [(all.last ?? 0).nextUp]
    let chosen: Double
    switch criterion {
    case .falseAcceptance(let rate):
      guard rate >= 0 && rate <= 1 else { throw .range(rate, rate, points: 1) }
      let negatives = kept.flatMap(\.negatives)
      chosen = candidates.first { accepted(negatives, $0) <= rate } ?? candidates[candidates.count - 1]
    case .bestUtility:
      var best: (threshold: Double, utility: Double)?
      for candidate in candidates {
        let utility = kept.reduce(0.0) { sum, group in
          let sensitivity = accepted(group.positives, candidate), specificity = 1 - accepted(group.negatives, candidate)
          return sensitivity + specificity > 0 ? sum + 2 * sensitivity * specificity / (sensitivity + specificity) : sum
        }
        if best.map({ utility > $0.utility }) ?? true { best = (candidate, utility) }
      }
      chosen = best?.threshold ?? candidates[0]
    }
    threshold = chosen
    self.groups = kept.map(\.name)
    falseAcceptance = Rate(kept.map { accepted($0.negatives, chosen) })
    falseRejection = Rate(kept.map { 1 - accepted($0.positives, chosen) })
  }
}
