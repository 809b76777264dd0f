#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Rank-biased precision: the reader goes on to the next rank with probability `p` (Moffat and Zobel, ACM TOIS 2008).
///
///     RBP = (1 - p) * sum over ranks r of gain(r) * p^(r - 1)
///
/// With `rel` the gain is 0 or 1. Without it the gain is the grade divided by the highest judged grade of the query,
/// which is what trec_eval 10 (`rbp`, there with p = 0.9) computes; where that grade is 1, both agree.
public struct RankBiasedPrecision: Measure {
  public let p: Double
  public let rel: Int32?
  public let cutoff: Int?

  public init(p: Double = 0.8, rel: Int32? = nil, cutoff: Int? = nil) {
    self.p = p
    self.rel = rel
    self.cutoff = cutoff
  }

  public var description: String {
    measureName("RBP", [p == 0.8 ? nil : "p=\(p)", rel.map { "rel=\($0)" }], at: cutoff)
  }

  public func value(for ranking: JudgedRanking) -> Double {
    let highest = Double(max(1, ranking.judged.first ?? 1))
    var weight = 1.0
    var sum = 0.0
    for grade in ranking.grades.prefix(cutoff ?? ranking.retrievedCount) {
      if let rel {
        if grade >= rel { sum += weight }
      } else if grade > 0 {
        sum += Double(grade) / highest * weight
      }
      weight *= p
    }
    return (1 - p) * sum
  }
}

/// By how much RBP could still rise if every unjudged document had full gain (`rbp_resid` of trec_eval 10).
///
/// The ranks below the ranking count as unjudged too, but, as in trec_eval, only where the ranking itself has an
/// unjudged document; otherwise the value is 0.
public struct RankBiasedResidual: Measure {
  public let p: Double

  public init(p: Double = 0.9) { self.p = p }

  public var description: String { measureName("RBPResidual", [p == 0.9 ? nil : "p=\(p)"]) }

  public func value(for ranking: JudgedRanking) -> Double {
    var weight = 1.0
    var sum = 0.0
    for grade in ranking.grades {
      if grade < 0 { sum += weight }
      weight *= p
    }
    return sum == 0 ? 0 : weight + (1 - p) * sum
  }
}

/// Expected reciprocal rank of the document that satisfies the reader (Chapelle et al., CIKM 2009).
///
///     R(r) = (2^grade - 1) / 2^max_rel
///     ERR@k = sum over ranks r <= k of 1/r * R(r) * product over s < r of (1 - R(s))
///
/// `max_rel` is 4 unless given, the constant of TREC's gdeval; higher grades count as `max_rel`.
public struct ExpectedReciprocalRank: Measure {
  public let cutoff: Int?
  public let maxRel: Int32

  public init(cutoff: Int? = nil, maxRel: Int32 = 4) {
    self.cutoff = cutoff
    self.maxRel = maxRel
  }

  public var description: String { measureName("ERR", [maxRel == 4 ? nil : "max_rel=\(maxRel)"], at: cutoff) }

  public func value(for ranking: JudgedRanking) -> Double {
    let scale = exp2(Double(maxRel))
    var unsatisfied = 1.0
    var sum = 0.0
    for (position, grade) in ranking.grades.prefix(cutoff ?? ranking.retrievedCount).enumerated() where grade > 0 {
      let satisfied = (exp2(Double(min(grade, maxRel))) - 1) / scale
      sum += unsatisfied * satisfied / Double(position + 1)
      unsatisfied *= 1 - satisfied
    }
    return sum
  }
}
