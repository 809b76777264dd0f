/// What a weighting did in one epoch.
///
///     statistics.meanWeight   // 0.71
///     statistics.hardShare    // 0.24: share of samples that the first stage has the wrong way round
public struct WeightingStatistics: Sendable, Equatable, Codable {
  public private(set) var samples = 0
  private var weightSum = 0.0
  private var easinessSum = 0.0
  private var easinessSamples = 0
  private var hardSamples = 0
  private var effectiveSamples = 0.0
  /// Largest weight so far; 0 before the first sample.
  public private(set) var largestWeight = 0.0

  public init() {}

  /// Adds a batch, in the order of training.
  public mutating func add(_ weights: SampleWeights) {
    samples += weights.values.count
    weightSum = weights.values.reduce(weightSum, +)
    largestWeight = weights.values.reduce(largestWeight, max)
    let sum = weights.values.reduce(0, +)
    let squares = weights.values.reduce(0) { $0 + $1 * $1 }
    effectiveSamples += squares > 0 ? sum * sum / squares : 0
    guard let easiness = weights.easiness else { return }
    easinessSamples += easiness.count
    easinessSum = easiness.reduce(easinessSum, +)
    hardSamples += easiness.count { $0 < 0.5 }
  }

  /// Mean W; nil before the first sample.
  public var meanWeight: Double? { samples > 0 ? weightSum / Double(samples) : nil }
  /// Effective samples of each batch, `(sum W)^2 / sum W^2`, as a share of all samples: 1 for equal weights. Nil before the
  /// first sample.
  public var effectiveShare: Double? { samples > 0 ? effectiveSamples / Double(samples) : nil }
  /// Mean D; nil where the weighting does not know it.
  public var meanEasiness: Double? { easinessSamples > 0 ? easinessSum / Double(easinessSamples) : nil }
  /// Share of samples with D below 0.5; nil where the weighting does not know D.
  public var hardShare: Double? { easinessSamples > 0 ? Double(hardSamples) / Double(easinessSamples) : nil }
}
