import GradusTensor

/// Cross-entropy between the labels, divided by their sum, and the softmax of the scores: "softmax loss" of learning to
/// rank (Bruch et al., ICTIR 2019, show that it bounds mean reciprocal rank and nDCG).
///
///     loss = -sum_i (label_i / sum label) log softmax(scores)_i
///
/// 0 for a list without a positive label. With one relevant document it is ``PairwiseCrossEntropyLoss``, and InfoNCE
/// where the others are sampled.
public struct SoftmaxCrossEntropyLoss: RankingLoss, Equatable {
  public init() {}

  /// - Throws: ``LossError/listNeeded(loss:sample:)``; ``LossError/documentLabel(loss:qid:docno:label:expected:)`` below 0.
  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    let shares = try input.grades(for: self).map { labels in
      let sum = labels.reduce(0, +)
      return sum > 0 ? labels.map { $0 / sum } : labels
    }
    return -(input.constant(shares) * scores.logSoftmax()).sum(axes: [1])
  }
}
