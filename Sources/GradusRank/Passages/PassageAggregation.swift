/// How the scores of a document's passages become the document's score.
///
/// FirstP, MaxP and SumP as in Dai and Callan (SIGIR 2019, "Deeper text understanding for IR with contextual neural language
/// modeling"); the mean of all or of the best passages besides.
///
///     PassageAggregation.maximum.score(of: [0.5, 2, 1])   // 2
public enum PassageAggregation: Sendable, Hashable {
  /// FirstP: the first passage; the others are not scored.
  case first
  /// MaxP: the best passage.
  case maximum
  /// SumP: the sum, which favours long documents where scores are positive.
  case sum
  /// AvgP: the mean.
  case mean
  /// The mean of the best `count` passages, or of all where there are fewer; `count` is at least 1.
  case meanOfBest(count: Int)

  /// Whether a document's score is that of one of its passages, and no sum.
  public var picksOne: Bool {
    switch self {
    case .first, .maximum, .meanOfBest(count: 1): true
    default: false
    }
  }

  /// - Parameter scores: Of the passages in their order; not empty.
  public func score(of scores: [Double]) -> Double {
    precondition(!scores.isEmpty, "a document has at least one passage")
    switch self {
    case .first: return scores[0]
    case .maximum: return scores.reduce(-.infinity, Swift.max)
    case .sum: return scores.reduce(0, +)
    case .mean: return scores.reduce(0, +) / Double(scores.count)
    case .meanOfBest(let count):
      let best = scores.sorted(by: >).prefix(Swift.max(1, count))
      return best.reduce(0, +) / Double(best.count)
    }
  }

  /// Parses `first`, `max`, `sum`, `avg` or `top:N`; nil for anything else.
  public init?(name: String) {
    switch name {
    case "first": self = .first
    case "max": self = .maximum
    case "sum": self = .sum
    case "avg": self = .mean
    default:
      guard name.hasPrefix("top:"), let count = Int(name.dropFirst(4)), count >= 1 else { return nil }
      self = .meanOfBest(count: count)
    }
  }
}
