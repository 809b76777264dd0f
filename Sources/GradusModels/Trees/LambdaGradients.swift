#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusFormats

/// LambdaRank's gradients of every row, which LambdaMART grows its trees by (Burges, "From RankNet to LambdaRank to LambdaMART",
/// 2010). For each pair of a query's rows with `grade_i > grade_j`:
///
///     rho   = 1 / (1 + exp(score_i - score_j))
///     delta = |2^grade_i - 2^grade_j| |1 / log2(1 + rank_i) - 1 / log2(1 + rank_j)| / ideal DCG
///     first_i -= delta rho,   first_j += delta rho,   second_i and second_j += delta rho (1 - rho)
///
/// Ranks follow the scores, rows of equal score in their order. All pairs count, not a sample of them, so nothing is random.
///
/// - Complexity: O(sum over queries of rows^2).
public struct LambdaGradients: Sendable, Equatable {
  /// Derivatives of the loss, one a row: below 0 where a row's score should rise.
  public internal(set) var first: [Float]
  /// Second derivatives, `>= 0`.
  public internal(set) var second: [Float]

  /// - Parameter scores: One a row.
  public init(_ data: FeatureData, scores: [Double]) {
    first = Array(repeating: 0, count: data.rowCount)
    second = first
    for group in data.groups { add(group.rows, grades: data.grades, scores: scores) }
  }

  private mutating func add(_ rows: Range<Int>, grades: [Int], scores: [Double]) {
    let gains = rows.map { exp2(Double(grades[$0])) }
    let discounts = rows.indices.map { 1 / log2(Double($0 - rows.lowerBound) + 2) }
    let ideal = zip(gains.sorted(by: >), discounts).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
    guard ideal > 0 else { return }
    let own = Array(scores[rows])
    var discount = discounts
    for (rank, place) in own.indices.sorted(by: { own[$0] != own[$1] ? own[$0] > own[$1] : $0 < $1 }).enumerated() {
      discount[place] = discounts[rank]
    }
    var gradient = [Double](repeating: 0, count: own.count)
    var curvature = gradient
    for i in own.indices {
      for j in own.indices where gains[i] > gains[j] {
        let rho = 1 / (1 + exp(own[i] - own[j]))
        let delta = (gains[i] - gains[j]) * abs(discount[i] - discount[j]) / ideal
        gradient[i] -= delta * rho
        gradient[j] += delta * rho
        curvature[i] += delta * rho * (1 - rho)
        curvature[j] += delta * rho * (1 - rho)
      }
    }
    for (place, row) in rows.enumerated() {
      first[row] = Float(gradient[place])
      second[row] = Float(curvature[place])
    }
  }
}
