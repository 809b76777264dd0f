import GradusTensor

/// Squared error against the label: `(f - label)^2`.
///
/// Like every pointwise loss it takes the documents of a sample one by one. A pairwise sample has the mean over its
/// documents, so that values compare between samples with different numbers of negatives.
///
///     PointwiseMSELoss()   // f = 1.5, label 3: 2.25
public struct PointwiseMSELoss: RankingLoss, Equatable {
  public init() {}

  public func perSample(_ input: LossInput) throws -> Tensor {
    (try input.singleLogits(for: self) - input.labels).square().mean(axes: [1])
  }
}
