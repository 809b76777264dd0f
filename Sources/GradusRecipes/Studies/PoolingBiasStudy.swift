import GradusCore
import GradusEval
import GradusIndex
import GradusModels
import GradusTensor
import GradusTrain

/// A ranker on frozen vectors, trained with hard negatives of which a known part is relevant: the test of
/// ``CoupledEstimation``.
///
/// Of each training query only the relevant document that BM25 ranks best keeps its label (`labels: best`), or those that a pool
/// of BM25's best documents holds (`labels: pool`, annotation as the method's model of it has it); the others are hidden among
/// the unlabelled. Negatives are drawn from the documents that the encoder ranks best for the query, or BM25. The selection model
/// is one of the ranker's kind, or a linear one of what BM25 says. Test queries have all their judgements.
public enum PoolingBiasStudy: Study {
  public static let name = "pooling-bias"
  public static let summary = "a ranker on frozen vectors with hidden relevant documents among its hard negatives"
  public static let items = "test queries"
  public static let settings = [
    StudySetting("data", .text, default: "nfcorpus", "collection with several relevant documents a query"),
    StudySetting("model", .text, default: "minilm-l6", "encoder of the vectors"),
    StudySetting(
      "method", .choice(["plain", "coupled", "propensity", "oracle"]), default: "plain",
      "weights of the negatives; oracle leaves hidden relevant documents out"),
    StudySetting("labels", .choice(["best", "pool"]), default: "best", "which relevant documents have been annotated"),
    StudySetting("pool-depth", .count(least: 1), default: "10", "BM25's documents that annotators saw, for labels: pool"),
    StudySetting("selection", .choice(["vectors", "first-stage"]), default: "vectors", "what the selection model reads"),
    StudySetting("selection-rate", .number(1e-7...1), default: "3e-4", "learning rate of the selection model"),
    StudySetting("temperature", .number(0.01...1e6), default: "10", "of the weights, t"),
    StudySetting(
      "scale", .choice(["equal", "paper"]), default: "equal", "weights divided by their batch mean, or as in the paper"),
    StudySetting("retriever", .choice(["encoder", "bm25"]), default: "encoder", "who supplies the negatives"),
    StudySetting("top", .count(least: 2), default: "20", "documents of the retriever that negatives are drawn from"),
    StudySetting("batch", .count(least: 2), default: "32", "triples of a step"),
    StudySetting("epochs", .count(least: 1), default: "10", "epochs"),
    StudySetting("steps-per-epoch", .count(least: 1), default: "20", "steps of an epoch"),
    StudySetting("learning-rate", .number(1e-7...1), default: "3e-4", "of Adam"),
    StudySetting("queries", .count(least: 2), default: "100000", "most training queries"),
    StudySetting("test-queries", .count(least: 2), default: "323", "most queries of test and development"),
    StudySetting("depth", .count(least: 2), default: "50", "BM25's candidates that are re-ranked"),
  ]
  public static let measures = [StudyMeasure("nDCG@10")]
  public static let version = 2

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let (training, weights) = try train(settings, seed: seed, context: context)
    return StudyOutcome(
      items: training.items, values: [measures[0].name: training.valuesOfBestEpoch], development: training.development,
      curves: training.curves + weights.curves)
  }

  static func train(
    _ settings: StudySettings, seed: UInt64, context: StudyContext
  ) throws -> (training: VectorRankerTraining, weights: WeightRecorder) {
    let bench = try VectorBench(collection: settings["data"], model: settings["model"], home: context.home)
    let pool = try BiasedPool(bench, settings, seed: seed)
    let ranker = VectorRanker(queries: bench.queries, documents: bench.documents)
    var models = [settings.trained(ranker)]
    let loss = PairwiseCrossEntropyLoss()
    var objectives = [TrainingObjective(loss)]
    let coupled = try CoupledEstimation(
      temperature: settings.number("temperature"), isNormalized: settings["scale"] == "equal")
    switch settings["method"] {
    case "coupled":
      let selection: any PairScorer = settings["selection"] == "vectors"
        ? VectorRanker(queries: bench.queries, documents: bench.documents) : FirstStageScorer(statistics: pool.bm25)
      models.append(settings.trained(selection, name: coupled.selection, rate: "selection-rate"))
      objectives = coupled.objectives(loss)
    case "propensity":
      let weighting = try InversePropensityWeighting(
        statistics: pool.bm25, temperature: settings.number("temperature"), missingRank: bench.docnos.count)
      objectives = [
        TrainingObjective(
          loss,
          weighting: settings["scale"] == "equal" ? try ProductWeighting([weighting], renormalization: .mean(1)) : weighting)
      ]
    default: break
    }
    let weights = WeightRecorder(pool: pool, coupled: settings["method"] == "coupled" ? coupled : nil)
    let training = try VectorRankerTraining(
      bench, settings, models: models, sampler: pool.sampler(seed: seed), objectives: objectives, hooks: [weights], seed: seed)
    return (training, weights)
  }
}

/// Whether the weights of ``CoupledEstimation`` find the relevant documents that hide among the negatives, on the training
/// queries of ``PoolingBiasStudy``.
public enum HiddenPositivesStudy: Study {
  public static let name = "hidden-positives"
  public static let summary = "weights of hidden relevant documents against those of true negatives, query by query"
  public static let items = "training queries"
  public static let settings = PoolingBiasStudy.settings
  public static let version = PoolingBiasStudy.version
  /// Probability that a true negative weighs more than a hidden positive of its query; 0.5 where all weigh the same.
  public static let measures = [StudyMeasure("true negatives outweigh hidden positives")]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let weights = try PoolingBiasStudy.train(settings, seed: seed, context: context).weights
    return StudyOutcome(items: weights.qids, values: [measures[0].name: weights.perQuery], curves: weights.curves)
  }
}

/// Training queries with their labelled documents and negatives of which some are relevant.
struct BiasedPool: Sendable {
  struct Entry: Sendable {
    let qid: String
    let positives: [String]
    /// The retriever's best, the labelled ones left out.
    let negatives: [String]
    /// Relevant ones among the negatives.
    let hidden: Set<String>
  }

  let entries: [Entry]
  let bm25: FirstStageStatistics

  init(_ bench: VectorBench, _ settings: StudySettings, seed: UInt64) throws {
    var stream = SeededGenerator(seed: seed).stream("training queries")
    let top = settings.count("top")
    let run = try bench.data.run(bench.data.train, model: BM25(), depth: 1000)
    bm25 = try FirstStageStatistics(run: run)
    let order = stream.permutation(run.rankings.count)
    let isOracle = settings["method"] == "oracle"
    let untrained = VectorRanker(queries: bench.queries, documents: bench.documents)
    let mostLabels = settings["labels"] == "pool" ? settings.count("pool-depth") : 1
    let nearest = settings["retriever"] == "bm25" ? [] : try untrained.nearest(run.qids, count: top + mostLabels)
    var entries: [Entry] = []
    for position in order where entries.count < settings.count("queries") {
      let ranking = run.rankings[position]
      let relevant = Set(bench.data.train.relevant(qid: ranking.qid))
      let found = ranking.documents.map(\.docno).filter { relevant.contains($0) }
      let seen = Set(ranking.documents.prefix(mostLabels).map(\.docno))
      let positives = settings["labels"] == "pool" ? found.filter { seen.contains($0) } : Array(found.prefix(1))
      guard !positives.isEmpty else { continue }
      let best: [String]
      if settings["retriever"] == "bm25" {
        best = ranking.documents.prefix(top + mostLabels).map(\.docno)
      } else {
        best = nearest[position]
      }
      let others = best.filter { !positives.contains($0) }.prefix(top)
      let negatives = isOracle ? others.filter { !relevant.contains($0) } : Array(others)
      guard !negatives.isEmpty else { continue }
      entries.append(
        Entry(qid: ranking.qid, positives: positives, negatives: negatives, hidden: relevant.intersection(negatives)))
    }
    guard entries.count >= 2 else {
      throw StudyError.missingData(
        study: PoolingBiasStudy.name, what: "training queries with a relevant document that BM25 finds",
        searched: [settings["data"]])
    }
    self.entries = entries
  }

  func sampler(seed: UInt64) -> some TrainingSampler { BiasedPoolSampler(entries: entries, seed: seed) }
}

/// One of a query's negatives a time, queries in rounds.
private struct BiasedPoolSampler: TrainingSampler {
  let entries: [BiasedPool.Entry]
  let generator: SeededGenerator
  private var drawn = 0

  init(entries: [BiasedPool.Entry], seed: UInt64) {
    self.entries = entries
    generator = SeededGenerator(seed: seed)
  }

  var samplesPerPass: Int? { entries.count }

  mutating func next() -> TrainingSample {
    var stream = generator.stream("draw", drawn)
    drawn += 1
    let entry = entries[stream.integer(below: entries.count)]
    let negative = entry.negatives[stream.integer(below: entry.negatives.count)]
    let positive = entry.positives[stream.integer(below: entry.positives.count)]
    return .pairwise(qid: entry.qid, positive: positive, negatives: [negative])
  }

  var resumeState: Int { drawn }
  mutating func resume(from state: Int) { drawn = state }
}

/// What the weights say about hidden positives and true negatives after each epoch.
final class WeightRecorder: TrainerHook {
  private let coupled: CoupledEstimation?
  private let entries: [BiasedPool.Entry]
  private var hiddenCurve = StudyCurve("mean weight of hidden positives", xLabel: "epoch")
  private var trueCurve = StudyCurve("mean weight of true negatives", xLabel: "epoch")
  /// Probability that a true negative weighs more than a hidden positive, after the last epoch.
  private(set) var perQuery: [Double]

  static let most = 500

  /// - Parameter coupled: Nil where all negatives weigh the same.
  init(pool: BiasedPool, coupled: CoupledEstimation?) {
    self.coupled = coupled
    // The same queries for every seed, taken evenly.
    let both = pool.entries.filter { !$0.hidden.isEmpty && $0.hidden.count < $0.negatives.count }.sorted { $0.qid < $1.qid }
    let count = min(Self.most, both.count)
    let entries = (0..<count).map { both[$0 * both.count / count] }
    self.entries = entries
    perQuery = entries.map { _ in 0.5 }
  }

  var qids: [String] { entries.map(\.qid) }
  var curves: [StudyCurve] { hiddenCurve.x.isEmpty ? [] : [hiddenCurve, trueCurve] }

  func afterEpoch(_ trainer: Trainer, record: EpochRecord) throws {
    guard let coupled, !entries.isEmpty else { return }
    let lists = entries.map { TrainingSample.pairwise(qid: $0.qid, positive: $0.positives[0], negatives: $0.negatives) }
    let scores = try trainer.scores(of: lists, model: coupled.selection)
    var hidden: [Double] = []
    var others: [Double] = []
    perQuery = []
    for (entry, scores) in zip(entries, scores) {
      let weights = scores.dropFirst().map { coupled.relevanceWeighting.weight(score: $0) }
      let own = zip(entry.negatives, weights)
      let hiddenOnes = own.filter { entry.hidden.contains($0.0) }.map(\.1)
      let trueOnes = own.filter { !entry.hidden.contains($0.0) }.map(\.1)
      hidden += hiddenOnes
      others += trueOnes
      perQuery.append(areaUnderCurve(positives: trueOnes, negatives: hiddenOnes))
    }
    hiddenCurve.append(Double(record.epoch + 1), hidden.mean)
    trueCurve.append(Double(record.epoch + 1), others.mean)
  }
}
