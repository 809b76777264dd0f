import GradusCore
import GradusModels
import GradusTensor
import GradusTrain

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Learning to rank sets of feature vectors with tied grades: the real-data test of ``SetToSequenceRanker`` and
/// ``OrderSearch``, on the ranking example of LightGBM (folder `ltr-lightgbm` of the data folders).
///
/// A set is at most `candidates` rows of a query, drawn anew each time in training. In testing a query's rows come in the order
/// of the file, in the reverse or shuffled; a ranker of sets does not care.
public enum SetRankingStudy: Study {
  public static let name = "set-ranking"
  public static let summary = "a set-to-sequence model on feature vectors with tied grades"
  public static let items = "test queries"
  public static let settings = [
    StudySetting("reader", .choice(SetToSequenceRanker.Reader.allCases.map(\.rawValue)), default: "set", "set or sequence"),
    StudySetting("search", .choice(OrderSearch.Mode.allCases.map(\.rawValue)), default: "sample", "over orders of equal grades"),
    StudySetting("warmup", .count(least: 0), default: "100", "steps of random orders before a search"),
    StudySetting("test-order", .choice(["file", "reversed", "shuffled"]), default: "file", "in which test candidates come"),
    StudySetting("train-order", .choice(["file", "shuffled"]), default: "shuffled", "in which training candidates come"),
    StudySetting("candidates", .count(least: 2), default: "10", "rows of a training set, at most"),
    StudySetting("width", .count(least: 1), default: "64", "of memory and states"),
    StudySetting("process-steps", .count(least: 0), default: "3", "P"),
    StudySetting("glimpses", .count(least: 0), default: "1", "attention reads before each pointing"),
    StudySetting("batch", .count(least: 1), default: "32", "sets of a step"),
    StudySetting("iterations", .count(least: 1), default: "600", "steps of Adam"),
    StudySetting("learning-rate", .number(1e-6...1), default: "0.001", "of Adam"),
  ]
  public static let measures = [
    StudyMeasure("nDCG@10"), StudyMeasure("change of nDCG@10 when candidates are shuffled", isLowerBetter: true),
    StudyMeasure("-log p of the written order", isLowerBetter: true),
  ]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let data = try FeatureSets(context.home)
    var options = SetToSequenceRanker.Options()
    options.reader = SetToSequenceRanker.Reader(rawValue: settings["reader"]) ?? .set
    options.width = settings.count("width")
    options.processSteps = settings.count("process-steps")
    options.glimpses = settings.count("glimpses")
    let ranker = SetToSequenceRanker(inputs: data.inputs, options: options, seed: seed)
    let search = try OrderSearch(
      mode: OrderSearch.Mode(rawValue: settings["search"]) ?? .sample, warmupSteps: settings.count("warmup"))
    let generator = SeededGenerator(seed: seed)
    let trainer = SetTrainer(ranker, learningRate: settings.number("learning-rate"), steps: settings.count("iterations"))
    let sets = data.training.filter { Set($0.map(\.grade)).count > 1 }
    var curve = StudyCurve("training loss: -log p of the written order", xLabel: "step")
    var sum = 0.0
    let every = max(1, settings.count("iterations") / 15)
    var orders = generator.stream("orders")
    for step in 0..<settings.count("iterations") {
      var stream = generator.stream("batch", step)
      let batch = (0..<settings.count("batch")).map { _ -> [FeatureSets.Row] in
        let rows = sets[stream.integer(below: sets.count)]
        let chosen = stream.permutation(rows.count).prefix(settings.count("candidates"))
        return (settings["train-order"] == "file" ? chosen.sorted() : Array(chosen)).map { rows[$0] }
      }
      sum += try trainer.step(step) {
        try search.losses(
          ranker, data.tensor(batch), grades: batch.map { $0.map(\.grade) }, step: step, using: &orders).mean()
      }
      if (step + 1) % every == 0 {
        curve.append(Double(step + 1), sum / Double(every))
        sum = 0
      }
    }
    var quality: [Double] = []
    var change: [Double] = []
    var surprise: [Double] = []
    for (number, rows) in data.test.enumerated() {
      var stream = generator.stream("test order", number)
      let shuffled = stream.permutation(rows.count).map { rows[$0] }
      let shown: [FeatureSets.Row] = switch settings["test-order"] {
      case "reversed": rows.reversed()
      case "shuffled": shuffled
      default: rows
      }
      func written(_ rows: [FeatureSets.Row]) throws -> (ndcg: Double, surprise: Double) {
        let result = try withoutGradients {
          try ranker.write(data.tensor([rows])) { _, logs in
            logs.map { own in own.indices.dropFirst().reduce(0) { own[$1] > own[$0] ? $1 : $0 } }
          }
        }
        return (Self.ndcg(result.orders[0].map { rows[$0].grade }), -result.logProbability.item())
      }
      let own = try written(shown)
      quality.append(own.ndcg)
      surprise.append(own.surprise)
      change.append(abs(try written(shuffled).ndcg - written(rows).ndcg))
    }
    return StudyOutcome(
      items: data.test.indices.map { "query \($0 + 1)" },
      values: [measures[0].name: quality, measures[1].name: change, measures[2].name: surprise], curves: [curve])
  }

  /// nDCG@10 with gain `2^grade - 1`; 0 for a query without a relevant row.
  static func ndcg(_ grades: [Double]) -> Double { dcg(grades, over: dcg(grades.sorted(by: >))) }

  /// nDCG@10 of a ranking's first ten, of which the whole query has `ideal` documents of grade 1.
  static func ndcg(_ hits: [Double], ideal: Int) -> Double {
    dcg(hits, over: dcg([Double](repeating: 1, count: min(10, ideal))))
  }

  private static func dcg(_ grades: [Double], over ideal: Double = 1) -> Double {
    let sum = grades.prefix(10).enumerated().reduce(0) { $0 + (exp2($1.element) - 1) / log2(Double($1.offset) + 2) }
    return ideal > 0 ? sum / ideal : 0
  }
}
