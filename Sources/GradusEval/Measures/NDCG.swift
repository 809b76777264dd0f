#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// `log2(rank + 1)`: what a gain at a rank is divided by.
enum Discount {
  private static let table: [Double] = (0..<2048).map { log2(Double($0 + 2)) }

  /// For the 0-based `position`.
  @inline(__always)
  static func at(_ position: Int) -> Double { position < 2048 ? table[position] : log2(Double(position + 2)) }

  /// Sum of `grade / log2(rank + 1)` over the positive grades of the first `limit` ranks.
  static func linearDCG(_ grades: ArraySlice<Int32>, limit: Int) -> Double {
    var sum = 0.0
    table.withUnsafeBufferPointer { table in
      grades.withUnsafeBufferPointer { grades in
        for position in 0..<min(limit, grades.count) {
          let grade = grades[position]
          if grade > 0 { sum += Double(grade) / (position < 2048 ? table[position] : log2(Double(position + 2))) }
        }
      }
    }
    return sum
  }
}

/// Normalised discounted cumulative gain (Järvelin and Kekäläinen, ACM TOIS 2002).
///
///     DCG@k = sum over ranks r <= k of gain(grade at r) / log2(r + 1)
///     nDCG@k = DCG@k / DCG@k of the ideal ranking
///
/// The default gain is the grade itself, as in trec_eval; ``Gain/exponential`` is `2^grade - 1`, as in learning to rank.
/// Grades below 1 gain nothing unless ``Gain/custom(_:)`` says so. 0 where no judged document has a gain.
public struct NDCG: Measure {
  /// What a document of a grade is worth.
  public enum Gain: Sendable, Hashable {
    /// The grade.
    case linear
    /// `2^grade - 1` (Burges et al., ICML 2005), written `dcg='exp-log2'`.
    case exponential
    /// Grade to gain; grades that are not listed keep the grade as gain.
    case custom([Int32: Double])
  }

  public let cutoff: Int?
  public let gain: Gain
  /// Leave unjudged documents out before ranks are counted.
  public let judgedOnly: Bool

  public init(cutoff: Int? = nil, gain: Gain = .linear, judgedOnly: Bool = false) {
    self.cutoff = cutoff
    self.gain = gain
    self.judgedOnly = judgedOnly
  }

  public var description: String {
    var arguments: [String?] = []
    switch gain {
    case .linear: break
    case .exponential: arguments.append("dcg='exp-log2'")
    case .custom(let gains):
      let pairs = gains.sorted { $0.key < $1.key }.map { "\($0.key):\(plainNumber($0.value))" }
      arguments.append("gains={\(pairs.joined(separator: ","))}")
    }
    arguments.append(judgedOnlyArgument(judgedOnly))
    return measureName("nDCG", arguments, at: cutoff)
  }

  /// - Complexity: O(ranks + judged documents).
  public func value(for ranking: JudgedRanking) -> Double {
    let ranking = ranking.condensed(if: judgedOnly)
    let ideal: Double
    let obtained: Double
    switch gain {
    case .linear:
      ideal = Discount.linearDCG(ranking.judged, limit: cutoff ?? .max)
      guard ideal > 0 else { return 0 }
      obtained = Discount.linearDCG(ranking.grades, limit: cutoff ?? .max)
    case .exponential, .custom:
      ideal = dcg(ranking.judged.map(gain(of:)).sorted(by: >))
      guard ideal > 0 else { return 0 }
      obtained = dcg(ranking.grades.map(gain(of:)), keepNegative: true)
    }
    return obtained / ideal
  }

  private func gain(of grade: Int32) -> Double {
    guard grade != JudgedRanking.unjudged else { return 0 }
    switch gain {
    case .linear: return Double(max(grade, 0))
    case .exponential: return grade > 0 ? exp2(Double(grade)) - 1 : 0
    case .custom(let gains): return gains[grade] ?? Double(max(grade, 0))
    }
  }

  private func dcg(_ gains: [Double], keepNegative: Bool = false) -> Double {
    var sum = 0.0
    for (position, gain) in gains.prefix(cutoff ?? gains.count).enumerated() where gain > 0 || (keepNegative && gain < 0) {
      sum += gain / Discount.at(position)
    }
    return sum
  }
}

extension NDCG {
  /// nDCG of many rankings that are already lists of grades: no docnos, no dictionaries.
  ///
  /// Query `q` owns `grades[offsets[q]..<offsets[q + 1]]` and `judged[judgedOffsets[q]..<judgedOffsets[q + 1]]`; the
  /// judged grades must be in descending order within a query. Queries are spread over the worker pool.
  ///
  ///     NDCG(cutoff: 10).values(grades: [0, 1, 1], offsets: [0, 2, 3], judged: [1, 0, 1], judgedOffsets: [0, 2, 3])
  ///     // [0.6309..., 1.0]
  ///
  /// - Throws: ``EvaluationError/offsets(expected:found:)`` where the offsets do not cover the arrays in order.
  public func values(
    grades: [Int32], offsets: [Int], judged: [Int32], judgedOffsets: [Int], pool: WorkerPool = .shared
  ) throws(EvaluationError) -> [Double] {
    try EvaluationError.checkOffsets(offsets, covering: grades.count, queries: max(0, offsets.count - 1))
    try EvaluationError.checkOffsets(judgedOffsets, covering: judged.count, queries: max(0, offsets.count - 1))
    let count = max(0, offsets.count - 1)
    return [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
      nonisolated(unsafe) let output = buffer
      pool.forEachRange(count: count, grain: 4096) { range in
        for query in range {
          let ranking = JudgedRanking(
            grades: grades[offsets[query]..<offsets[query + 1]],
            judgedDescending: judged[judgedOffsets[query]..<judgedOffsets[query + 1]])
          output.initializeElement(at: query, to: value(for: ranking))
        }
      }
      initialized = count
    }
  }
}
