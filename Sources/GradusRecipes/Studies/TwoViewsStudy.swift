import GradusCore
import GradusTensor
import GradusTrain

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Two views of a passage are to be neighbours: self-supervised training without any label, the home of ``GroupOrderingLoss``.
///
/// The views are the first and the second half of a passage's words, as vectors of a frozen encoder; a linear map of these is
/// trained. What it is worth is measured as in the paper: a passage is given the class of its 20 nearest training passages, each
/// with the weight `exp(cosine / 0.07)`; the class is the manual page that it is from, and its vector the sum of its halves'.
public enum TwoViewsStudy: Study {
  public static let name = "two-views"
  public static let summary = "a map of frozen vectors trained to find a passage's other half, measured by nearest neighbours"
  public static let items = "test passages"
  public static let settings = [
    StudySetting("data", .text, default: "faq", "collection whose docnos are PAGE-NUMBER"),
    StudySetting("model", .text, default: "minilm-l6", "encoder of the vectors"),
    StudySetting("pages", .count(least: 3), default: "100", "classes"),
    StudySetting("passages", .count(least: 10), default: "40", "passages of each page"),
    StudySetting("method", .choice(["frozen", "infonce", "groco"]), default: "frozen", "what the map is trained with"),
    StudySetting("temperature", .number(1e-3...10), default: "0.1", "of method infonce"),
    StudySetting("negatives", .count(least: 1), default: "10", "nearest negatives that method groco sorts"),
    StudySetting("steepness", .number(1e-3...1e3), default: "1", "of groco's sorting network"),
    StudySetting("stop-gradient", .choice(["yes", "no"]), default: "yes", "whether only the anchor learns from groco's term"),
    StudySetting(
      "width", .count(least: 2), default: "384",
      "of the mapped vectors; the map starts as the identity where this is at least their own"),
    StudySetting("batch", .count(least: 2), default: "128", "passages of a step"),
    StudySetting("steps", .count(least: 1), default: "200", "steps of Adam"),
    StudySetting("learning-rate", .number(1e-7...1), default: "1e-3", "of Adam, falling to 0 over the last half"),
  ]
  public static let measures = [
    StudyMeasure("accuracy of 20 nearest neighbours"), StudyMeasure("same page among the 20 nearest, share"),
  ]
  static let neighbours = 20
  static let voteTemperature = 0.07

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let pages = try PassagePages(
      collection: settings["data"], pages: settings.count("pages"), perPage: settings.count("passages"), study: name,
      home: context.home)
    let halves = pages.all.map { passage -> (first: String, second: String) in
      let words = passage.text.split(separator: " ")
      return (words[..<(words.count / 2)].joined(separator: " "), words[(words.count / 2)...].joined(separator: " "))
    }
    let encoder = try TextVectors(model: settings["model"], home: context.home)
    let vectors = try encoder.vectors(zip(pages.all, halves).flatMap { passage, halves in
      [("first:" + passage.docno, halves.first), ("second:" + passage.docno, halves.second)]
    })
    func set(_ passages: [PassagePages.Passage]) -> TwoViews {
      func tensor(_ half: String) -> Tensor {
        let rows = passages.map { vectors[half + $0.docno] ?? [] }
        return Tensor(rows.flatMap { $0 }, shape: [rows.count, rows.first?.count ?? 0])
      }
      return TwoViews(
        names: passages.map(\.docno), labels: passages.map(\.page), first: tensor("first:"), second: tensor("second:"))
    }
    return try train(
      settings, seed: seed, training: set(pages.training), development: set(pages.development), test: set(pages.test))
  }

  /// The study on vectors that are at hand.
  static func train(
    _ settings: StudySettings, seed: UInt64, training: TwoViews, development: TwoViews, test: TwoViews
  ) throws -> StudyOutcome {
    let generator = SeededGenerator(seed: seed)
    let map = Parameter("map", start(inputs: training.first.shape[1], outputs: settings.count("width"), generator))
    let optimizer = Adam(groups: [ParameterGroup(parameters: [map], learningRate: settings.number("learning-rate"))])
    let ordering = try GroupOrderingLoss(negatives: settings.count("negatives"), steepness: settings.number("steepness"))
    let batch = min(settings.count("batch"), training.names.count)
    let steps = settings["method"] == "frozen" ? 0 : settings.count("steps")
    let every = max(1, steps / 8)
    var quality = StudyCurve("accuracy of 20 nearest neighbours", xLabel: "step")
    var losses = StudyCurve("training loss", xLabel: "step")
    quality.append(0, neighbours(map.value, of: test, among: training).right.mean)
    var sum = 0.0
    for step in 0..<steps {
      var stream = generator.stream("batch", step)
      let rows = stream.permutation(training.names.count).prefix(batch)
      let chosen = Tensor(indices: rows.map(Int32.init), shape: [batch])
      let views = [training.first, training.second].map { linear($0.indexSelect(chosen), weight: map.value, bias: nil) }
      let perSample: Tensor
      if settings["method"] == "groco" {
        perSample = try ordering.perSample(views: views, stopsGradient: settings["stop-gradient"] == "yes")
      } else {
        perSample = contrastive(views, temperature: settings.number("temperature"))
      }
      let loss = perSample.mean()
      var store = GradientStore()
      try store.accumulate(of: loss, for: [map])
      optimizer.step(store, scheduleFactor: min(1, 2 * Double(steps - step) / Double(steps)))
      sum += loss.item()
      if (step + 1) % every == 0 {
        quality.append(Double(step + 1), neighbours(map.value, of: test, among: training).right.mean)
        losses.append(Double(step + 1), sum / Double(every))
        sum = 0
      }
    }
    let found = neighbours(map.value, of: test, among: training)
    return StudyOutcome(
      items: test.names, values: [measures[0].name: found.right, measures[1].name: found.shares],
      development: neighbours(map.value, of: development, among: training).right.mean,
      curves: [quality] + (losses.x.isEmpty ? [] : [losses]))
  }

  /// InfoNCE in both directions: each half is to find the other one among those of the batch.
  static func contrastive(_ views: [Tensor], temperature: Double) -> Tensor {
    let logits = matmul(views[0].normalized(), views[1].normalized(), transposeB: true) / temperature
    let count = logits.shape[0]
    let own = Tensor(indices: (0..<count).map(Int32.init), shape: [count, 1])
    let both = [logits, logits.transposed()].map { -$0.logSoftmax().gather(own, axis: 1).reshaped(to: [count]) }
    return (both[0] + both[1]) / 2
  }

  /// The identity, with rows of zeros where the map widens; random where it narrows.
  private static func start(inputs: Int, outputs: Int, _ generator: SeededGenerator) -> Tensor {
    var stream = generator.stream("map")
    let deviation = 1 / Double(inputs).squareRoot()
    let isIdentity = outputs >= inputs
    return Tensor(
      (0..<outputs * inputs).map { place -> Float in
        let (row, column) = (place / inputs, place % inputs)
        guard isIdentity else { return Float(deviation * stream.normal()) }
        return row == column ? 1 : 0
      }, shape: [outputs, inputs])
  }

  /// Of each passage: whether the vote of its nearest neighbours is right, and how many of them are of its page.
  static func neighbours(_ map: Tensor, of passages: TwoViews, among known: TwoViews) -> (right: [Double], shares: [Double]) {
    withoutGradients {
      let scores = matmul(passages.vectors(map), known.vectors(map), transposeB: true)
      let count = min(neighbours, known.names.count)
      let best = scores.topK(count)
      let (values, places) = (best.values.doubles(), best.indices.indices())
      var right: [Double] = []
      var shares: [Double] = []
      for (row, label) in passages.labels.enumerated() {
        var votes: [Int: Double] = [:]
        var same = 0.0
        for place in row * count..<(row + 1) * count {
          let other = known.labels[Int(places[place])]
          votes[other, default: 0] += exp(values[place] / voteTemperature)
          if other == label { same += 1 }
        }
        let winner = votes.max { ($0.value, -$0.key) < ($1.value, -$1.key) }?.key
        right.append(winner == label ? 1 : 0)
        shares.append(same / Double(count))
      }
      return (right, shares)
    }
  }
}

/// Passages with the vectors of their two halves and the number of their page.
struct TwoViews {
  let names: [String]
  let labels: [Int]
  /// `[passages, width]`.
  let first: Tensor
  let second: Tensor

  /// Unit vectors of the sums of the mapped halves.
  func vectors(_ map: Tensor) -> Tensor {
    let mapped = [first, second].map { linear($0, weight: map, bias: nil).normalized() }
    return (mapped[0] + mapped[1]).normalized()
  }
}
