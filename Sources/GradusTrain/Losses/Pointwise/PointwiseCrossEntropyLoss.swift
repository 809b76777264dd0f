import GradusTensor

/// Binary cross-entropy between the label and the sigmoid of the score: `-label log p - (1 - label) log(1 - p)`.
///
/// Labels are probabilities; a sampler gives such with ``LabelScale/binary``. Computed from the logit without overflow.
///
///     PointwiseCrossEntropyLoss()   // f = 0, label 1: log 2
public struct PointwiseCrossEntropyLoss: RankingLoss, Equatable {
  public init() {}

  /// - Throws: ``LossError/documentLabel(loss:qid:docno:label:expected:)`` for a raw grade above 1.
  public func perSample(_ input: LossInput) throws -> Tensor {
    try input.requireLabels(for: self, "from 0 to 1 (let the sampler give binary labels)") { $0 >= 0 && $0 <= 1 }
    let scores = try input.singleLogits(for: self)
    return (scores.softplus() - scores * input.labels).mean(axes: [1])
  }
}
