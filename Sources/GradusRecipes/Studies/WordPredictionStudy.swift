import GradusCore
import GradusTrain

/// The next word of a text among a vocabulary: the home of ``ZLoss`` and ``FactoredSphericalOutput``.
///
/// A small neural language model reads the words before. Losses of the spherical family train a factored output layer, whose
/// step is that of gradient descent on all weights at a cost that does not grow with the vocabulary; softmax cross-entropy has to
/// compute all scores. A budget is in words, or in multiplications, of which the factored layer needs fewer for a word.
public enum WordPredictionStudy: Study {
  public static let name = "next-word"
  public static let summary = "the next word of a text among a vocabulary, by a small language model"
  public static let items = "test passages"
  public static let settings = [
    StudySetting("data", .text, default: "faq", "collection"),
    StudySetting("passages", .count(least: 20), default: "5000", "passages, taken evenly"),
    StudySetting("vocabulary", .count(least: 3), default: "2000", "words that are told apart"),
    StudySetting("context", .count(least: 1), default: "4", "words that are read"),
    StudySetting("vectors", .count(least: 1), default: "24", "length of the words' vectors"),
    StudySetting("width", .count(least: 2), default: "32", "of the hidden layer"),
    StudySetting(
      "loss", .loss(overScores: true), default: "softmax-cross-entropy", "that, z-loss, spherical-softmax or taylor-softmax"),
    StudySetting("learning-rate", .number(1e-6...10), default: "0.1", "of gradient descent, falling to 0 over the last half"),
    StudySetting("budget", .number(1e-3...1e6), default: "40", "thousands of words, or millions of multiplications"),
    StudySetting("budget-unit", .choice(["words", "multiplications"]), default: "words", "what the budget counts"),
  ]
  public static let measures = [
    StudyMeasure("right word among the best 10"), StudyMeasure("right word first"),
    StudyMeasure("right word among the best 50"), StudyMeasure("reciprocal rank"),
  ]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    let loss = try output(settings["loss"])
    let data = try WordSequences(
      collection: settings["data"], passages: settings.count("passages"), vocabulary: settings.count("vocabulary"),
      context: settings.count("context"), home: context.home)
    let generator = SeededGenerator(seed: seed)
    var model = try WordPredictor(
      vocabulary: settings.count("vocabulary"), context: settings.count("context"), vectorWidth: settings.count("vectors"),
      width: settings.count("width"), loss: loss, generator: generator)
    let countsWords = settings["budget-unit"] == "words"
    let budget = settings.number("budget") * (countsWords ? 1e3 : 1e6)
    let rate = settings.number("learning-rate")
    var draw = generator.stream("words")
    let xLabel = countsWords ? "thousands of words" : "millions of multiplications"
    var quality = StudyCurve("right word among the best 10", xLabel: xLabel)
    var losses = StudyCurve("training loss", xLabel: xLabel)
    let parts = 10
    // A fifth of the passages show the way; all are measured at the end.
    let shown = stride(from: 0, to: data.test.count, by: 5).map { data.test[$0] }
    var (spent, words, sum, since, part) = (0.0, 0, 0.0, 0, 1)
    while spent < budget {
      let position = data.training[draw.integer(below: data.training.count)]
      let step = try model.step(position, rate: rate * min(1, 2 * (1 - spent / budget)))
      guard step.loss.isFinite else { break }
      words += 1
      since += 1
      sum += step.loss
      spent += countsWords ? 1 : Double(step.cost)
      if spent >= budget * Double(part) / Double(parts) {
        let x = settings.number("budget") * Double(part) / Double(parts)
        quality.append(x, ranks(model, shown).map { share($0, 10) }.mean)
        losses.append(x, sum / Double(since))
        (sum, since) = (0, 0)
        part += 1
      }
    }
    var seen = StudyCurve("words trained on, thousands", xLabel: "seed")
    seen.append(Double(seed), Double(words) / 1e3)
    let found = ranks(model, data.test)
    return StudyOutcome(
      items: data.test.map(\.docno),
      values: [
        measures[0].name: found.map { share($0, 10) }, measures[1].name: found.map { share($0, 1) },
        measures[2].name: found.map { share($0, 50) }, measures[3].name: found.map { $0.map { 1 / Double($0) }.mean },
      ],
      development: ranks(model, data.development).map { share($0, 10) }.mean,
      curves: [quality, losses] + (countsWords ? [] : [seen]))
  }

  private static func ranks(_ model: WordPredictor, _ passages: [WordSequences.Passage]) -> [[Int]] {
    passages.map { $0.positions.map(model.rank) }
  }

  private static func share(_ ranks: [Int], _ k: Int) -> Double { ranks.map { $0 <= k ? 1.0 : 0 }.mean }

  /// The loss of a factored layer; nil for softmax cross-entropy, which has none.
  static func output(_ text: String) throws -> FactoredSphericalOutput.Loss? {
    let loss = try LossNames.loss(text)
    if loss is SoftmaxCrossEntropyLoss { return nil }
    guard let factored = FactoredSphericalOutput.Loss(loss) else {
      let expected = "softmax-cross-entropy, or a loss of the spherical family: z-loss, spherical-softmax, taylor-softmax"
      throw SettingError.value(setting: "loss", found: text, expected: expected)
    }
    return factored
  }
}
