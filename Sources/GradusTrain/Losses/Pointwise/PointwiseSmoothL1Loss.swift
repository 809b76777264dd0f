import GradusTensor

/// Squared near 0 and absolute further out, continuously differentiable (Huber's loss divided by its threshold).
///
///     loss = e^2 / (2 threshold) where e = |f - label| < threshold,   e - threshold / 2 elsewhere
///
///     try PointwiseSmoothL1Loss()   // f = 1.5, label 3: 1.0
public struct PointwiseSmoothL1Loss: RankingLoss, Equatable {
  public let threshold: Double

  /// - Throws: ``LossError/thresholdNotPositive(_:)``.
  public init(threshold: Double = 1) throws(LossError) {
    guard threshold > 0 && threshold.isFinite else { throw .thresholdNotPositive(threshold) }
    self.threshold = threshold
  }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let error = (try input.singleLogits(for: self) - input.labels).abs()
    let near = error.clamp(0, threshold)
    return (near.square() / (2 * threshold) + (error - near)).mean(axes: [1])
  }
}
