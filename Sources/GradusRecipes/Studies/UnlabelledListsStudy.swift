import GradusCore
import GradusEval
import GradusIndex
import GradusModels
import GradusTensor
import GradusTrain

/// Training a ranker from a few labelled and many unlabelled lists of candidates: the test of ``ShrinkConsistencyLoss``.
///
/// A list is BM25's best candidates of a training query, one of them relevant at least. A share of the lists is labelled; of the
/// others the model's own guess on the whole query is to be repeated on a query that has lost some of its words. Frozen vectors
/// of either are read. The temperature of a list's softmax is fitted on the labelled lists before training.
public enum UnlabelledListsStudy: Study {
  public static let name = "unlabelled-lists"
  public static let summary = "a ranker on frozen vectors from a few labelled and many unlabelled lists"
  public static let items = "test queries"
  public static let settings = [
    StudySetting("data", .text, default: "nfcorpus", "collection"),
    StudySetting("model", .text, default: "minilm-l6", "encoder of the vectors"),
    StudySetting(
      "method", .choice(["labelled", "fixmatch", "shrinkmatch"]), default: "labelled", "what unlabelled lists are used for"),
    StudySetting("principle-1", .choice(["yes", "no"]), default: "yes", "uncertain lists weigh the probability of their guess"),
    StudySetting("principle-2", .choice(["yes", "no"]), default: "yes", "the shrunk loss grows with the share of certain lists"),
    StudySetting("threshold", .number(0.51...0.999), default: "0.95", "of certainty"),
    StudySetting("candidates", .count(least: 3), default: "10", "candidates of a list"),
    StudySetting("labelled-share", .number(0.001...1), default: "0.05", "share of lists with labels"),
    StudySetting("dropped-words", .number(0...0.9), default: "0.4", "share of a query's words that the strong view loses"),
    StudySetting("batch", .count(least: 1), default: "8", "labelled lists of a step"),
    StudySetting("ratio", .count(least: 1), default: "4", "unlabelled lists for each labelled one, mu"),
    StudySetting("steps", .count(least: 1), default: "150", "steps of Adam"),
    StudySetting("learning-rate", .number(1e-7...1), default: "3e-4", "of Adam"),
    StudySetting("test-queries", .count(least: 2), default: "323", "most test queries"),
    StudySetting("depth", .count(least: 2), default: "20", "BM25's candidates of a test query that are re-ranked"),
  ]
  public static let measures = [StudyMeasure("nDCG@10")]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let bench = try VectorBench(
      collection: settings["data"], model: settings["model"], droppedWords: settings.number("dropped-words"), home: context.home)
    let generator = SeededGenerator(seed: seed)
    let lists = try lists(bench, settings)
    var stream = generator.stream("labelled lists")
    let order = stream.permutation(lists.count)
    let count = max(1, Int(settings.number("labelled-share") * Double(lists.count)))
    let labelled = order.prefix(count).map { lists[$0] }
    let unlabelled = order.dropFirst(count).map { lists[$0] }
    guard !unlabelled.isEmpty else {
      throw StudyError.missingData(study: name, what: "unlabelled lists", searched: [settings["data"]])
    }
    let ranker = TwoHeadedRanker(bench, seed: seed)
    try ranker.fitTemperature(labelled)

    let optimizer = Adam(groups: [ParameterGroup(parameters: ranker.parameters, learningRate: settings.number("learning-rate"))])
    let fixMatch = try FixMatchLoss(threshold: settings.number("threshold"))
    let shrink = try ShrinkConsistencyLoss(
      threshold: settings.number("threshold"), weighsByConfidence: settings["principle-1"] == "yes")
    let test = TrainingData.evenly(try bench.data.qrels("test"), settings.count("test-queries"))
    let groups = try bench.groups(test, depth: settings.count("depth"))
    let measure = try MeasureSpecification("nDCG@10")
    var curves = [
      "nDCG@10 on the test queries", "certain lists, share", "lists that are used, share", "right guesses among certain lists",
      "right guesses among lists that became certain",
    ].map { StudyCurve($0, xLabel: "step") }
    var certainShare: Double?
    let steps = settings.count("steps")
    let every = max(1, steps / 10)
    for step in 0..<steps {
      var draw = generator.stream("step", step)
      func batch(_ lists: [List], _ count: Int) -> [List] { (0..<count).map { _ in lists[draw.integer(below: lists.count)] } }
      let known = batch(labelled, settings.count("batch"))
      let open = batch(unlabelled, settings.count("batch") * settings.count("ratio"))
      var loss = try ranker.supervisedLoss(known)
      if settings["method"] != "labelled" {
        let targets = try withoutGradients { try ranker.probabilities(open) }
        let strong = try ranker.logits(open, isStrong: true)
        loss = loss + (try fixMatch.perSample(targets: targets, logits: strong.main)).mean()
        let shrunk = try shrink.perSample(targets: targets, logits: strong.auxiliary)
        // One average over the whole training, which begins with the first batch.
        certainShare = certainShare.map { 0.999 * $0 + 0.001 * shrunk.certainShare } ?? shrunk.certainShare
        if settings["method"] == "shrinkmatch" {
          loss = loss + shrunk.losses.mean() * (settings["principle-2"] == "yes" ? certainShare ?? 0 : 1)
        }
        if (step + 1) % every == 0 {
          let x = Double(step + 1)
          curves[1].append(x, shrunk.certainShare)
          let used = settings["method"] == "shrinkmatch" ? shrunk.usedShare : shrunk.certainShare
          curves[2].append(x, used)
          func accuracy(_ chosen: [Int]) -> Double? {
            chosen.isEmpty ? nil : chosen.map { position -> Double in
              let row = targets[position]
              let guess = row.indices.dropFirst().reduce(0) { row[$1] > row[$0] ? $1 : $0 }
              return open[position].relevant[guess] ? 1 : 0
            }.mean
          }
          if let right = accuracy(targets.indices.filter { (targets[$0].max() ?? 0) >= settings.number("threshold") }) {
            curves[3].append(x, right)
          }
          if let right = accuracy(targets.indices.filter { shrunk.weights[$0] > 0 }) { curves[4].append(x, right) }
        }
      }
      let found = try gradients(of: loss, withRespectTo: ranker.parameters.map(\.value))
      var store = GradientStore()
      for (parameter, gradient) in zip(ranker.parameters, found) { store.add(gradient, for: parameter) }
      _ = store.clip(globalNorm: 1)
      optimizer.step(store)
      if (step + 1) % every == 0 {
        curves[0].append(Double(step + 1), try groups.values(ranker.scorer, qrels: test, measure: measure).mean)
      }
    }
    return StudyOutcome(
      items: groups.map(\.query.qid),
      values: [measures[0].name: try groups.values(ranker.scorer, qrels: test, measure: measure)],
      curves: curves.filter { !$0.x.isEmpty })
  }

  /// Candidates of one query.
  struct List: Sendable {
    let qid: String
    let docnos: [String]
    let relevant: [Bool]
  }

  /// Lists of training queries that hold a relevant candidate and another.
  private static func lists(_ bench: VectorBench, _ settings: StudySettings) throws -> [List] {
    let count = settings.count("candidates")
    let run = try bench.data.run(bench.data.train, model: BM25(), depth: count)
    return run.rankings.compactMap { ranking in
      let docnos = ranking.documents.map(\.docno)
      let relevant = docnos.map { (bench.data.train.grade(qid: ranking.qid, docno: $0) ?? 0) > 0 }
      guard docnos.count == count, relevant.contains(true), relevant.contains(false) else { return nil }
      return List(qid: ranking.qid, docnos: docnos, relevant: relevant)
    }
  }
}

/// A ranker of vectors with two heads on the same features: the cosine, and a network for the shrunk loss that is dropped after
/// training.
private struct TwoHeadedRanker {
  let scorer: VectorRanker
  private let temperature: Parameter
  private let layers: [Linear]

  init(_ bench: VectorBench, seed: UInt64) {
    scorer = VectorRanker(queries: bench.queries, documents: bench.documents, scale: 1)
    temperature = Parameter("scale", Tensor([Float(20)], shape: [1]))
    var generator = SeededGenerator(seed: seed).stream("auxiliary head")
    let width = bench.queries.width
    let inner = width / 4
    layers = [(width, inner), (inner, inner), (inner, 1)].enumerated().map { number, sizes in
      let bound = 1 / Double(sizes.0).squareRoot()
      return Linear(
        "auxiliary.\(number)", weight: .uniform([sizes.1, sizes.0], low: -bound, high: bound, using: &generator),
        bias: .zeros([sizes.1]))
    }
  }

  var parameters: [Parameter] { scorer.parameters + [temperature] + layers.flatMap(\.parameters) }

  /// Logits of both heads, `[lists, candidates]`.
  func logits(_ lists: [UnlabelledListsStudy.List], isStrong: Bool) throws -> (main: Tensor, auxiliary: Tensor) {
    let pairs = lists.flatMap { list in
      list.docnos.map {
        ScoringPair(
          query: Query(qid: (isStrong ? "strong:" : "") + list.qid, text: ""), document: Document(docno: $0, text: ""))
      }
    }
    let features = try scorer.features(pairs)
    let shape = [lists.count, lists[0].docnos.count]
    let main = (features.sum(axes: [1]) * temperature.value).reshaped(to: shape)
    // The features of unit vectors are small: scaled to about 1 they suit layers that start as these do.
    var hidden = features * Double(features.shape[1]).squareRoot()
    for (number, layer) in layers.enumerated() {
      hidden = layer(hidden)
      // Leaky rectifier.
      if number < layers.count - 1 { hidden = maximum(hidden, hidden * 0.1) }
    }
    return (main, hidden.reshaped(to: shape))
  }

  /// Softmax over each list of the whole query.
  func probabilities(_ lists: [UnlabelledListsStudy.List]) throws -> [[Double]] {
    let main = try logits(lists, isStrong: false).main.cast(to: .float64).softmax()
    let values = main.doubles()
    let width = main.shape[1]
    return lists.indices.map { Array(values[$0 * width..<($0 + 1) * width]) }
  }

  /// Softmax cross-entropy, all relevant candidates alike.
  func supervisedLoss(_ lists: [UnlabelledListsStudy.List]) throws -> Tensor {
    let main = try logits(lists, isStrong: false).main
    let shares = lists.flatMap { list -> [Float] in
      let count = Float(list.relevant.count { $0 })
      return list.relevant.map { $0 ? 1 / count : 0 }
    }
    return -(Tensor(shares, shape: main.shape) * main.logSoftmax()).sum(axes: [1]).mean()
  }

  /// The best of some scales on the labelled lists.
  func fitTemperature(_ lists: [UnlabelledListsStudy.List]) throws {
    var best: (scale: Float, loss: Double)?
    for scale in [5, 10, 15, 20, 30, 40] as [Float] {
      temperature.value = Tensor([scale], shape: [1])
      let loss = try withoutGradients { try supervisedLoss(lists).item() }
      if best.map({ loss < $0.loss }) ?? true { best = (scale, loss) }
    }
    temperature.value = Tensor([best?.scale ?? 20], shape: [1])
  }
}
