import GradusTensor

// Pointwise losses take the documents of a sample one by one. A pairwise sample has the mean over its documents, so that
// values compare between samples with different numbers of negatives.

/// Squared error against the label: `(f - label)^2`.
///
///     PointwiseMSELoss()   // f = 1.5, label 3: 2.25
public struct PointwiseMSELoss: RankingLoss, Equatable {
  public init() {}

  public func perSample(_ input: LossInput) throws -> Tensor {
    (try input.singleLogits(for: self) - input.labels).square().mean(axes: [1])
  }
}

/// Absolute error against the label: `|f - label|`; its gradient at 0 is 0.
///
///     PointwiseL1Loss()   // f = 1.5, label 3: 1.5
public struct PointwiseL1Loss: RankingLoss, Equatable {
  public init() {}

  public func perSample(_ input: LossInput) throws -> Tensor {
    (try input.singleLogits(for: self) - input.labels).abs().mean(axes: [1])
  }
}

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

/// Binary cross-entropy between the label and the sigmoid of the score: `-label log p - (1 - label) log(1 - p)`.
///
/// Labels are probabilities; a sampler gives such with ``LabelScale/binary``. Computed from the logit without overflow.
///
///     PointwiseCrossEntropyLoss()   // f = 0, label 1: log 2
public struct PointwiseCrossEntropyLoss: RankingLoss, Equatable {
  public init() {}

  /// - Throws: ``LossError/labelOutsideUnitInterval(sample:label:)`` for a raw grade above 1.
  public func perSample(_ input: LossInput) throws -> Tensor {
    for sample in input.samples {
      for document in sample.documents where !(document.label >= 0 && document.label <= 1) {
        throw LossError.labelOutsideUnitInterval(sample: sample.id, label: document.label)
      }
    }
    let scores = try input.singleLogits(for: self)
    return (scores.softplus() - scores * input.labels).mean(axes: [1])
  }
}
