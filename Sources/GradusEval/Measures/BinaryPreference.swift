/// Bpref: how rarely judged non-relevant documents stand above relevant ones (Buckley and Voorhees, SIGIR 2004).
///
///     bpref = 1/R * sum over retrieved relevant d of (1 - min(nonrelevant above d, R) / min(R, N))
///
/// R and N are the judged relevant and non-relevant documents. Unjudged documents and negative grades are left out.
/// `bpref` of trec_eval; with `isGeometric` its `gm_bpref`.
public struct BinaryPreference: Measure {
  public let rel: Int32
  public let isGeometric: Bool

  public init(rel: Int32 = 1, isGeometric: Bool = false) {
    self.rel = rel
    self.isGeometric = isGeometric
  }

  public var aggregation: Aggregation { isGeometric ? .geometricMean : .mean }
  public var description: String { measureName(isGeometric ? "GMBpref" : "Bpref", [relArgument(rel)]) }

  public func value(for ranking: JudgedRanking) -> Double {
    let relevant = ranking.relevantCount(rel)
    guard relevant > 0 else { return 0 }
    let nonrelevant = ranking.relevantCount(0) - relevant
    var above = 0
    var sum = 0.0
    for grade in ranking.grades where grade >= 0 {
      if grade < rel {
        above += 1
      } else {
        sum += above == 0 ? 1 : 1 - Double(min(above, relevant)) / Double(min(nonrelevant, relevant))
      }
    }
    return sum / Double(relevant)
  }
}

/// Inferred average precision for sampled pools (Yilmaz and Aslam, CIKM 2006).
///
/// A negative grade marks a document that was pooled but not judged: it is taken to be relevant as often as the judged
/// documents above it. Documents outside the pool are not relevant. Equals ``AveragePrecision`` (but for a smoothing of
/// 0.00001) where no grade is negative. `infAP` of trec_eval.
public struct InferredAP: Measure {
  private static let epsilon = 0.00001
  public let rel: Int32

  public init(rel: Int32 = 1) { self.rel = rel }

  public var description: String { measureName("infAP", [relArgument(rel)]) }

  public func value(for ranking: JudgedRanking) -> Double {
    let relevant = ranking.relevantCount(rel)
    guard relevant > 0 else { return 0 }
    var relevantAbove = 0.0
    var nonrelevantAbove = 0.0
    var pooledAbove = 0.0
    var sum = 0.0
    for (position, grade) in ranking.grades.enumerated() where grade != JudgedRanking.unjudged {
      if grade < 0 {
        pooledAbove += 1
      } else if grade < rel {
        nonrelevantAbove += 1
      } else {
        if position == 0 {
          sum += 1
        } else {
          let above = Double(position)
          let inPool = (relevantAbove + nonrelevantAbove + pooledAbove) / above
          let share = (relevantAbove + Self.epsilon) / (relevantAbove + nonrelevantAbove + 2 * Self.epsilon)
          sum += 1 / (above + 1) + above / (above + 1) * inPool * share
        }
        relevantAbove += 1
      }
    }
    return sum / Double(relevant)
  }
}
