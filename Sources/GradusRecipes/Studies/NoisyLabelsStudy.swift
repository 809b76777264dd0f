import GradusCore
import GradusTensor
import GradusTrain

/// Which manual page is a passage from, learnt from labels of which some are wrong: the home of ``LDRKLLoss`` and ``ALDRKLLoss``.
///
/// A classifier with one hidden layer reads vectors of a frozen encoder. Uniform noise replaces a training label by one drawn
/// from all classes; noise to the next class replaces it by its neighbour, as the confusable pairs of the paper do. Labels of
/// development and test are right, and the last epoch is what is measured: nothing stops early.
public enum NoisyLabelsStudy: Study {
  public static let name = "noisy-labels"
  public static let summary = "passages classified by their manual page, some training labels wrong"
  public static let items = "test passages"
  public static let settings = [
    StudySetting("data", .text, default: "faq", "collection whose docnos are PAGE-NUMBER"),
    StudySetting("model", .text, default: "minilm-l6", "encoder of the vectors"),
    StudySetting("pages", .count(least: 3), default: "60", "classes"),
    StudySetting("passages", .count(least: 10), default: "40", "passages of each page"),
    StudySetting("loss", .loss(overScores: true), default: "softmax-cross-entropy", "over the scores of all classes"),
    StudySetting("noise", .choice(["uniform", "next"]), default: "uniform", "what a wrong label is drawn from"),
    StudySetting("wrong-share", .number(0...0.95), default: "0", "probability that a training label is drawn anew"),
    StudySetting("hidden", .count(least: 1), default: "256", "width of the hidden layer"),
    StudySetting("batch", .count(least: 1), default: "64", "passages of a step"),
    StudySetting("epochs", .count(least: 1), default: "40", "passes over the training passages"),
    StudySetting("learning-rate", .number(1e-7...1), default: "1e-3", "of AdamW, falling to 0 over the last half"),
    StudySetting("weight-decay", .number(0...10), default: "0", "of AdamW"),
  ]
  public static let measures = [StudyMeasure("accuracy"), StudyMeasure("reciprocal rank of the right class")]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let pages = try PassagePages(
      collection: settings["data"], pages: settings.count("pages"), perPage: settings.count("passages"), study: name,
      home: context.home)
    let vectors = try TextVectors(model: settings["model"], home: context.home).vectors(pages.all.map { ($0.docno, $0.text) })
    func set(_ passages: [PassagePages.Passage]) -> ClassifiedVectors {
      ClassifiedVectors(
        names: passages.map(\.docno), labels: passages.map(\.page), vectors: passages.map { vectors[$0.docno] ?? [] })
    }
    return try train(
      settings, seed: seed, classes: pages.pages, training: set(pages.training), development: set(pages.development),
      test: set(pages.test))
  }

  /// The study on vectors that are at hand.
  static func train(
    _ settings: StudySettings, seed: UInt64, classes: [String], training: ClassifiedVectors, development: ClassifiedVectors,
    test: ClassifiedVectors
  ) throws -> StudyOutcome {
    let generator = SeededGenerator(seed: seed)
    let labels = noisy(training.labels, settings, classes: classes.count, generator: generator)
    let classifier = Classifier(
      inputs: training.width, hidden: settings.count("hidden"), classes: classes.count, generator: generator)
    let optimizer = AdamW(groups: [
      ParameterGroup(
        parameters: classifier.parameters, learningRate: settings.number("learning-rate"),
        weightDecay: settings.number("weight-decay"))
    ])
    var loss = ClassLoss(try LossNames.loss(settings["loss"]), classes: classes)
    let batch = min(settings.count("batch"), labels.count)
    let steps = settings.count("epochs") * (labels.count / batch)
    var step = 0
    var curves = [
      "accuracy on the test passages", "wrong labels learnt, share", "training loss", "mean temperature of right labels",
      "mean temperature of wrong labels",
    ].map { StudyCurve($0, xLabel: "epoch") }
    for epoch in 0..<settings.count("epochs") {
      var stream = generator.stream("epoch", epoch)
      let order = stream.permutation(labels.count)
      var sum = 0.0
      for start in stride(from: 0, through: order.count - batch, by: batch) {
        let rows = Array(order[start..<start + batch])
        let logits = classifier.logits(training.tensor(rows))
        let values = try loss.perSample(logits, names: rows.map { training.names[$0] }, labels: rows.map { labels[$0] })
        let mean = values.mean()
        var store = GradientStore()
        try store.accumulate(of: mean, for: classifier.parameters)
        _ = store.clip(globalNorm: 5)
        optimizer.step(store, scheduleFactor: min(1, 2 * Double(steps - step) / Double(steps)))
        try loss.remember(logits.detached(), names: rows.map { training.names[$0] }, labels: rows.map { labels[$0] })
        sum += mean.item() * Double(batch)
        step += 1
      }
      let x = Double(epoch + 1)
      curves[0].append(x, classifier.ranks(test).map { $0 == 1 ? 1.0 : 0 }.mean)
      let wrong = labels.indices.filter { labels[$0] != training.labels[$0] }
      if !wrong.isEmpty {
        curves[1].append(x, classifier.ranks(training.picked(wrong, labels: labels)).map { $0 == 1 ? 1.0 : 0 }.mean)
      }
      curves[2].append(x, sum / Double(order.count / batch * batch))
      if let temperatures = loss.temperatures(training.names, labels: labels) {
        for (curve, isWrong) in [(3, false), (4, true)] {
          let own = labels.indices.filter { (labels[$0] != training.labels[$0]) == isWrong }.map { temperatures[$0] }
          if !own.isEmpty { curves[curve].append(x, own.mean) }
        }
      }
    }
    let ranks = classifier.ranks(test)
    return StudyOutcome(
      items: test.names,
      values: [measures[0].name: ranks.map { $0 == 1 ? 1 : 0 }, measures[1].name: ranks.map { 1 / Double($0) }],
      development: classifier.ranks(development).map { $0 == 1 ? 1.0 : 0 }.mean, curves: curves.filter { !$0.x.isEmpty })
  }

  /// Labels of which some have been drawn anew: the same ones for every arm.
  static func noisy(_ labels: [Int], _ settings: StudySettings, classes: Int, generator: SeededGenerator) -> [Int] {
    let share = settings.number("wrong-share")
    var stream = generator.stream("wrong labels")
    return labels.map { label in
      let isWrong = stream.uniform() < share
      let drawn = stream.integer(below: classes)
      guard isWrong else { return label }
      return settings["noise"] == "next" ? (label + 1) % classes : drawn
    }
  }
}

/// Vectors with the number of the class that each belongs to.
struct ClassifiedVectors: Sendable {
  let names: [String]
  let labels: [Int]
  let vectors: [[Float]]

  var width: Int { vectors.first?.count ?? 0 }

  /// Some rows, scaled so that the parts of unit vectors are about 1.
  func tensor(_ rows: [Int]) -> Tensor {
    let scale = Float(width).squareRoot()
    return Tensor(rows.flatMap { vectors[$0].map { $0 * scale } }, shape: [rows.count, width])
  }

  /// Some rows with other labels.
  func picked(_ rows: [Int], labels: [Int]) -> ClassifiedVectors {
    ClassifiedVectors(names: rows.map { names[$0] }, labels: rows.map { labels[$0] }, vectors: rows.map { vectors[$0] })
  }
}

/// One hidden layer of rectifiers.
private struct Classifier {
  let layers: [Linear]

  init(inputs: Int, hidden: Int, classes: Int, generator: SeededGenerator) {
    layers = [(inputs, hidden), (hidden, classes)].enumerated().map { number, sizes in
      var stream = generator.stream("layer", number)
      let bound = 1 / Double(sizes.0).squareRoot()
      return Linear(
        "layer.\(number)", weight: .uniform([sizes.1, sizes.0], low: -bound, high: bound, using: &stream),
        bias: .zeros([sizes.1]))
    }
  }

  var parameters: [Parameter] { layers.flatMap(\.parameters) }

  func logits(_ x: Tensor) -> Tensor { layers[1](layers[0](x).relu()) }

  /// From 1: how many classes score at least as high as the right one.
  func ranks(_ set: ClassifiedVectors) -> [Int] {
    withoutGradients {
      let logits = logits(set.tensor(Array(set.labels.indices)))
      let values = logits.doubles()
      let width = logits.shape[1]
      return set.labels.enumerated().map { row, label in
        let own = values[row * width..<(row + 1) * width]
        let target = values[row * width + label]
        return own.count { $0 >= target }
      }
    }
  }
}

/// A ranking loss as a loss of classes: a passage is the query, the classes are its candidates.
struct ClassLoss {
  private let loss: any RankingLoss
  private var stateful: (any StatefulLoss)?
  private let classes: [String]

  init(_ loss: any RankingLoss, classes: [String]) {
    self.loss = loss
    self.classes = classes
    stateful = loss as? any StatefulLoss
  }

  func perSample(_ logits: Tensor, names: [String], labels: [Int]) throws -> Tensor {
    let input = try input(logits, names, labels)
    return try stateful?.perSample(input) ?? loss.perSample(input)
  }

  mutating func remember(_ logits: Tensor, names: [String], labels: [Int]) throws {
    guard stateful != nil else { return }
    let input = try input(logits, names, labels)
    try stateful?.remember(input)
  }

  private func input(_ logits: Tensor, _ names: [String], _ labels: [Int]) throws -> LossInput {
    try LossInput(scores: logits, samples: zip(names, labels).map(sample))
  }

  private func sample(_ name: String, _ label: Int) -> TrainingSample {
    .listwise(qid: name, documents: classes.enumerated().map { number, own in
      LabelledDocument(docno: own, label: number == label ? 1 : 0, isPositive: number == label)
    })
  }

  /// What an adaptive loss has made of each sample, as a share of where it began; nil for other losses.
  func temperatures(_ names: [String], labels: [Int]) -> [Double]? {
    guard let adaptive = stateful as? ALDRKLLoss else { return nil }
    return zip(names, labels).map { name, label in
      (adaptive.lambdas[ALDRKLLoss.key(qid: name, positive: classes[label])] ?? adaptive.lambda0) / adaptive.lambda0
    }
  }
}
