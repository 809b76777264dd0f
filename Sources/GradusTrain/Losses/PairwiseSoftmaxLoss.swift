import GradusTensor

/// The probability that softmax over a sample's documents gives to the negatives.
///
///     loss = 1 - exp(f+) / (exp(f+) + sum_j exp(f-_j))
///
/// In `(0, 1)`, unlike cross-entropy: a sample that is hopelessly wrong has hardly any gradient. The default loss of
/// MacAvaney et al., SIGIR 2020. Computed as the sum of the negatives' probabilities, which keeps its precision where
/// the positive has nearly all of it.
///
///     PairwiseSoftmaxLoss()   // f+ = 2, f- = 0.5: 0.182426
public struct PairwiseSoftmaxLoss: RankingLoss, Equatable {
  public init() {}

  public func perSample(_ input: LossInput) throws -> Tensor {
    let probabilities = try input.pairwiseLogits(for: self).softmax()
    return probabilities.slice(axis: 1, from: 1, to: probabilities.shape[1]).sum(axes: [1])
  }
}

/// Cross-entropy of softmax over a sample's documents, with all the probability on the positive.
///
///     loss = -log( exp(f+) / (exp(f+) + sum_j exp(f-_j)) )
///
/// With one negative this is RankNet's loss (Burges et al., ICML 2005).
///
///     PairwiseCrossEntropyLoss()   // f+ = 2, f- = 0.5: 0.201413
public struct PairwiseCrossEntropyLoss: RankingLoss, Equatable {
  public init() {}

  public func perSample(_ input: LossInput) throws -> Tensor {
    let logarithms = try input.pairwiseLogits(for: self).logSoftmax()
    return -logarithms.slice(axis: 1, from: 0, to: 1).reshaped(to: [input.samples.count])
  }
}

/// How far the positive falls short of beating the negatives by a margin, on average over the negatives.
///
///     loss = (1 / negatives) sum_j max(0, margin - f+ + f-_j)
///
///     try PairwiseHingeLoss(margin: 1)   // f+ = 2, f- = 1.5: 0.5
public struct PairwiseHingeLoss: RankingLoss, Equatable {
  /// In units of the score. At 0 a pair in the right order has no loss, and neither has a scorer that is constant.
  public let margin: Double

  /// - Throws: ``LossError/negativeMargin(_:)``.
  public init(margin: Double = 1) throws(LossError) {
    guard margin >= 0 && margin.isFinite else { throw .negativeMargin(margin) }
    self.margin = margin
  }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let (positive, negatives) = try input.pairs(for: self)
    return (negatives - positive + margin).relu().mean(axes: [1])
  }
}
