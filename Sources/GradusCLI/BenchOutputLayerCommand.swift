import ArgumentParser
import Gradus

struct BenchOutputLayerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "output-layer", abstract: "A training step of the factored output layer for different numbers of classes.",
    discussion: """
        gradus bench output-layer --width 64 --json

      One step of gradient descent on the Z-loss of one example: factored, at a cost that does not grow with the classes, and \
      dense, which computes all scores and changes all rows.
      """)

  @Option(help: ArgumentHelp("Length of the layer's input.", valueName: "n"))
  var width = 64

  @Option(parsing: .upToNextOption, help: ArgumentHelp("Numbers of classes.", valueName: "n"))
  var classes = [1_000, 10_000, 100_000]

  @Option(help: ArgumentHelp("Timed rounds of 100 steps.", valueName: "n"))
  var repeats = 5

  @OptionGroup var output: JSONOption

  func validate() throws {
    guard width >= 1, repeats >= 1, classes.allSatisfy({ $0 >= 3 }) else {
      throw ValidationError("--width and --repeats must be at least 1, --classes at least 3")
    }
  }

  func run() throws {
    let rows = try classes.map(measure)
    if output.json { return try printJSON(Figures(width: width, rows: rows)) }
    for row in rows {
      try printOutput(
        "\(row.classes.grouped) classes: factored \(row.factored_us.fixed(1)) us, dense \(row.dense_us.fixed(1)) us\n")
    }
  }

  private func measure(_ classes: Int) throws -> Figures.Row {
    var generator = SeededGenerator(seed: 3)
    let weights = (0..<classes * width).map { _ in 0.05 * generator.normal() }
    let inputs = (0..<100).map { _ in (0..<width).map { _ in generator.normal() } }
    var layer = try FactoredSphericalOutput(weights: weights, width: width)
    let factored = try (0..<repeats).map { _ in
      try seconds(of: {
        for (number, h) in inputs.enumerated() {
          _ = try layer.step(h, target: number * 7919 % classes, learningRate: 0.01, loss: .z(a: 1, b: 10))
        }
      })
    }
    var dense = DenseOutput(weights: weights, width: width)
    let steps = max(1, min(100, 2_000_000 / classes))
    let times = (0..<repeats).map { _ in
      seconds(of: { for (number, h) in inputs.prefix(steps).enumerated() { dense.step(h, target: number * 7919 % classes) } })
    }
    return Figures.Row(
      classes: classes, factored_us: MedianAndBest(factored, best: { $0.min() }).median / 100 * 1e6,
      absorptions: layer.absorptions,
      dense_us: MedianAndBest(times, best: { $0.min() }).median / Double(steps) * 1e6)
  }

  /// Names are those of the JSON object.
  private struct Figures: Encodable {
    struct Row: Encodable {
      let classes: Int
      let factored_us: Double
      /// How often the layer was brought back to its plain form.
      let absorptions: Int
      let dense_us: Double
    }

    let width: Int
    let rows: [Row]
  }
}

/// The same step over all classes: what the factored layer is compared with.
private struct DenseOutput {
  var weights: [Double]
  let width: Int

  mutating func step(_ h: [Double], target: Int) {
    let count = weights.count / width
    var scores = [Double](repeating: 0, count: count)
    var sum = 0.0, squares = 0.0
    for row in 0..<count {
      var score = 0.0
      for j in 0..<width { score += weights[row * width + j] * h[j] }
      scores[row] = score
      sum += score
      squares += score * score
    }
    let mean = sum / Double(count)
    let sigma = max(1e-12, (squares / Double(count) - mean * mean).squareRoot())
    let z = (scores[target] - mean) / sigma
    // The slope of the Z-loss's softplus at b = 10 and a = 1, which is 1 but for exp(z - 10).
    let slope = -1.0
    for row in 0..<count {
      let standardised = (scores[row] - mean) / sigma
      let gradient = slope * ((row == target ? 1 : 0) - (1 + standardised * z) / Double(count)) / sigma
      let push = 0.01 * gradient
      for j in 0..<width { weights[row * width + j] -= push * h[j] }
    }
  }
}
