import GradusTensor

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
