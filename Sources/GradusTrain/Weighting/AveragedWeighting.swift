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
  public var readsModels: [String] { base.readsModels }
  public mutating func beforeEpoch(_ trainer: Trainer) throws { try base.beforeEpoch(trainer) }

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
