#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Binary G: mean over relevant documents of `1 / log2(2 + non-relevant documents above)`, 0 for those not retrieved.
///
/// `binG` of trec_eval.
public struct BinaryG: Measure {
  public let rel: Int32

  public init(rel: Int32 = 1) { self.rel = rel }

  public var description: String { measureName("BinG", [relArgument(rel)]) }

  public func value(for ranking: JudgedRanking) -> Double {
    let relevant = ranking.relevantCount(rel)
    guard relevant > 0 else { return 0 }
    var above = 0
    var sum = 0.0
    for grade in ranking.grades {
      if grade >= rel { sum += 1 / Discount.at(above) } else { above += 1 }
    }
    return sum / Double(relevant)
  }
}

/// Normalised gain: a document counts less, the further the ranking has fallen behind the ideal before it.
///
///     G = sum over ranks r of gain(r) / log2(2 + cost(r) - gained(r)), divided by the sum of all judged gains
///
/// `gained(r)` sums the gains up to r, `cost(r)` sums `max(1, ideal gain)` up to r. `G` of trec_eval.
public struct NormalizedGain: Measure {
  public init() {}

  public var description: String { "G" }

  public func value(for ranking: JudgedRanking) -> Double {
    let ideal = ranking.judged.prefix { $0 > 0 }
    guard !ideal.isEmpty else { return 0 }
    var cost = 0.0
    var gained = 0.0
    var sum = 0.0
    for (position, grade) in ranking.grades.enumerated() {
      cost += position < ideal.count ? Double(ideal[ideal.startIndex + position]) : 1
      guard grade > 0 else { continue }
      gained += Double(grade)
      sum += Double(grade) / log2(2 + cost - gained)
    }
    return sum / ideal.reduce(0) { $0 + Double($1) }
  }
}

/// nDCG averaged over the ranks of the relevant documents; those not retrieved add the nDCG at the end of the ranking.
///
/// Every grade above 0 is relevant here. `ndcg_rel` of trec_eval.
public struct RelevantNDCG: Measure {
  public init() {}

  public var description: String { "nDCGRel" }

  public func value(for ranking: JudgedRanking) -> Double {
    let ideal = ranking.judged.prefix { $0 > 0 }
    guard !ideal.isEmpty else { return 0 }
    var obtainedDCG = 0.0
    var idealDCG = 0.0
    var found = 0
    var sum = 0.0
    for (position, grade) in ranking.grades.enumerated() {
      if position < ideal.count { idealDCG += Double(ideal[ideal.startIndex + position]) / Discount.at(position) }
      guard grade > 0 else { continue }
      obtainedDCG += Double(grade) / Discount.at(position)
      sum += obtainedDCG / idealDCG
      found += 1
    }
    let wholeIdeal = Discount.linearDCG(ideal, limit: .max)
    return (sum + Double(ideal.count - found) * obtainedDCG / wholeIdeal) / Double(ideal.count)
  }
}

/// nDCG averaged over the ranks at which the ideal ranking changes its grade, so over as many cut-offs as there are grades.
///
/// As in trec_eval (`Rndcg`), a ranking that is longer than the relevant documents by more than one adds its nDCG at the
/// very end. 0 where no document reaches `rel`.
public struct RNDCG: Measure {
  public let rel: Int32

  public init(rel: Int32 = 1) { self.rel = rel }

  public var description: String { measureName("RnDCG", [relArgument(rel)]) }

  public func value(for ranking: JudgedRanking) -> Double {
    let ideal = ranking.judged.prefix { $0 > 0 }
    guard !ideal.isEmpty, ranking.relevantCount(rel) > 0 else { return 0 }
    var cutoffs = ideal.indices.dropFirst().filter { ideal[$0] != ideal[$0 - 1] }.map { $0 - ideal.startIndex }
    cutoffs.append(ideal.count)
    if ranking.retrievedCount > ideal.count + 1 { cutoffs.append(ranking.retrievedCount) }
    let sum = cutoffs.reduce(0.0) {
      $0 + Discount.linearDCG(ranking.grades, limit: $1) / Discount.linearDCG(ideal, limit: $1)
    }
    return sum / Double(cutoffs.count)
  }
}

/// Compatibility: rank-biased overlap of the ranking with the ideal ranking nearest to it (Clarke et al., ACM TOIS 2021).
///
///     RBO = sum over depths d of p^(d - 1) * |top d of ranking, shared with top d of ideal| / d, divided by sum of p^(d - 1)
///
/// The ideal ranking orders relevant documents by grade and, within a grade, as the ranking does; both sums run to the
/// longer of the two. With `isNormalized` the value is divided by that of the ideal ranking against itself.
public struct Compatibility: Measure {
  public let p: Double
  public let isNormalized: Bool

  public init(p: Double = 0.95, isNormalized: Bool = true) {
    self.p = p
    self.isNormalized = isNormalized
  }

  public var description: String {
    measureName("Compat", [p == 0.95 ? nil : "p=\(p)", isNormalized ? nil : "normalize=False"])
  }

  public func value(for ranking: JudgedRanking) -> Double {
    let relevant = ranking.relevantCount(1)
    guard relevant > 0 else { return 0 }
    let depth = max(ranking.retrievedCount, relevant)
    // A shared document enters the overlap at the later of its two positions.
    var entering = [Int](repeating: 0, count: depth)
    var nextIdealPosition: [Int32: Int] = [:]
    for (position, grade) in ranking.judged.prefix(relevant).enumerated() where nextIdealPosition[grade] == nil {
      nextIdealPosition[grade] = position
    }
    for (position, grade) in ranking.grades.enumerated() where grade > 0 {
      guard let idealPosition = nextIdealPosition[grade] else { continue }
      nextIdealPosition[grade] = idealPosition + 1
      entering[max(position, idealPosition)] += 1
    }
    var weight = 1.0
    var overlap = 0
    var sum = 0.0
    var best = 0.0
    var weights = 0.0
    for position in 0..<depth {
      overlap += entering[position]
      sum += weight * Double(overlap) / Double(position + 1)
      best += weight * Double(min(position + 1, relevant)) / Double(position + 1)
      weights += weight
      weight *= p
    }
    return isNormalized ? sum / best : sum / weights
  }
}
