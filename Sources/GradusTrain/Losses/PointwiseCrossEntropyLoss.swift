import GradusTensor

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
