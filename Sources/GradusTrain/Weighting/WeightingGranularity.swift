/// How many samples share a weight.
public enum WeightingGranularity: Sendable, Equatable, Codable {
  /// Every sample has its own weight.
  case perSample
  /// Consecutive samples of a batch share the mean of their weights, which is what multiplying a group's mean loss by
  /// its mean weight comes to: `mean(loss) x mean(W)`. Size 16 or 2 reproduces the released code of the curricula
  /// paper. The last group of a batch may be smaller.
  case groupMean(size: Int)
  /// All samples of a batch share its mean weight: nothing is weighted *within* the batch, and its step is scaled as the
  /// weighted one's. The baseline of matched mean weight, which separates a curriculum's choice of samples from its
  /// effect on the step size.
  case batchMean

  /// The weights with each group's values replaced by their mean; the easiness stays as it is.
  public func apply(to weights: SampleWeights) -> SampleWeights {
    let size: Int
    switch self {
    case .perSample: return weights
    case .groupMean(let groupSize): size = groupSize
    case .batchMean: size = weights.values.count
    }
    guard size > 1 else { return weights }
    var result = weights
    for start in stride(from: 0, to: weights.values.count, by: size) {
      let group = start..<min(start + size, weights.values.count)
      let mean = weights.values[group].reduce(0, +) / Double(group.count)
      for position in group { result.values[position] = mean }
    }
    return result
  }
}
