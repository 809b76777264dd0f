import GradusTensor

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
