import GradusTensor

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the losses over lists share: labels as numbers, pairs of documents, gains and discounts.
extension LossInput {
  /// The scores `[samples, documents]`, if every sample has documents to compare.
  func listLogits(for loss: any RankingLoss) throws(LossError) -> Tensor {
    guard samples[0].documents.count >= 2 else { throw .listNeeded(loss: "\(type(of: loss))", sample: samples[0].id) }
    return try singleLogits(for: loss)
  }

  /// Labels by sample, all finite.
  func finiteLabels(for loss: any RankingLoss) throws(LossError) -> [[Double]] {
    try requireLabels(for: loss, "that are finite numbers", \.isFinite)
    return samples.map { $0.documents.map(\.label) }
  }

  /// Labels by sample, all of them grades: from 0 to ``LossInput/largestGrade``.
  func grades(for loss: any RankingLoss) throws(LossError) -> [[Double]] {
    try requireLabels(for: loss, "that are grades from 0 to \(Int(Self.largestGrade))") { $0 >= 0 && $0 <= Self.largestGrade }
    return samples.map { $0.documents.map(\.label) }
  }

  /// Beyond this, a gain of `2^grade - 1` leaves no digits for any other.
  static let largestGrade = 30.0

  /// A constant of the scores' type, `[samples, documents]`.
  func constant(_ rows: [[Double]]) -> Tensor {
    Tensor(rows.flatMap { $0 }, shape: [rows.count, rows.first?.count ?? 0]).cast(to: scores.type)
  }
}

extension Tensor {
  /// `score_i - score_j` of a `[samples, documents]` tensor, shape `[samples, documents, documents]`.
  func pairwiseDifferences() -> Tensor { expandingDims(at: 2) - expandingDims(at: 1) }
}

/// Gains of one list's grades, divided by the best DCG that they can have; all 0 where no grade is above 0.
///
/// The gain is `2^grade - 1` and the discount `1 / log2(1 + rank)` (Burges et al., ICML 2005).
func normalizedGains(_ grades: [Double]) -> [Double] {
  let gains = grades.map(gain)
  let ideal = gains.sorted(by: >).enumerated().reduce(0.0) { $0 + $1.element * rankDiscount($1.offset + 1) }
  return ideal > 0 ? gains.map { $0 / ideal } : gains.map { _ in 0 }
}

/// `2^grade - 1`.
func gain(_ grade: Double) -> Double { exp2(grade) - 1 }

/// `1 / log2(1 + rank)`, rank from 1.
func rankDiscount(_ rank: Int) -> Double { 1 / log2(1 + Double(rank)) }
