import GradusTensor

/// Classification of each document as relevant or not by two logits, as monoBERT is trained (Nogueira and Cho, 2019).
///
///     loss = -sum over positives log p(first logit) - sum over negatives log p(second logit)
///
/// Needs a scorer with two logits a document, as `TwoLogitScorer` makes of any; its ranking score is the first minus the
/// second. Works for pairwise and pointwise samples alike: documents are classified independently.
///
///     TwoLogitCrossEntropyLoss()   // a positive with logits 0, 0: log 2
public struct TwoLogitCrossEntropyLoss: RankingLoss, Equatable {
  public init() {}

  public var logitsPerDocument: Int { 2 }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.logits(2, for: self)
    let positives = input.positives
    let target = stacked([positives, 1 - positives], axis: 2)
    return -(scores.logSoftmax() * target).sum(axes: [1, 2])
  }
}
