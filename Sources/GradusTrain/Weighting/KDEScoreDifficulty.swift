#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// phi = the cumulative distribution of a Gaussian kernel density estimate over the query's run, at the document's score.
///
///     phi = (1 / n) sum_j Phi((score - score_j) / h)
///
/// A smooth percentile: one outlying top score does not flatten the others, as it does with
/// ``NormalizedScoreDifficulty``. Invariant to positive affine maps of the scores, unless the bandwidth is fixed.
///
///     KDEScoreDifficulty()   // Scott's rule; where all scores of a query tie, phi = 0.5
///
/// - Complexity: O(depth of the run) for a document.
public struct KDEScoreDifficulty: DifficultyHeuristic, Equatable {
  /// The standard deviation h of the kernel.
  public enum Bandwidth: Sendable, Equatable, Codable {
    /// n^(-1/5) times the sample standard deviation: the paper's, and SciPy's default.
    case scott
    /// (3 n / 4)^(-1/5) times the sample standard deviation.
    case silverman
    /// h itself, in units of the first stage's score, the same for all queries.
    case fixed(Double)
  }

  public let bandwidth: Bandwidth
  /// phi of every document of a query whose scores are all equal, under a bandwidth that is estimated from them.
  public let constantValue: Double

  /// - Throws: ``CurriculumError/bandwidthNotPositive(_:)``;
  ///   ``CurriculumError/constantValueOutsideUnitInterval(_:)``.
  public init(bandwidth: Bandwidth, constantValue: Double = 0.5) throws(CurriculumError) {
    if case .fixed(let width) = bandwidth {
      guard width > 0 && width.isFinite else { throw .bandwidthNotPositive(width) }
    }
    self.bandwidth = bandwidth
    self.constantValue = try checkedConstantValue(constantValue)
  }

  public init() {
    bandwidth = .scott
    constantValue = 0.5
  }

  public func signal(qid: String, docno: String, in statistics: FirstStageStatistics) throws -> Double {
    let query = try statistics.query(qid)
    let score = try statistics.score(qid: qid, docno: docno)
    guard let width = kernelWidth(of: query) else { return constantValue }
    let sum = query.scores.reduce(0) { $0 + standardNormalCDF((score - $1) / width) }
    return min(sum / Double(query.scores.count), 1)
  }

  /// Nil where the scores have no spread to estimate it from.
  func kernelWidth(of query: FirstStageStatistics.QueryStatistics) -> Double? {
    let count = Double(query.scores.count)
    switch bandwidth {
    case .scott: return query.isConstant ? nil : pow(count, -0.2) * query.standardDeviation
    case .silverman: return query.isConstant ? nil : pow(0.75 * count, -0.2) * query.standardDeviation
    case .fixed(let width): return width
    }
  }
}

/// Phi(x) by the complementary error function, which keeps its precision far out in the lower tail.
private func standardNormalCDF(_ x: Double) -> Double { 0.5 * erfc(-x * 0.5.squareRoot()) }
