#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Several weightings at once: their weights multiply, sample by sample, and are then renormalised over the batch.
///
///     let both = try ProductWeighting([curriculum, contrastWeights], renormalization: .mean(1))
///
/// Without renormalisation a product of weights below 1 shrinks the step; with `.mean(1)` the batch's step is as large as
/// the unweighted one, which also takes away the growth of a curriculum's mean weight. Where all products are exactly 1
/// they stay exactly 1 under either.
public struct ProductWeighting: SampleWeighting {
  /// What becomes of the products of the factors' weights.
  public enum Renormalization: Sendable, Equatable, Codable {
    /// The products as they are.
    case none
    /// The products times `mean x samples / sum of products`, over the samples of the batch.
    case mean(Double)
  }

  /// In the order of ``init(_:renormalization:)``; the easiness is that of the first factor that knows it.
  public private(set) var factors: [any SampleWeighting]
  public let renormalization: Renormalization

  /// - Throws: ``WeightingError/noFactors``; ``WeightingError/meanNotPositive(_:)``.
  public init(_ factors: [any SampleWeighting], renormalization: Renormalization = .none) throws(WeightingError) {
    guard !factors.isEmpty else { throw .noFactors }
    if case .mean(let mean) = renormalization {
      guard mean > 0 && mean.isFinite else { throw .meanNotPositive(mean) }
    }
    self.factors = factors
    self.renormalization = renormalization
  }

  public var readsScores: Bool { factors.contains { $0.readsScores } }

  /// Each model once.
  public var readsModels: [String] {
    factors.flatMap(\.readsModels).reduce(into: []) { all, name in if !all.contains(name) { all.append(name) } }
  }

  public mutating func beforeEpoch(_ trainer: Trainer) throws {
    for position in factors.indices { try factors[position].beforeEpoch(trainer) }
  }

  /// - Throws: ``WeightingError/allZero(first:)`` where a batch without any weight was to be renormalised.
  public mutating func weights(for input: WeightingInput) throws -> SampleWeights {
    var product = SampleWeights(values: input.samples.map { _ in 1 })
    for position in factors.indices {
      let weights = try factors[position].weights(for: input).checked(for: input.samples)
      for (sample, weight) in weights.values.enumerated() { product.values[sample] *= weight }
      product.easiness = product.easiness ?? weights.easiness
    }
    if case .mean(let mean) = renormalization {
      let sum = product.values.reduce(0, +)
      guard sum > 0 else { throw WeightingError.allZero(first: input.samples[0].id) }
      let present = sum / Double(product.values.count)
      for sample in product.values.indices { product.values[sample] *= mean / present }
    }
    return product
  }

  /// The encoded states of the factors, in order.
  public struct State: Codable, Sendable, Equatable {
    let factors: [Data]
  }

  public var resumeState: State {
    get throws { State(factors: try factors.map { try $0.encodedState() }) }
  }

  public mutating func resume(from state: State) throws {
    guard state.factors.count == factors.count else {
      throw WeightingError.stateOfOtherFactors(expected: factors.count, found: state.factors.count)
    }
    for (position, data) in state.factors.enumerated() { try factors[position].resume(fromEncoded: data) }
  }
}
