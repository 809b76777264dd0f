import GradusCore
import GradusEval
import GradusIndex
import GradusModels
import GradusTensor
import GradusTrain

/// A ranker on frozen vectors, trained with any loss on lists of BM25's candidates, of which some have a wrong label.
///
/// A list is a training query's best candidates. In a share of the queries the relevant candidates lose their labels, and as many
/// others, drawn at random, get them. Queries of development and test keep theirs; development chooses the epoch. The ranker's
/// score is `scale` times the cosine.
public enum ListRankingStudy: Study {
  public static let name = "list-ranking"
  public static let summary = "a ranker on frozen vectors, trained with any loss on lists of candidates"
  public static let items = "test queries"
  public static let settings = [
    StudySetting("data", .text, default: "scifact", "collection"),
    StudySetting("model", .text, default: "minilm-l6", "encoder of the vectors"),
    StudySetting("loss", .loss(overScores: true), default: "softmax-cross-entropy", "over the scores of a list"),
    StudySetting("scale", .number(1e-3...1e3), default: "20", "of the cosine, the inverse of a temperature"),
    StudySetting("wrong-share", .number(0...0.95), default: "0", "share of training queries with wrong labels"),
    StudySetting("list-size", .count(least: 2), default: "20", "candidates of a list"),
    StudySetting("batch", .count(least: 1), default: "16", "lists of a step"),
    StudySetting("epochs", .count(least: 1), default: "10", "epochs"),
    StudySetting("steps-per-epoch", .count(least: 1), default: "15", "steps of an epoch"),
    StudySetting("learning-rate", .number(1e-7...1), default: "3e-4", "of Adam"),
    StudySetting("test-queries", .count(least: 2), default: "323", "most queries of test and development"),
    StudySetting("depth", .count(least: 2), default: "50", "BM25's candidates that are re-ranked"),
  ]
  public static let measures = [StudyMeasure("nDCG@10"), StudyMeasure("nDCG@10 after the last epoch")]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let bench = try VectorBench(collection: settings["data"], model: settings["model"], home: context.home)
    let candidates = try bench.data.run(bench.data.train, model: BM25(), depth: settings.count("list-size"))
    let (labels, wrong) = noisy(
      bench.data.train, candidates: candidates, share: settings.number("wrong-share"), generator: SeededGenerator(seed: seed))
    let sampler = try ListwiseSampler(
      run: candidates, qrels: labels, size: settings.count("list-size"), labels: .grade, seed: seed)
    let ranker = VectorRanker(queries: bench.queries, documents: bench.documents, scale: settings.number("scale"))
    let temperatures = TemperatureRecorder(wrong: wrong)
    let training = try VectorRankerTraining(
      bench, settings, models: [settings.trained(ranker)], sampler: sampler,
      objectives: [TrainingObjective(try LossNames.loss(settings["loss"]))], hooks: [temperatures], seed: seed)
    return StudyOutcome(
      items: training.items,
      values: [measures[0].name: training.valuesOfBestEpoch, measures[1].name: training.valuesOfLastEpoch],
      development: training.development, curves: training.curves + temperatures.curves)
  }

  /// Labels of which a share of the queries' are wrong, the same ones for every arm, and the queries that these are of.
  static func noisy(
    _ qrels: Qrels, candidates: Run, share: Double, generator: SeededGenerator
  ) -> (labels: Qrels, wrong: Set<String>) {
    var labels = Qrels()
    var wrong: Set<String> = []
    for (number, ranking) in candidates.rankings.enumerated() {
      var stream = generator.stream("wrong labels", number)
      let isWrong = stream.uniform() < share
      let relevant = ranking.documents.map(\.docno).filter { (qrels.grade(qid: ranking.qid, docno: $0) ?? 0) > 0 }
      let others = ranking.documents.map(\.docno).filter { (qrels.grade(qid: ranking.qid, docno: $0) ?? 0) <= 0 }
      guard isWrong, !relevant.isEmpty, !others.isEmpty else {
        for (docno, grade) in qrels[ranking.qid] { labels.judge(qid: ranking.qid, docno: docno, grade: grade) }
        continue
      }
      wrong.insert(ranking.qid)
      let chosen = stream.permutation(others.count).prefix(relevant.count).map { others[$0] }
      for (docno, old) in zip(chosen, relevant) {
        labels.judge(qid: ranking.qid, docno: docno, grade: qrels.grade(qid: ranking.qid, docno: old) ?? 1)
      }
    }
    return (labels, wrong)
  }
}

/// The temperatures that an adaptive loss has come to, of lists with right and with wrong labels, as a share of where they began.
private final class TemperatureRecorder: TrainerHook {
  private let wrong: Set<String>
  private var all = [
    StudyCurve("mean temperature of right labels", xLabel: "epoch"),
    StudyCurve("mean temperature of wrong labels", xLabel: "epoch"),
  ]

  init(wrong: Set<String>) { self.wrong = wrong }

  var curves: [StudyCurve] { all.filter { !$0.x.isEmpty } }

  func afterEpoch(_ trainer: Trainer, record: EpochRecord) {
    guard let loss = trainer.memory(of: 0) as? ALDRKLLoss else { return }
    for (curve, isWrong) in [(0, false), (1, true)] {
      let own = loss.lambdas.filter { wrong.contains(String($0.key.text.prefix { $0 != " " })) == isWrong }
      // In the order of names: a sum of numbers depends on their order.
      let values = own.sorted { $0.key < $1.key }.map { $0.value / loss.lambda0 }
      if !values.isEmpty { all[curve].append(Double(record.epoch + 1), values.mean) }
    }
  }
}
