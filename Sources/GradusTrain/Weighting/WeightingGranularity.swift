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

/// A weighting whose weights are shared by groups of samples. Made by ``SampleWeighting/averaged(over:)``.
public struct AveragedWeighting<Base: SampleWeighting>: SampleWeighting {
  public private(set) var base: Base
  public let granularity: WeightingGranularity

  init(base: Base, granularity: WeightingGranularity) throws(CurriculumError) {
    if case .groupMean(let size) = granularity, size < 1 { throw .groupSizeBelowOne(size) }
    self.base = base
    self.granularity = granularity
  }

  public var readsScores: Bool { base.readsScores }

  public mutating func weights(for input: WeightingInput) throws -> SampleWeights {
    granularity.apply(to: try base.weights(for: input).checked(for: input.samples))
  }

  public var resumeState: Base.ResumeState { get throws { try base.resumeState } }
  public mutating func resume(from state: Base.ResumeState) throws { try base.resume(from: state) }
}

extension SampleWeighting {
  /// This weighting with the weights of each group replaced by their mean.
  ///
  ///     let released = try CurriculumWeighting(...).averaged(over: .groupMean(size: 16))
  ///
  /// - Throws: ``CurriculumError/groupSizeBelowOne(_:)``.
  public func averaged(over granularity: WeightingGranularity) throws(CurriculumError) -> AveragedWeighting<Self> {
    try AveragedWeighting(base: self, granularity: granularity)
  }
}
