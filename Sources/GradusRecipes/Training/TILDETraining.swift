import GradusCore
import GradusData
import GradusIndex
import GradusModels
import GradusRank
import GradusTensor
import GradusTrain

/// The training of a TILDEv2 on a collection's judgements, with the expander that it needs.
///
///     var training = TILDETraining(base: ModelFolder(path: "models/splade-tiny"))
///     training.expansionCount = 100
///     let model = try training.train(on: try TrainingData(try CollectionCatalog().locate("scifact")), seed: 1)
///
/// Of each query one relevant document and some of BM25's others are scored with all documents of the step, and the query's own
/// is the class (Zhuang and Zuccon, 2021). The paper's settings are for MS MARCO: 8 passages a query, 8 queries a step, 5 epochs
/// at 5e-6. The defaults here are for a small model and some hundred queries.
public struct TILDETraining: Sendable {
  public var base: ModelFolder
  /// Entries of the vocabulary whose new ones are added to passages; 0 for passages as they are.
  public var expansionCount = 100
  public var reading = TILDE.Reading.largest
  /// Rounds over the relevant pairs in which the first position learns to predict the other text, where it is what is read.
  public var likelihoodEpochs = 10
  public var likelihoodLearningRate = 3e-4
  public var epochs = 5
  /// Queries of a step.
  public var batch = 8
  /// Documents of a query that are not relevant.
  public var negatives = 3
  /// BM25's documents that these are drawn from.
  public var depth = 100
  public var learningRate = 2e-4
  public var headLearningRate = 1e-3
  public var maximumPassageTokens = 192
  /// Most training queries; nil for all.
  public var queries: Int?
  public var showsProgress: Bool?

  public init(base: ModelFolder) { self.base = base }

  /// - Throws: What loading, sampling and training throw.
  public func train(on data: TrainingData, seed: UInt64) throws -> TILDEv2 {
    let qrels = TrainingData.evenly(data.train, queries)
    let expansion = expansionCount == 0 ? nil : TILDEv2.Expansion(
      expander: try expander(data, qrels, seed: seed), count: expansionCount)
    let model = try TILDEv2(
      encoder: try BertEncoder(folder: base), tokenizer: try base.tokenizer(), expansion: expansion,
      maximumPassageTokens: maximumPassageTokens, seed: seed)
    let run = try data.run(qrels, model: BM25(), depth: depth)
    let sampler = try PairwiseSampler(run: run, qrels: qrels, negatives: negatives, seed: seed)
    let groups = [
      ParameterGroup("encoder", parameters: model.encoder.parameters, learningRate: learningRate),
      ParameterGroup("head", parameters: model.headParameters, learningRate: headLearningRate),
    ]
    try fit(
      model, groups, sampler, data, TrainingObjective(try InfoNCELoss(temperature: 1, similarity: .dot), qrels: qrels),
      epochs: epochs, seed: seed)
    return model
  }

  private func expander(_ data: TrainingData, _ qrels: Qrels, seed: UInt64) throws -> TILDE {
    let tilde = try TILDE(folder: base, reading: reading, maximumPassageTokens: TILDEv2.textTokens(of: maximumPassageTokens))
    guard reading == .first, likelihoodEpochs > 0 else { return tilde }
    let loss = BidirectionalQueryLikelihoodLoss(vocabulary: tilde.dimension, stops: tilde.stops.matching)
    try fit(
      tilde, [ParameterGroup(parameters: tilde.parameters, learningRate: likelihoodLearningRate)],
      try PositiveSampler(qrels: qrels, seed: seed), data, loss.objective(of: tilde, texts: data), epochs: likelihoodEpochs,
      seed: seed)
    return tilde
  }

  /// Warms up over a tenth of the steps and then falls to 0; the last weights stay.
  private func fit(
    _ scorer: some EmbeddingScorer, _ groups: [ParameterGroup], _ sampler: some TrainingSampler, _ data: TrainingData,
    _ objective: TrainingObjective, epochs: Int, seed: UInt64
  ) throws {
    let samples = sampler.samplesPerPass ?? 1
    let steps = epochs * ((samples + batch - 1) / batch)
    var options = TrainerOptions(seed: seed)
    options.batchSize = batch
    options.epochLength = .passes(1)
    options.maxEpochs = epochs
    options.showsProgress = showsProgress
    let trainer = try Trainer(
      models: [
        TrainedModel(
          scorer, optimizer: AdamW(groups: groups),
          schedule: LinearWarmupDecay(warmupSteps: steps / 10, totalSteps: steps), gradientClipping: 1)
      ],
      sampler: sampler, texts: data, objectives: [objective], options: options)
    _ = try trainer.train()
  }
}
