import GradusTensor

/// RankNet: logistic loss of every pair of documents with different labels, on average over the pairs (Burges et al.,
/// ICML 2005).
///
///     loss = (1 / pairs) sum_{label_i > label_j} log(1 + exp(-sigma (scores_i - scores_j)))
///
/// 0 for a list whose labels are all equal.
public struct RankNetLoss: RankingLoss, Equatable {
  /// Steepness of the logistic function; the paper has 1.
  public let sigma: Double

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(sigma: Double = 1) throws(LossError) { self.sigma = try positive("sigma", sigma) }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    let weights = try input.finiteLabels(for: self).map { labels in
      let isOrdered = labels.flatMap { first in labels.map { first > $0 ? 1.0 : 0 } }
      let pairs = isOrdered.reduce(0, +)
      return pairs > 0 ? isOrdered.map { $0 / pairs } : isOrdered
    }
    let count = scores.shape[1]
    let losses = (scores.pairwiseDifferences() * -sigma).softplus()
    return (losses * input.constant(weights).reshaped(to: [weights.count, count, count])).sum(axes: [1, 2])
  }
}
