import GradusCore
import GradusTensor

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Draws a user's positives again by their loss among that user's own: wrong clicks are trained on less often (Zhang et al.,
/// "Personalized Denoising Implicit Feedback for Robust Recommender System", WWW 2025).
///
/// From ``startEpoch`` on the positive of each sample is replaced: a pool of the group's positives is drawn, each one's loss
/// against the sample's own negatives is computed without gradient, and one is drawn with probability
/// `softmax(-loss / temperature)` over the pool. A group is a user, a query or a session. Adding a constant to a group's losses
/// changes nothing: difficult users are not trained on less. With a single positive a group keeps it.
///
///     let denoising = try PersonalLossResampling(groups: ["ann": ["i1", "i7", "i9"]], seed: 7)
///     let trainer = try Trainer(..., hooks: [denoising], ...)
///
/// Costs the scoring of a pool for each sample.
public struct PersonalLossResampling: TrainerHook {
  /// How often a positive was in a pool, and how often it was drawn from one.
  public struct Count: Codable, Sendable, Equatable {
    public var offered = 0
    public var chosen = 0
  }

  /// What a checkpoint keeps.
  public struct State: Codable, Sendable, Equatable {
    fileprivate let settings: String
    /// By group and positive.
    public fileprivate(set) var counts: [String: [String: Count]]
  }

  /// k.
  public let poolSize: Int
  /// tau.
  public let temperature: Double
  public let startEpoch: Int
  public let model: String
  private let groups: [String: [String]]
  private let loss: any RankingLoss
  private let generator: SeededGenerator
  private var state: State

  /// - Parameters:
  ///   - groups: The positives of each group.
  ///   - loss: Of a positive against its negatives; the default is that of Bayesian personalised ranking.
  /// - Throws: ``WeightingError/parameter(name:found:expected:)``; ``WeightingError/tooFew(what:found:needed:)`` for a group
  ///   without positives.
  public init(
    groups: [String: [String]], poolSize: Int = 5, temperature: Double = 0.1, startEpoch: Int = 5, model: String = "ranker",
    loss: any RankingLoss = PairwiseCrossEntropyLoss(), seed: UInt64
  ) throws(WeightingError) {
    if let empty = groups.filter(\.value.isEmpty).keys.min() {
      throw .tooFew(what: "positives of group '\(empty)'", found: 0, needed: 1)
    }
    self.groups = groups
    self.poolSize = try WeightingError.count("the pool of personal resampling", poolSize, least: 1)
    self.temperature = try WeightingError.positive("the temperature of personal resampling", temperature)
    self.startEpoch = try WeightingError.count("the first epoch of personal resampling", startEpoch, least: 0)
    self.model = model
    self.loss = loss
    generator = SeededGenerator(seed: seed)
    let positives = groups.reduce(0) { $0 + $1.value.count }
    let settings = "pool \(poolSize) temperature \(temperature) from \(startEpoch) \(groups.count) groups \(positives) \(seed)"
    state = State(settings: settings, counts: [:])
  }

  /// `softmax(-losses / temperature)`.
  public static func probabilities(losses: [Double], temperature: Double) -> [Double] {
    let least = losses.min() ?? 0
    let powers = losses.map { exp((least - $0) / temperature) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// How much less often than a pool's average a positive was drawn: about 0 for a normal one, near 1 for a suspect. Nil for
  /// one that was never offered.
  public func suspicion(group: String, positive: String) -> Double? {
    guard let count = state.counts[group]?[positive], count.offered > 0 else { return nil }
    let pool = Double(min(poolSize, groups[group]?.count ?? poolSize))
    return 1 - pool * Double(count.chosen) / Double(count.offered)
  }

  /// - Throws: ``WeightingError/noNegatives(sample:)``; ``WeightingError/lossNotFinite(sample:)``;
  ///   ``WeightingError/tooFew(what:found:needed:)`` for a sample of an unknown group.
  public mutating func beforeForward(_ trainer: Trainer, samples: inout [TrainingSample]) throws {
    guard trainer.epoch >= startEpoch, poolSize > 1 else { return }
    let step = generator.stream("step", trainer.step)
    var streams = samples.indices.map { step.stream("slot", $0) }
    let pools = try samples.enumerated().map { slot, sample in
      guard let positives = groups[sample.qid] else {
        throw WeightingError.tooFew(what: "positives of group '\(sample.qid)'", found: 0, needed: 1)
      }
      return Self.pool(positives, size: poolSize, using: &streams[slot])
    }
    // One list a slot, the pool first, then the negatives that all of the pool share.
    let lists = try zip(samples, pools).map { sample, pool in
      let negatives = sample.documents.filter { !$0.isPositive }
      guard !negatives.isEmpty else { throw WeightingError.noNegatives(sample: sample.id) }
      return TrainingSample.listwise(
        qid: sample.qid, documents: pool.map { LabelledDocument(docno: $0, label: 1, isPositive: true) } + negatives)
    }
    let scores = try trainer.scores(of: lists, model: model)
    for slot in samples.indices {
      let pool = pools[slot]
      let negatives = lists[slot].documents.dropFirst(pool.count)
      let candidates = pool.map { docno in
        TrainingSample.pairwise(
          qid: samples[slot].qid, positive: (docno, 1), negatives: negatives.map { ($0.docno, $0.label) })
      }
      let rows = pool.indices.flatMap { [scores[slot][$0]] + scores[slot].dropFirst(pool.count) }
      let input = try LossInput(scores: Tensor(rows, shape: [pool.count, 1 + negatives.count]), samples: candidates)
      let losses = try loss.perSample(input).doubles()
      for (value, sample) in zip(losses, candidates) where !value.isFinite {
        throw WeightingError.lossNotFinite(sample: sample.id)
      }
      let drawn = Self.draw(Self.probabilities(losses: losses, temperature: temperature), using: &streams[slot])
      for docno in Set(pool) { state.counts[samples[slot].qid, default: [:]][docno, default: Count()].offered += 1 }
      state.counts[samples[slot].qid, default: [:]][pool[drawn], default: Count()].chosen += 1
      samples[slot] = candidates[drawn]
    }
  }

  /// Without replacement, or with it where there are too few.
  private static func pool(_ positives: [String], size: Int, using stream: inout SeededGenerator) -> [String] {
    guard positives.count >= size else { return (0..<size).map { _ in positives[stream.integer(below: positives.count)] } }
    var positives = positives
    for place in 0..<size { positives.swapAt(place, place + stream.integer(below: positives.count - place)) }
    return Array(positives.prefix(size))
  }

  /// A position drawn with these probabilities.
  static func draw(_ probabilities: [Double], using stream: inout SeededGenerator) -> Int {
    var rest = stream.uniform()
    for (position, probability) in probabilities.enumerated() {
      rest -= probability
      if rest < 0 { return position }
    }
    return probabilities.count - 1
  }

  public var resumeState: State { state }

  public mutating func resume(from state: State) throws {
    guard state.settings == self.state.settings else {
      throw WeightingError.otherSettings(expected: self.state.settings, found: state.settings)
    }
    self.state = state
  }
}
