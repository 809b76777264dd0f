/// Share of relevant documents among the first `cutoff` ranks; missing ranks count as not relevant.
///
/// `isRelative` divides by the best that is possible, `min(cutoff, relevant)` (`relative_P` of trec_eval).
public struct Precision: Measure {
  public let cutoff: Int
  public let rel: Int32
  public let judgedOnly: Bool
  public let isRelative: Bool

  public init(cutoff: Int, rel: Int32 = 1, judgedOnly: Bool = false, isRelative: Bool = false) {
    self.cutoff = cutoff
    self.rel = rel
    self.judgedOnly = judgedOnly
    self.isRelative = isRelative
  }

  public var description: String {
    measureName(isRelative ? "RelP" : "P", [relArgument(rel), judgedOnlyArgument(judgedOnly)], at: cutoff)
  }

  public func value(for ranking: JudgedRanking) -> Double {
    let found = ranking.condensed(if: judgedOnly).relevantRetrieved(rel, cutoff: cutoff)
    guard isRelative else { return Double(found) / Double(cutoff) }
    let possible = min(cutoff, ranking.relevantCount(rel))
    return possible == 0 ? 0 : Double(found) / Double(possible)
  }
}

/// Share of all relevant documents that stand among the first `cutoff` ranks; 0 where nothing is relevant.
public struct Recall: Measure {
  public let cutoff: Int
  public let rel: Int32
  public let judgedOnly: Bool

  public init(cutoff: Int, rel: Int32 = 1, judgedOnly: Bool = false) {
    self.cutoff = cutoff
    self.rel = rel
    self.judgedOnly = judgedOnly
  }

  public var description: String {
    measureName("R", [relArgument(rel), judgedOnlyArgument(judgedOnly)], at: cutoff)
  }

  public func value(for ranking: JudgedRanking) -> Double {
    let relevant = ranking.relevantCount(rel)
    guard relevant > 0 else { return 0 }
    return Double(ranking.condensed(if: judgedOnly).relevantRetrieved(rel, cutoff: cutoff)) / Double(relevant)
  }
}

/// 1 where a relevant document stands among the first `cutoff` ranks, else 0.
public struct Success: Measure {
  public let cutoff: Int
  public let rel: Int32
  public let judgedOnly: Bool

  public init(cutoff: Int, rel: Int32 = 1, judgedOnly: Bool = false) {
    self.cutoff = cutoff
    self.rel = rel
    self.judgedOnly = judgedOnly
  }

  public var description: String {
    measureName("Success", [relArgument(rel), judgedOnlyArgument(judgedOnly)], at: cutoff)
  }

  public func value(for ranking: JudgedRanking) -> Double {
    ranking.condensed(if: judgedOnly).grades.prefix(cutoff).contains { $0 >= rel } ? 1 : 0
  }
}

/// Precision at rank R, where R is the number of relevant documents, or at a multiple of R; 0 where nothing is relevant.
///
/// `Rprec`, and `Rprec_mult` of trec_eval, which looks at rank `floor(multiple * R + 0.9)`.
public struct RPrecision: Measure {
  public let rel: Int32
  public let judgedOnly: Bool
  /// Nil for plain R-precision.
  public let multiple: Double?

  public init(rel: Int32 = 1, judgedOnly: Bool = false, multiple: Double? = nil) {
    self.rel = rel
    self.judgedOnly = judgedOnly
    self.multiple = multiple
  }

  public var description: String {
    let arguments = [relArgument(rel), judgedOnlyArgument(judgedOnly)]
    guard let multiple else { return measureName("Rprec", arguments) }
    return measureName("RprecMult", arguments, at: plainNumber(multiple))
  }

  public func value(for ranking: JudgedRanking) -> Double {
    let relevant = ranking.relevantCount(rel)
    // A multiple far beyond any ranking must not overflow the conversion.
    let depth = multiple.map { Int(min($0 * Double(relevant) + 0.9, 0x1p53)) } ?? relevant
    guard depth > 0 else { return 0 }
    return Double(ranking.condensed(if: judgedOnly).relevantRetrieved(rel, cutoff: depth)) / Double(depth)
  }
}

/// Share of the first `cutoff` ranks whose document has a judgement; of all ranks where `cutoff` is nil.
///
/// Short rankings are divided by their own length, as in ir_measures. Documents with a negative grade are judged here.
public struct Judged: Measure {
  public let cutoff: Int?

  public init(cutoff: Int? = nil) { self.cutoff = cutoff }

  public var description: String { measureName("Judged", [], at: cutoff) }

  public func value(for ranking: JudgedRanking) -> Double {
    let head = ranking.grades.prefix(cutoff ?? ranking.retrievedCount)
    guard !head.isEmpty else { return 0 }
    return Double(head.count { $0 != JudgedRanking.unjudged }) / Double(head.count)
  }
}

/// Unjudged documents among the first `cutoff` ranks, divided by `cutoff` (`unj` of trec_eval 10).
///
/// A negative grade, the mark of a pooled but unjudged document, counts as unjudged here.
public struct Unjudged: Measure {
  public let cutoff: Int

  public init(cutoff: Int) { self.cutoff = cutoff }

  public var description: String { measureName("Unjudged", [], at: cutoff) }

  public func value(for ranking: JudgedRanking) -> Double {
    Double(ranking.grades.prefix(cutoff).count { $0 < 0 }) / Double(cutoff)
  }
}
