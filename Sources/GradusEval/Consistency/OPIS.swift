import GradusCore

/// OPIS, the operating-point inconsistency score: how badly one threshold serves different queries (Zhang et al., ICLR 2024,
/// arXiv 2307.04047). Lower is better; 0 where all queries are served alike.
///
///     let consistency = try OPIS(run: reranked, qrels: qrels)
///     consistency.value                // 0.0012
///     consistency.bestThreshold        // show a document from here on
///
/// At threshold t a query's utility is the harmonic mean of the share of its relevant documents that are accepted and the share
/// of its others that are not:
///
///     U_i(t) = 2 sens_i spec_i / (sens_i + spec_i);   OPIS = mean over queries of mean over t of (U_i(t) - mean_j U_j(t))^2
///
/// with t running evenly between the thresholds of two global rates of false acceptance. A query without relevant or without
/// other documents says nothing and is left out (``skipped``). The score is a variance of estimates: with few documents a query
/// it says more about chance than about the model; an interval over seeds or queries belongs beside it.
public struct OPIS: Sendable, Equatable {
  /// One query, topic or class.
  public struct Group: Sendable, Equatable {
    public let name: String
    public let positives: [Double]
    public let negatives: [Double]

    public init(_ name: String, positives: [Double], negatives: [Double]) {
      self.name = name
      self.positives = positives
      self.negatives = negatives
    }
  }

  /// Which scores a threshold accepts.
  public enum Scores: Sendable, Equatable {
    /// Accepted from the threshold up.
    case similarities
    /// Accepted up to the threshold.
    case distances
  }

  /// Where utilities are looked at.
  public enum Thresholds: Sendable, Equatable {
    /// Evenly from where the first share of all negatives is accepted to where the second is. The paper's: 0.01 to 0.1, 101
    /// points.
    case falseAcceptance(Double, Double, points: Int)
    case given([Double])
  }

  /// The mean squared deviation from the queries' mean utility.
  public let value: Double
  /// Each group's own; ``value`` is their mean, so that two models can be compared query by query.
  public let deviations: [Double]
  /// The mean squared difference between the utility of the worst and of the best queries, a share epsilon of them each, by their
  /// mean utility: outliers that the average hides.
  public let epsilonValue: Double
  public let thresholds: [Double]
  /// The groups that count, and their utility at each threshold.
  public let groups: [String]
  public let utilities: [[Double]]
  /// Groups without positives or without negatives.
  public let skipped: [String]
  /// The threshold of the largest mean utility; the first of equals.
  public let bestThreshold: Double
  /// The utility of each group at ``bestThreshold``.
  public let utilitiesAtBest: [Double]
  /// How much utility each group loses at ``bestThreshold``, compared with its own best threshold.
  public let regrets: [Double]

  /// - Parameter epsilon: Share of the groups that ``epsilonValue`` takes from either end, at least one.
  /// - Throws: ``OPISError``.
  public init(
    groups: [Group], scores: Scores = .similarities, thresholds: Thresholds = .falseAcceptance(0.01, 0.1, points: 101),
    epsilon: Double = 0.1
  ) throws(OPISError) {
    guard epsilon > 0 && epsilon <= 0.5 else { throw .epsilon(epsilon) }
    for group in groups where (group.positives + group.negatives).contains(where: { !$0.isFinite }) {
      throw .notFinite(group: group.name)
    }
    let kept = groups.filter { !$0.positives.isEmpty && !$0.negatives.isEmpty }
    skipped = groups.filter { $0.positives.isEmpty || $0.negatives.isEmpty }.map(\.name)
    guard kept.count >= 2 else { throw .tooFewGroups(kept.count) }
    // Similarities are distances with the sign turned round.
    let sign = scores == .similarities ? -1.0 : 1
    let positives = kept.map { $0.positives.map { sign * $0 }.sorted() }
    let negatives = kept.map { $0.negatives.map { sign * $0 }.sorted() }
    let points: [Double]
    switch thresholds {
    case .given(let values):
      guard !values.isEmpty, values.allSatisfy(\.isFinite) else { throw .thresholds }
      points = values.map { sign * $0 }
    case .falseAcceptance(let low, let high, let count):
      guard low >= 0, low < high, high <= 1, count >= 2 else { throw .range(low, high, points: count) }
      let all = negatives.flatMap { $0 }.sorted()
      let first = Self.quantile(all, low), last = Self.quantile(all, high)
      guard last > first else { throw .emptyRange(at: sign * first) }
      points = (0..<count).map { first + (last - first) * Double($0) / Double(count - 1) }
    }

    let utilities = zip(positives, negatives).map { own, others in
      points.map { t -> Double in
        let sensitivity = Self.share(own, upTo: t), specificity = 1 - Self.share(others, upTo: t)
        let sum = sensitivity + specificity
        return sum > 0 ? 2 * sensitivity * specificity / sum : 0
      }
    }
    let means = points.indices.map { point in utilities.reduce(0) { $0 + $1[point] } / Double(kept.count) }
    let deviations = utilities.map { own in
      zip(own, means).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(points.count)
    }
    self.deviations = deviations
    value = deviations.reduce(0, +) / Double(kept.count)
    epsilonValue = Self.gap(utilities, epsilon: epsilon)
    let best = points.indices.reduce(0) { means[$1] > means[$0] ? $1 : $0 }
    bestThreshold = sign * points[best]
    utilitiesAtBest = utilities.map { $0[best] }
    regrets = utilities.map { ($0.max() ?? 0) - $0[best] }
    self.thresholds = points.map { sign * $0 }
    self.groups = kept.map(\.name)
    self.utilities = utilities
  }

  /// Of a run's scores: relevant documents against the others that the run has.
  public init(
    run: Run, qrels: Qrels, minimumGrade: Int = 1, thresholds: Thresholds = .falseAcceptance(0.01, 0.1, points: 101),
    epsilon: Double = 0.1
  ) throws(OPISError) {
    let groups = run.rankings.filter { !qrels[$0.qid].isEmpty }.map { ranking in
      let judgements = qrels[ranking.qid]
      func scores(_ isRelevant: Bool) -> [Double] {
        ranking.documents.filter { ((judgements[$0.docno] ?? 0) >= minimumGrade) == isRelevant }.map(\.score)
      }
      return Group(ranking.qid, positives: scores(true), negatives: scores(false))
    }
    try self.init(groups: groups, thresholds: thresholds, epsilon: epsilon)
  }

  /// The share of sorted values that are not above a threshold.
  private static func share(_ sorted: [Double], upTo threshold: Double) -> Double {
    var low = 0, high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle] <= threshold { low = middle + 1 } else { high = middle }
    }
    return Double(low) / Double(sorted.count)
  }

  /// By linear interpolation between neighbours.
  private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
    let place = share * Double(sorted.count - 1)
    let below = Int(place)
    let above = min(below + 1, sorted.count - 1)
    return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
  }

  private static func gap(_ utilities: [[Double]], epsilon: Double) -> Double {
    let order = utilities.indices.sorted { first, second in
      let (a, b) = (utilities[first].reduce(0, +), utilities[second].reduce(0, +))
      return a != b ? a < b : first < second
    }
    let count = max(1, Int((epsilon * Double(order.count)).rounded()))
    let points = utilities[0].indices
    func mean(_ members: some Collection<Int>, _ point: Int) -> Double {
      members.reduce(0) { $0 + utilities[$1][point] } / Double(members.count)
    }
    return points.reduce(0.0) { sum, point in
      let difference = mean(order.prefix(count), point) - mean(order.suffix(count), point)
      return sum + difference * difference
    } / Double(points.count)
  }
}

/// Why ``OPIS`` cannot be computed.
public enum OPISError: GradusError, Equatable {
  case tooFewGroups(Int)
  case notFinite(group: String)
  case epsilon(Double)
  case range(Double, Double, points: Int)
  case thresholds
  /// The negatives near the top all have the same score.
  case emptyRange(at: Double)

  public var failureKind: FailureKind {
    switch self {
    case .epsilon, .range, .thresholds: .usage
    case .tooFewGroups, .notFinite, .emptyRange: .badData
    }
  }

  public var description: String {
    switch self {
    case .tooFewGroups(let found):
      "OPIS compares queries with relevant and other documents; at least 2 are needed, found \(found)"
    case .notFinite(let group): "query \(group): a score is not a finite number"
    case .epsilon(let found): "epsilon must be above 0 and at most 0.5, found \(found)"
    case .range(let low, let high, let points):
      "rates of false acceptance must rise within 0...1 over at least 2 points, found \(low) to \(high) over \(points)"
    case .thresholds: "at least one threshold is needed, all of them finite numbers"
    case .emptyRange(let score): "the two rates of false acceptance have the same threshold, \(score); take rates further apart"
    }
  }
}
