import GradusCore
import GradusEval
import GradusIndex
import GradusModels
import GradusRank
import GradusTensor
import GradusTrain

/// A ranker on frozen vectors, trained on query-document pairs of which some are easy near-duplicates and some are wrong: the
/// real-data test of ``LossReweighting`` and of ``ConsensusWeighting``.
///
/// Easy pairs are a document's own title with the document. Wrong pairs come from permuting the documents of a share of the
/// judged pairs among themselves. Negatives are drawn at random from the collection. Test queries re-rank BM25's candidates.
public enum NoisyPairsStudy: Study {
  public static let name = "noisy-pairs"
  public static let summary = "a ranker on frozen vectors, trained on pairs with easy duplicates and wrong documents"
  public static let items = "test queries"
  public static let settings = [
    StudySetting("data", .text, default: "faq", "collection"),
    StudySetting("model", .text, default: "minilm-l6", "encoder of the vectors"),
    StudySetting("positive-grade", .count(least: 1), default: "1", "lowest grade of a judged pair"),
    StudySetting("pairs", .count(least: 8), default: "100000", "most judged pairs that are trained on"),
    StudySetting("easy-share", .number(0...0.95), default: "0", "share of easy pairs among all"),
    StudySetting("wrong-share", .number(0...0.9), default: "0", "share of judged pairs whose document is wrong"),
    StudySetting("negatives", .count(least: 1), default: "15", "random negatives of a pair"),
    StudySetting("batch", .count(least: 2), default: "32", "pairs of a step"),
    StudySetting("epochs", .count(least: 1), default: "10", "epochs"),
    StudySetting("steps-per-epoch", .count(least: 1), default: "20", "steps of an epoch"),
    StudySetting("learning-rate", .number(1e-7...1), default: "3e-4", "of Adam"),
    StudySetting("weighting", .weighting, default: "none", "loss(...), or none"),
    StudySetting(
      "filter", .choice(["none", "consensus", "model", "first-stage", "oracle"]), default: "none",
      "who says which pairs are clean: model and BM25 together, one of them, or the truth"),
    StudySetting("filter-start", .count(least: 0), default: "2", "epochs on all pairs before the filter"),
    StudySetting("test-queries", .count(least: 2), default: "300", "most queries of test and development"),
    StudySetting("depth", .count(least: 2), default: "50", "BM25's candidates that are re-ranked"),
  ]
  static let filterNegatives = 8
  public static let measures = [
    StudyMeasure("nDCG@10"), StudyMeasure("nDCG@10 of the best epoch"),
  ]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let bench = try VectorBench(
      collection: settings["data"], model: settings["model"], titles: settings.number("easy-share") > 0, home: context.home)
    let generator = SeededGenerator(seed: seed)
    let pairs = try NoisyPairs(bench, settings, generator: generator)
    let ranker = VectorRanker(queries: bench.queries, documents: bench.documents)
    let sampler = try PairListSampler(
      pairs: pairs.all, catalogue: bench.docnos, excluded: bench.relevant, negatives: settings.count("negatives"), seed: seed)
    let filter = FilterRecorder(wrong: pairs.wrong)
    let weighting = try weighting(settings, bench, pairs, sampler, recorder: filter, seed: seed)
    let training = try VectorRankerTraining(
      bench, settings, models: [settings.trained(ranker)], sampler: sampler,
      objectives: [TrainingObjective(PairwiseCrossEntropyLoss(), weighting: weighting)], seed: seed)

    var curves = training.curves
    for (name, value) in [
      ("effective samples, share of all", \WeightingStatistics.effectiveShare),
      ("mean weight W", \WeightingStatistics.meanWeight),
    ] {
      var curve = StudyCurve(name, xLabel: "epoch")
      for record in training.history {
        if let statistics = record.objectives[0].weighting, let y = statistics[keyPath: value] {
          curve.append(Double(record.epoch + 1), y)
        }
      }
      if !curve.x.isEmpty { curves.append(curve) }
    }
    curves += filter.curves
    return StudyOutcome(
      items: training.items,
      values: [measures[0].name: training.valuesOfLastEpoch, measures[1].name: training.valuesOfBestEpoch],
      development: training.development, curves: curves)
  }

  private static func weighting(
    _ settings: StudySettings, _ bench: VectorBench, _ pairs: NoisyPairs, _ sampler: PairListSampler,
    recorder: FilterRecorder, seed: UInt64
  ) throws -> (any SampleWeighting)? {
    var factors: [any SampleWeighting] = []
    for specification in try WeightingNames.parse(settings["weighting"]) {
      guard case .loss(let weighting) = specification else {
        let expected = "none or loss(...); see the setting filter"
        throw SettingError.value(setting: "weighting", found: settings["weighting"], expected: expected)
      }
      factors.append(weighting)
    }
    func firstStage() throws -> ConsensusWeighting.View {
      .run(try bench.firstStageScores(of: sampler.everyPair(negatives: filterNegatives, seed: seed)))
    }
    var views: [ConsensusWeighting.View] = []
    switch settings["filter"] {
    case "oracle": factors.append(TruthWeighting(wrong: pairs.wrong))
    case "consensus": views = [.model("ranker"), try firstStage()]
    case "model": views = [.model("ranker")]
    case "first-stage": views = [try firstStage()]
    default: break
    }
    if !views.isEmpty {
      let isHeavy = settings.number("wrong-share") > 0.4
      let filter = try ConsensusWeighting(
        pairs: sampler.everyPair(negatives: filterNegatives, seed: seed), views: views,
        division: try ConfidentConsensusDivision(mixture: isHeavy ? .heavy : .moderate),
        startEpoch: settings.count("filter-start"), seed: seed)
      factors.append(RecordedFilter(base: filter, recorder: recorder))
    }
    return factors.count > 1 ? try ProductWeighting(factors, renormalization: .mean(1)) : factors.first
  }
}

/// The clean-only bound: wrong pairs weigh 0.
private struct TruthWeighting: SampleWeighting {
  let wrong: Set<String>

  var readsScores: Bool { false }

  func weights(for input: WeightingInput) -> SampleWeights {
    SampleWeights(values: input.samples.map { wrong.contains(ConsensusWeighting.key($0)) ? 0 : 1 })
  }
}

/// Compares what a filter says with the truth, epoch by epoch.
private final class FilterRecorder: @unchecked Sendable {
  // Touched by the one thread that trains alone.
  let wrong: Set<String>
  private var recall = StudyCurve("wrong pairs that were called noisy, share", xLabel: "epoch")
  private var kept = StudyCurve("right pairs that were kept, share", xLabel: "epoch")

  init(wrong: Set<String>) { self.wrong = wrong }

  var curves: [StudyCurve] { recall.x.isEmpty ? [] : [recall, kept] }

  func record(_ weights: [String: Double], epoch: Int) {
    let noisy = weights.filter { $0.value < 0.5 }.keys
    let caught = noisy.count { wrong.contains($0) }
    recall.append(Double(epoch + 1), wrong.isEmpty ? 1 : Double(caught) / Double(wrong.count))
    let right = weights.count - wrong.count
    kept.append(Double(epoch + 1), right == 0 ? 1 : 1 - Double(noisy.count - caught) / Double(right))
  }
}

private struct RecordedFilter: SampleWeighting {
  var base: ConsensusWeighting
  let recorder: FilterRecorder

  var readsScores: Bool { base.readsScores }

  mutating func beforeEpoch(_ trainer: Trainer) throws {
    try base.beforeEpoch(trainer)
    if trainer.epoch >= base.startEpoch { recorder.record(base.resumeState.weights, epoch: trainer.epoch) }
  }

  func weights(for input: WeightingInput) throws -> SampleWeights { try base.weights(for: input) }

  var resumeState: ConsensusWeighting.State { base.resumeState }
  mutating func resume(from state: ConsensusWeighting.State) throws { try base.resume(from: state) }
}

extension VectorBench {
  /// BM25's scores of the documents of training samples; 0 where a query and a document share no term.
  func firstStageScores(of samples: [TrainingSample]) throws -> FirstStageStatistics {
    var byQuery: [String: Set<String>] = [:]
    for sample in samples { byQuery[sample.qid, default: []].formUnion(sample.documents.map(\.docno)) }
    let qids = byQuery.keys.sorted()
    let queries = try qids.map { qid -> Query in
      guard qid.hasPrefix("title:") else { return try data.query(qid) }
      return Query(qid: qid, text: try data.document(String(qid.dropFirst("title:".count))).title)
    }
    let found = try LexicalRetriever(index: data.index, model: BM25()).retrieve(queries, depth: docnos.count)
    let run = Run(name: "bm25", rankings: zip(qids, found).map { qid, ranking in
      let scores = Dictionary(ranking.documents.map { ($0.docno, $0.score) }, uniquingKeysWith: { first, _ in first })
      return Ranking(qid: qid, documents: (byQuery[qid] ?? []).sorted().map {
        ScoredDocument(docno: $0, score: scores[$0] ?? 0)
      })
    })
    return try FirstStageStatistics(run: run)
  }
}
