import GradusTensor

/// ApproxMRR: the reciprocal ranks of the relevant documents, with ranks made smooth by sigmoids (Qin et al., Information
/// Retrieval 2010; TF-Ranking's `ApproxMRRLoss`).
///
///     rank_i = 1 + sum_{j != i} sigmoid((scores_j - scores_i) / temperature)
///     loss   = 1 - sum_i label_i / rank_i / sum_i label_i
///
/// With one relevant document it tends to 1 - RR as `temperature` tends to 0; with several it is the mean over them. 0 for a list
/// without a relevant document.
public struct ApproxMRRLoss: RankingLoss, Equatable {
  public let temperature: Double

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(temperature: Double = 0.1) throws(LossError) { self.temperature = try positive("temperature", temperature) }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    let shares = try input.grades(for: self).map { labels in
      let sum = labels.reduce(0, +)
      return sum > 0 ? labels.map { $0 / sum } : labels
    }
    // A document's own sigmoid is a half.
    let ranks = (scores.pairwiseDifferences() / temperature).sigmoid().sum(axes: [1]) + 0.5
    let best = Tensor(shares.map { $0.contains { $0 > 0 } ? 1.0 : 0 }, shape: [shares.count]).cast(to: scores.type)
    return best - (input.constant(shares) / ranks).sum(axes: [1])
  }
}
