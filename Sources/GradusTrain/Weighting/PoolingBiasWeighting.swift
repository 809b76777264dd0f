#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Weighs a pair by how surely its negative was looked at by the annotators, which another model judges: one half of the
/// coupled estimation of relevance and selection (Cai et al., "Hard Negatives or False Negatives", CIKM 2022).
///
///     weight = 1 / (1 - sigmoid(s / temperature)) = 1 + exp(s / temperature),   s = other model's score of the negative
///
/// An unlabelled document that was surely selected for annotation and not marked is a true negative and weighs much; one
/// that was hardly selected may be an unlabelled positive and weighs about 1. The selection model is trained alike, with
/// weights from the relevance model: a very relevant unlabelled document cannot have been selected.
///
///     let relevance = TrainingObjective(
///       PairwiseCrossEntropyLoss(), name: "relevance", model: "ranker", weighting: try PoolingBiasWeighting(of: "selection"))
///     let selection = TrainingObjective(
///       PairwiseCrossEntropyLoss(), name: "selection", model: "selection", weighting: try PoolingBiasWeighting(of: "ranker"))
///
/// The other model scores in inference mode and before the step's update. Of several negatives the mean of their weights
/// counts. Weights are above 1 throughout (2 on average for scores around 0): compare with a baseline of the same step size,
/// or set ``isNormalized``. Two models that start alike and see the same data stay alike: give them different seeds.
public struct PoolingBiasWeighting: SampleWeighting, Equatable {
  /// The model that judges the negatives.
  public let model: String
  /// t. 10 in the released script, since the scores' scale grows in training and small values make weights explode.
  public let temperature: Double
  /// Weights are cut here; nil for no limit, as in the paper.
  public let maximumWeight: Double?
  /// Divides the weights by their mean in the batch. Not in the paper.
  public let isNormalized: Bool

  /// - Throws: ``WeightingError/parameter(name:found:expected:)``.
  public init(
    of model: String, temperature: Double = 10, maximumWeight: Double? = nil, isNormalized: Bool = false
  ) throws(WeightingError) {
    self.model = model
    self.temperature = try WeightingError.positive("the temperature of coupled estimation", temperature)
    if let maximumWeight, !(maximumWeight >= 1) {
      throw .parameter(name: "the largest weight of coupled estimation", found: maximumWeight, expected: "at least 1")
    }
    self.maximumWeight = maximumWeight
    self.isNormalized = isNormalized
  }

  public var readsScores: Bool { false }
  public var readsModels: [String] { [model] }

  /// The weight of a negative with this score.
  public func weight(score: Double) -> Double { min(1 + exp(score / temperature), maximumWeight ?? .infinity) }

  /// - Throws: ``WeightingError/noNegatives(sample:)``, ``WeightingError/scoreNotFinite(model:sample:)``.
  public func weights(for input: WeightingInput) throws -> SampleWeights {
    let scores = input.modelScores[model] ?? []
    var values = try zip(input.samples, scores).map { sample, scores in
      let negatives = zip(sample.documents, scores).filter { !$0.0.isPositive }.map(\.1)
      guard !negatives.isEmpty else { throw WeightingError.noNegatives(sample: sample.id) }
      guard negatives.allSatisfy(\.isFinite) else { throw WeightingError.scoreNotFinite(model: model, sample: sample.id) }
      return negatives.reduce(0) { $0 + weight(score: $1) } / Double(negatives.count)
    }
    if isNormalized {
      let mean = values.reduce(0, +) / Double(max(1, values.count))
      values = values.map { $0 / mean }
    }
    return SampleWeights(values: values)
  }

  public var resumeState: WeightingSettings {
    WeightingSettings(
      "pooling bias of \(model) \(temperature) \(maximumWeight.map { "\($0)" } ?? "unlimited") \(isNormalized)")
  }

  public func resume(from state: WeightingSettings) throws { try resumeState.check(state) }
}

/// Relevance and selection, each weighing the other's negatives: the two objectives of a coupled estimation.
///
///     let coupled = try CoupledEstimation(relevance: "ranker", selection: "selection", temperature: 10)
///     let trainer = try Trainer(models: [ranker, selection], ..., objectives: coupled.objectives(PairwiseCrossEntropyLoss()))
///
/// Only the relevance model ranks. The selection model doubles as a detector: negatives with high relevance and low selection
/// are worth a second look.
public struct CoupledEstimation: Sendable, Equatable {
  public let relevance: String
  public let selection: String
  /// Of the relevance model's samples, by the selection model; and the other way round.
  public let relevanceWeighting: PoolingBiasWeighting
  public let selectionWeighting: PoolingBiasWeighting

  /// - Throws: ``WeightingError/readsItself(model:)`` for one model in both parts;
  ///   ``WeightingError/parameter(name:found:expected:)``.
  public init(
    relevance: String = "ranker", selection: String = "selection", temperature: Double = 10, maximumWeight: Double? = nil,
    isNormalized: Bool = false
  ) throws(WeightingError) {
    guard relevance != selection else { throw .readsItself(model: relevance) }
    self.relevance = relevance
    self.selection = selection
    relevanceWeighting = try PoolingBiasWeighting(
      of: selection, temperature: temperature, maximumWeight: maximumWeight, isNormalized: isNormalized)
    selectionWeighting = try PoolingBiasWeighting(
      of: relevance, temperature: temperature, maximumWeight: maximumWeight, isNormalized: isNormalized)
  }

  /// The objectives for a trainer that has both models.
  public func objectives(_ loss: any RankingLoss) -> [TrainingObjective] {
    [
      TrainingObjective(loss, name: "relevance", model: relevance, weighting: relevanceWeighting),
      TrainingObjective(loss, name: "selection", model: selection, weighting: selectionWeighting),
    ]
  }
}
