/// Interpolated precision at a recall level: the best precision at or after the rank where that recall is reached.
///
/// The level is reached at relevant document number `round(recall * R)`, as in trec_eval 10; version 9 took
/// `floor(recall * R + 0.9)`. 0 where the ranking does not get there. `iprec_at_recall` of trec_eval.
public struct InterpolatedPrecision: Measure {
  /// In `[0, 1]`.
  public let recall: Double
  public let rel: Int32
  public let judgedOnly: Bool

  public init(recall: Double, rel: Int32 = 1, judgedOnly: Bool = false) {
    self.recall = recall
    self.rel = rel
    self.judgedOnly = judgedOnly
  }

  public var description: String {
    measureName("IPrec", [relArgument(rel), judgedOnlyArgument(judgedOnly)], at: plainNumber(recall))
  }

  public func value(for ranking: JudgedRanking) -> Double {
    InterpolatedPrecision.values(at: [recall], rel: rel, ranking.condensed(if: judgedOnly))[0]
  }

  /// Values at several recall levels in one pass from the last rank to the first.
  static func values(at levels: [Double], rel: Int32, _ ranking: JudgedRanking) -> [Double] {
    let relevant = ranking.relevantCount(rel)
    let retrieved = ranking.relevantRetrieved(rel)
    let targets = levels.map { Int(($0 * Double(relevant)).rounded(.toNearestOrAwayFromZero)) }
    var values = [Double](repeating: 0, count: levels.count)
    guard retrieved > 0 else { return values }
    var found = retrieved
    var best = 0.0
    for (position, grade) in ranking.grades.enumerated().reversed() {
      if found == 0 { break }
      best = max(best, Double(found) / Double(position + 1))
      if grade >= rel {
        for index in targets.indices where targets[index] == found { values[index] = best }
        found -= 1
      }
    }
    for index in targets.indices where targets[index] <= 0 { values[index] = best }
    return values
  }
}

/// Mean of the interpolated precision over recall levels, by default the eleven from 0 to 1 (`11pt_avg` of trec_eval).
public struct InterpolatedAverage: Measure {
  public static let elevenPoints = (0...10).map { Double($0) / 10 }
  public let levels: [Double]
  public let rel: Int32

  public init(levels: [Double] = InterpolatedAverage.elevenPoints, rel: Int32 = 1) {
    self.levels = levels
    self.rel = rel
  }

  public var description: String {
    let named = levels == Self.elevenPoints ? nil : "levels=[\(levels.map(plainNumber).joined(separator: ","))]"
    return measureName("IPrecAvg", [relArgument(rel), named])
  }

  public func value(for ranking: JudgedRanking) -> Double {
    guard !levels.isEmpty else { return 0 }
    return InterpolatedPrecision.values(at: levels, rel: rel, ranking).reduce(0, +) / Double(levels.count)
  }
}
