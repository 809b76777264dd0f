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
