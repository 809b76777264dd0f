/// A measure of the retrieved set as a whole, without regard to rank.
///
/// With r relevant documents retrieved, n retrieved and R relevant: `SetP = r/n`, `SetR = r/R`, `SetAP = r*r/(n*R)`,
/// `SetRelP = r/min(n, R)`, `SetF = (beta + 1)*P*R / (beta*P + R)`. The weight of SetF is trec_eval's parameter, used
/// as it is and not squared, and ir_measures calls it `beta`. 0 where a denominator is 0.
public struct SetMeasure: Measure {
  /// Precision and its kin of all that was retrieved; `relativePrecision` divides by what was possible.
  public enum Kind: Sendable, Hashable {
    case precision, recall, averagePrecision, relativePrecision
    case f(beta: Double)
  }

  public let kind: Kind
  public let rel: Int32
  public let judgedOnly: Bool

  public init(_ kind: Kind, rel: Int32 = 1, judgedOnly: Bool = false) {
    self.kind = kind
    self.rel = rel
    self.judgedOnly = judgedOnly
  }

  public var description: String {
    let common = [relArgument(rel), judgedOnlyArgument(judgedOnly)]
    switch kind {
    case .precision: return measureName("SetP", common)
    case .recall: return measureName("SetR", common)
    case .averagePrecision: return measureName("SetAP", common)
    case .relativePrecision: return measureName("SetRelP", common)
    case .f(let beta): return measureName("SetF", [relArgument(rel), beta == 1 ? nil : "beta=\(beta)", common[1]])
    }
  }

  public func value(for ranking: JudgedRanking) -> Double {
    let ranking = ranking.condensed(if: judgedOnly)
    let found = Double(ranking.relevantRetrieved(rel))
    guard found > 0 else { return 0 }
    let retrieved = Double(ranking.retrievedCount)
    let relevant = Double(ranking.relevantCount(rel))
    switch kind {
    case .precision: return found / retrieved
    case .recall: return found / relevant
    case .averagePrecision: return found * found / (retrieved * relevant)
    case .relativePrecision: return found / min(retrieved, relevant)
    case .f(let beta):
      let precision = found / retrieved
      let recall = found / relevant
      return (beta + 1) * precision * recall / (beta * precision + recall)
    }
  }
}

/// A count that is summed over queries.
public struct CountMeasure: Measure {
  /// What is counted.
  public enum Kind: Sendable, Hashable {
    /// 1 for each query that was evaluated.
    case queries
    case retrieved
    case relevant
    case relevantRetrieved
    /// Retrieved documents judged and found not relevant.
    case nonrelevantJudgedRetrieved
  }

  public let kind: Kind
  public let rel: Int32

  public init(_ kind: Kind, rel: Int32 = 1) {
    self.kind = kind
    self.rel = rel
  }

  public var aggregation: Aggregation { .sum }

  public var description: String {
    switch kind {
    case .queries: "NumQ"
    case .retrieved: "NumRet"
    case .relevant: measureName("NumRel", [relArgument(rel)])
    case .relevantRetrieved: measureName("NumRelRet", [relArgument(rel)])
    case .nonrelevantJudgedRetrieved: measureName("NumNonrelJudgedRet", [relArgument(rel)])
    }
  }

  public func value(for ranking: JudgedRanking) -> Double {
    switch kind {
    case .queries: 1
    case .retrieved: Double(ranking.retrievedCount)
    case .relevant: Double(ranking.relevantCount(rel))
    case .relevantRetrieved: Double(ranking.relevantRetrieved(rel))
    case .nonrelevantJudgedRetrieved: Double(ranking.grades.count { $0 >= 0 && $0 < rel })
    }
  }
}

/// Utility of the retrieved set: `a`, `b` and `c` for each relevant retrieved, non-relevant retrieved and relevant
/// document that was missed (`utility` of trec_eval, whose fourth weight needs the size of the collection and is left out).
public struct Utility: Measure {
  public let a: Double
  public let b: Double
  public let c: Double
  public let rel: Int32

  public init(a: Double = 1, b: Double = -1, c: Double = 0, rel: Int32 = 1) {
    self.a = a
    self.b = b
    self.c = c
    self.rel = rel
  }

  public var description: String {
    measureName(
      "Utility",
      [
        relArgument(rel), a == 1 ? nil : "a=\(plainNumber(a))", b == -1 ? nil : "b=\(plainNumber(b))",
        c == 0 ? nil : "c=\(plainNumber(c))",
      ])
  }

  public func value(for ranking: JudgedRanking) -> Double {
    let found = Double(ranking.relevantRetrieved(rel))
    return a * found + b * (Double(ranking.retrievedCount) - found) + c * (Double(ranking.relevantCount(rel)) - found)
  }
}
