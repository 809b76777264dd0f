#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Weighs a pair by how surely its negative was looked at, as the first stage's ranks say: the fixed, one-sided form of
/// ``PoolingBiasWeighting``.
///
///     odds of selection = 1 / rank,   weight = 1 + odds^(1 / temperature)
///
/// A negative at rank 1 weighs 2, one far down about 1: pools are made of the tops of rankings.
///
///     try InversePropensityWeighting(statistics: statistics, temperature: 1)
public struct InversePropensityWeighting: SampleWeighting {
  public let statistics: FirstStageStatistics
  public let temperature: Double
  /// The rank that a document outside the run is given.
  public let missingRank: Int

  /// - Throws: ``WeightingError/parameter(name:found:expected:)``.
  public init(statistics: FirstStageStatistics, temperature: Double = 1, missingRank: Int = 1000) throws(WeightingError) {
    self.statistics = statistics
    self.temperature = try WeightingError.positive("the temperature of inverse propensity", temperature)
    self.missingRank = try WeightingError.count("the rank of documents outside the run", missingRank, least: 1)
  }

  public var readsScores: Bool { false }

  /// - Throws: ``WeightingError/noNegatives(sample:)``; ``FirstStageError/queryNotInRun(qid:)``.
  public func weights(for input: WeightingInput) throws -> SampleWeights {
    SampleWeights(values: try input.samples.map { sample in
      let negatives = sample.documents.filter { !$0.isPositive }
      guard !negatives.isEmpty else { throw WeightingError.noNegatives(sample: sample.id) }
      let sum = try negatives.reduce(0.0) { sum, negative in
        let rank = try statistics.rank(qid: sample.qid, docno: negative.docno) ?? missingRank
        return sum + 1 + pow(1 / Double(rank), 1 / temperature)
      }
      return sum / Double(negatives.count)
    })
  }

  public var resumeState: WeightingSettings { WeightingSettings("inverse propensity \(temperature) \(missingRank)") }
  public func resume(from state: WeightingSettings) throws { try resumeState.check(state) }
}
