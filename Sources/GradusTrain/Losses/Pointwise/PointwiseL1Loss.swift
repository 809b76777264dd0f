import GradusTensor

/// Absolute error against the label: `|f - label|`; its gradient at 0 is 0.
///
///     PointwiseL1Loss()   // f = 1.5, label 3: 1.5
public struct PointwiseL1Loss: RankingLoss, Equatable {
  public init() {}

  public func perSample(_ input: LossInput) throws -> Tensor {
    (try input.singleLogits(for: self) - input.labels).abs().mean(axes: [1])
  }
}
