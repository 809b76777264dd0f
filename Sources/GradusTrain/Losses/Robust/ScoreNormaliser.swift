import GradusTensor

/// Brings the scores of a row to a mean size of 1, so that a temperature means the same for every scorer.
public enum ScoreNormaliser: String, Sendable, Codable, CaseIterable {
  /// As they are.
  case none
  /// Softplus of the scores, divided by its mean over the candidates.
  case softplus
  /// Divided by the mean of their absolute values.
  case l1

  /// - Throws: ``LossError/nothingToNormalise(loss:sample:)`` where a row's scores are all 0.
  func callAsFunction(
    _ scores: Tensor, present: [[Bool]], loss: String, sample: (Int) -> SampleID
  ) throws(LossError) -> Tensor {
    let positive: Tensor, values: Tensor
    switch self {
    case .none: return scores
    case .softplus:
      values = scores.softplus()
      positive = values
    case .l1:
      values = scores
      positive = scores.abs()
    }
    let counts = Tensor(present.counts, shape: [present.count, 1]).cast(to: scores.type)
    let means = (positive * present.numbers(scores.type)).sum(axes: [1], keepDims: true) / counts
    if let row = means.doubles().firstIndex(of: 0) { throw .nothingToNormalise(loss: loss, sample: sample(row)) }
    return values / means
  }
}
