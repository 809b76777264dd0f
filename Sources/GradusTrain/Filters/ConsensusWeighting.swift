import GradusCore
import GradusTensor

/// A noise filter for training pairs: before each epoch all pairs are divided by ``ConfidentConsensusDivision``, and in the
/// epoch a pair that was called noisy weighs 0.
///
///     let filter = ConsensusWeighting(
///       pairs: sampler.everyPositive, views: [.model("ranker"), .run(bm25Statistics)], division: try .init(), seed: 7)
///     TrainingObjective(PairwiseCrossEntropyLoss(), weighting: filter)
///
/// A pair is a query with its positive document; its loss is that against the negatives of its sample in `pairs`, the same in
/// every epoch. Works with any scorer: a view is a model of the training, or the scores of a run. The first epochs of a model
/// that knows nothing divide at random: ``startEpoch`` lets it train on all pairs until then (not in the paper, which starts
/// from CLIP).
public struct ConsensusWeighting: SampleWeighting {
  /// Who says how likely a pair is clean.
  public enum View: Sendable {
    /// A model of the training.
    case model(String)
    /// Scores that do not change, such as a first stage's.
    case run(FirstStageStatistics)
  }

  /// What decides the weights of an epoch.
  public struct State: Codable, Sendable, Equatable {
    fileprivate let settings: String
    /// By pair, `qid docno`.
    public fileprivate(set) var weights: [String: Double]
    /// Mean over the views of the posterior of being clean, by pair: a ranked list of suspects.
    public fileprivate(set) var confidence: [String: Double]
    /// Share of pairs that weigh 0, and share about which the views disagreed, by epoch.
    public fileprivate(set) var noisyShare: [Double]
    public fileprivate(set) var uncertainShare: [Double]
  }

  public let division: ConfidentConsensusDivision
  public let startEpoch: Int
  private let pairs: [TrainingSample]
  private let views: [View]
  private let loss: any RankingLoss
  private let generator: SeededGenerator
  private var state: State

  /// - Parameters:
  ///   - pairs: Every training pair once, with the negatives that its loss is measured against.
  ///   - views: One or two.
  ///   - loss: Of a pair in a view.
  ///   - seed: Of the coins.
  /// - Throws: ``WeightingError/tooFew(what:found:needed:)``.
  public init(
    pairs: [TrainingSample], views: [View], loss: any RankingLoss = PairwiseCrossEntropyLoss(),
    division: ConfidentConsensusDivision, startEpoch: Int = 0, seed: UInt64
  ) throws(WeightingError) {
    guard pairs.count >= 4 else { throw .tooFew(what: "pairs to divide into clean and noisy", found: pairs.count, needed: 4) }
    guard !views.isEmpty else { throw .tooFew(what: "views to divide pairs by", found: 0, needed: 1) }
    self.pairs = pairs
    self.views = views
    self.loss = loss
    self.division = division
    self.startEpoch = try WeightingError.count("the first epoch of consensus division", startEpoch, least: 0)
    generator = SeededGenerator(seed: seed)
    let names = views.map { if case .model(let name) = $0 { name } else { "a run" } }
    let settings = "\(division) from \(startEpoch) of \(names) \(pairs.count) pairs \(seed) by \(type(of: loss))"
    state = State(settings: settings, weights: [:], confidence: [:], noisyShare: [], uncertainShare: [])
  }

  /// The name of a sample's pair.
  public static func key(_ sample: TrainingSample) -> String {
    "\(sample.qid) \(sample.documents.first(where: \.isPositive)?.docno ?? "")"
  }

  public var readsScores: Bool { false }

  public mutating func beforeEpoch(_ trainer: Trainer) throws {
    guard trainer.epoch >= startEpoch else { return }
    let losses = try views.map { view in
      switch view {
      case .model(let name): try pairLosses(try trainer.scores(of: pairs, model: name))
      case .run(let statistics):
        try pairLosses(try pairs.map { pair in
          try pair.documents.map { try statistics.score(qid: pair.qid, docno: $0.docno) }
        })
      }
    }
    let result = try division.divide(losses, coins: generator.stream("epoch", trainer.epoch))
    for (position, pair) in pairs.enumerated() {
      state.weights[Self.key(pair)] = result.weights[position]
      state.confidence[Self.key(pair)] = result.confidence(position)
    }
    state.noisyShare.append(Double(result.weights.count { $0 == 0 }) / Double(pairs.count))
    state.uncertainShare.append(Double(result.uncertain) / Double(pairs.count))
  }

  /// Losses one by one in blocks of equal length, so that pairs may have different numbers of negatives.
  private func pairLosses(_ scores: [[Double]]) throws -> [Double] {
    try zip(pairs, scores).map { pair, scores in
      try loss.perSample(LossInput(scores: Tensor(scores, shape: [1, scores.count]), samples: [pair])).item()
    }
  }

  /// - Throws: ``WeightingError/notDivided(sample:)``.
  public func weights(for input: WeightingInput) throws -> SampleWeights {
    guard !state.weights.isEmpty else { return SampleWeights(values: input.samples.map { _ in 1 }) }
    return SampleWeights(values: try input.samples.map { sample in
      guard let weight = state.weights[Self.key(sample)] else { throw WeightingError.notDivided(sample: sample.id) }
      return weight
    })
  }

  public var resumeState: State { state }

  public mutating func resume(from state: State) throws {
    guard state.settings == self.state.settings else {
      throw WeightingError.otherSettings(expected: self.state.settings, found: state.settings)
    }
    self.state = state
  }
}
