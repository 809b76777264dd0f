import GradusCore
import GradusModels
import GradusTensor
import GradusTrain

/// Sorting random numbers by writing them out: the mechanism test of ``SetToSequenceRanker``.
///
/// A set is `numbers` uniform numbers; it is right when all of them are written in ascending order. The model is the better the
/// more of the set it knows before it writes: through process steps and glimpses.
public enum SortingStudy: Study {
  public static let name = "sorting"
  public static let summary = "random numbers sorted by a set-to-sequence model"
  public static let items = "sets"
  public static let settings = [
    StudySetting("numbers", .count(least: 2), default: "5", "numbers of a set"),
    StudySetting("reader", .choice(SetToSequenceRanker.Reader.allCases.map(\.rawValue)), default: "set", "set or sequence"),
    StudySetting("process-steps", .count(least: 0), default: "5", "P"),
    StudySetting("glimpses", .count(least: 0), default: "0", "attention reads before each pointing"),
    StudySetting("width", .count(least: 1), default: "64", "of memory and states"),
    StudySetting("batch", .count(least: 1), default: "64", "sets of a step"),
    StudySetting("iterations", .count(least: 1), default: "1500", "steps of Adam"),
    StudySetting("learning-rate", .number(1e-6...1), default: "0.002", "of Adam"),
    StudySetting("test-sets", .count(least: 2), default: "500", "sets that are tested on"),
  ]
  public static let measures = [StudyMeasure("sorted without error"), StudyMeasure("in the right place")]

  public static func run(_ settings: StudySettings, seed: UInt64, context: StudyContext) throws -> StudyOutcome {
    var options = SetToSequenceRanker.Options()
    options.reader = SetToSequenceRanker.Reader(rawValue: settings["reader"]) ?? .set
    options.width = settings.count("width")
    options.processSteps = settings.count("process-steps")
    options.glimpses = settings.count("glimpses")
    let ranker = SetToSequenceRanker(inputs: 1, options: options, seed: seed)
    let count = settings.count("numbers")
    let generator = SeededGenerator(seed: seed)
    func sets(_ name: String, _ number: Int, _ size: Int) -> (features: Tensor, orders: [[Int]]) {
      var stream = generator.stream(name, number)
      let values = (0..<size).map { _ in (0..<count).map { _ in Float(stream.uniform()) } }
      return (
        Tensor(values.flatMap { $0 }, shape: [size, count, 1]),
        values.map { own in own.indices.sorted { (own[$0], $0) < (own[$1], $1) } }
      )
    }
    let trainer = SetTrainer(ranker, learningRate: settings.number("learning-rate"), steps: settings.count("iterations"))
    let test = sets("test", 0, settings.count("test-sets"))
    func tested() throws -> [[Int]] {
      try withoutGradients {
        try ranker.write(test.features) { _, logs in
          logs.map { own in own.indices.dropFirst().reduce(0) { own[$1] > own[$0] ? $1 : $0 } }
        }.orders
      }
    }
    var loss = StudyCurve("training loss", xLabel: "step")
    var right = StudyCurve("sets sorted without error, share", xLabel: "step")
    let every = max(1, settings.count("iterations") / 15)
    var sum = 0.0
    for step in 0..<settings.count("iterations") {
      let batch = sets("training", step, settings.count("batch"))
      sum += try trainer.step(step) {
        -(try ranker.write(batch.features) { step, _ in batch.orders.map { $0[step] } }.logProbability).mean()
      }
      if (step + 1) % every == 0 {
        loss.append(Double(step + 1), sum / Double(every))
        sum = 0
        right.append(Double(step + 1), zip(try tested(), test.orders).map { $0 == $1 ? 1.0 : 0 }.mean)
      }
    }
    let found = try tested()
    return StudyOutcome(
      items: found.indices.map { "set \($0 + 1)" },
      values: [
        measures[0].name: zip(found, test.orders).map { $0 == $1 ? 1 : 0 },
        measures[1].name: zip(found, test.orders).map { found, order in
          Double(zip(found, order).count { $0 == $1 }) / Double(count)
        },
      ],
      curves: [right, loss])
  }
}

/// Adam with clipped gradients and a learning rate that falls linearly over the last half, for models that write sets.
final class SetTrainer {
  private let parameters: [Parameter]
  private let optimizer: Adam
  private let steps: Int

  init(_ ranker: SetToSequenceRanker, learningRate: Double, steps: Int) {
    parameters = ranker.parameters
    optimizer = Adam(groups: [ParameterGroup(parameters: parameters, learningRate: learningRate)])
    self.steps = steps
  }

  /// - Returns: The loss before the step.
  func step(_ step: Int, _ loss: () throws -> Tensor) throws -> Double {
    let value = try loss()
    let found = try gradients(of: value, withRespectTo: parameters.map(\.value))
    var store = GradientStore()
    for (parameter, gradient) in zip(parameters, found) { store.add(gradient, for: parameter) }
    _ = store.clip(globalNorm: 2)
    optimizer.step(store, scheduleFactor: min(1, 2 * Double(steps - step) / Double(steps)))
    return value.item()
  }
}
