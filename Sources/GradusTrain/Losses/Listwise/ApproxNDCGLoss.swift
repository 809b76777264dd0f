import GradusTensor

/// ApproxNDCG: 1 - nDCG with ranks made smooth by sigmoids (Qin, Liu and Li, Information Retrieval 2010; Bruch et al.,
/// SIGIR 2019).
///
///     rank_i = 1 + sum_{j != i} sigmoid((scores_j - scores_i) / temperature)
///     loss   = 1 - sum_i G_i / log2(1 + rank_i)
///
/// Tends to the true value as `temperature` tends to 0, where its gradient vanishes. 0 for a list without a relevant
/// document.
public struct ApproxNDCGLoss: RankingLoss, Equatable {
  public let temperature: Double

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(temperature: Double = 0.1) throws(LossError) {
    self.temperature = try positive("temperature", temperature)
  }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    let gains = try input.grades(for: self).map(normalizedGains)
    // A document's own sigmoid is a half: 1 + rank is the sum with it and 1.5.
    let onePlusRank = (scores.pairwiseDifferences() / temperature).sigmoid().sum(axes: [1]) + 1.5
    let discounts = 0.6931471805599453 / onePlusRank.log()
    let best = gains.map { $0.contains { $0 > 0 } ? 1.0 : 0 }
    return Tensor(best, shape: [best.count]).cast(to: scores.type) - (input.constant(gains) * discounts).sum(axes: [1])
  }
}
