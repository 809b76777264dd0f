import GradusCore
import GradusTrain

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A small neural language model: the vectors of the words before, one hidden layer, and an output layer as wide as the
/// vocabulary. Trained word by word with plain gradient descent, which is all that the factored output layer can be trained with.
struct WordPredictor {
  /// What a step costs below the output layer, in multiplications.
  private let hiddenCost: Int
  private let inputs: Int
  private let width: Int
  private let vectorWidth: Int
  private var vectors: [Double]
  private var hidden: [Double]
  private var output: Output
  private var absorptions = 0

  /// The layer that scores all words.
  enum Output {
    /// ``FactoredSphericalOutput`` with a loss of the spherical family.
    case factored(FactoredSphericalOutput, FactoredSphericalOutput.Loss)
    /// All scores, for softmax cross-entropy.
    case dense(DenseSoftmaxOutput)
  }

  /// - Parameters:
  ///   - loss: Nil for softmax cross-entropy.
  ///   - width: Of the last hidden layer, its constant included.
  init(
    vocabulary: Int, context: Int, vectorWidth: Int, width: Int, loss: FactoredSphericalOutput.Loss?, generator: SeededGenerator
  ) throws {
    inputs = context * vectorWidth
    self.width = width
    self.vectorWidth = vectorWidth
    func normal(_ name: String, _ count: Int, _ deviation: Double) -> [Double] {
      var stream = generator.stream(name)
      return (0..<count).map { _ in deviation * stream.normal() }
    }
    vectors = normal("vectors", vocabulary * vectorWidth, 0.1)
    hidden = normal("hidden", (width - 1) * inputs, 1 / Double(inputs).squareRoot())
    // The losses that do not see the scale of the scores need one to begin with; all get the same.
    let weights = normal("output", vocabulary * width, 0.3)
    hiddenCost = 3 * inputs * (width - 1)
    if let loss {
      output = .factored(try FactoredSphericalOutput(weights: weights, width: width), loss)
    } else {
      output = .dense(DenseSoftmaxOutput(weights: weights, width: width))
    }
  }

  /// One step of gradient descent.
  ///
  /// - Returns: The loss before it, and what it cost in multiplications.
  mutating func step(_ position: WordSequences.Position, rate: Double) throws -> (loss: Double, cost: Int) {
    let x = position.context.flatMap { vectors[$0 * vectorWidth..<($0 + 1) * vectorWidth] }
    let h = hiddenValues(x)
    let loss: Double
    let gradient: [Double]
    var cost = hiddenCost
    switch output {
    case .factored(var layer, let kind):
      // Out of the enum while it changes, so that its arrays are not copied.
      output = .dense(DenseSoftmaxOutput(weights: [], width: 1))
      defer { output = .factored(layer, kind) }
      (loss, gradient) = try layer.step(h, target: position.word, learningRate: rate, loss: kind)
      // Sixteen products with, or updates of, matrices of the layer's width, and the multiplication of U into V.
      cost += 16 * width * width + (layer.absorptions - absorptions) * layer.count * width * width
      absorptions = layer.absorptions
    case .dense(var layer):
      output = .dense(DenseSoftmaxOutput(weights: [], width: 1))
      defer { output = .dense(layer) }
      (loss, gradient) = layer.step(h, target: position.word, rate: rate)
      cost += 3 * layer.count * width
    }
    var inputGradient = [Double](repeating: 0, count: inputs)
    for unit in 0..<width - 1 {
      let slope = gradient[unit] * (1 - h[unit] * h[unit])
      let start = unit * inputs
      for j in 0..<inputs {
        inputGradient[j] += slope * hidden[start + j]
        hidden[start + j] -= rate * slope * x[j]
      }
    }
    for (place, word) in position.context.enumerated() {
      for j in 0..<vectorWidth { vectors[word * vectorWidth + j] -= rate * inputGradient[place * vectorWidth + j] }
    }
    return (loss, cost)
  }

  private func hiddenValues(_ x: [Double]) -> [Double] {
    (0..<width).map { unit in
      guard unit < width - 1 else { return 1 }
      var sum = 0.0
      for j in 0..<inputs { sum += hidden[unit * inputs + j] * x[j] }
      return tanh(sum)
    }
  }

  /// From 1: the right word's place among all words.
  func rank(_ position: WordSequences.Position) -> Int {
    let h = hiddenValues(position.context.flatMap { vectors[$0 * vectorWidth..<($0 + 1) * vectorWidth] })
    var scores: [Double]
    switch output {
    case .factored(let layer, let loss):
      scores = layer.scores(h)
      // The probability grows with the square.
      if case .sphericalSoftmax = loss { scores = scores.map(abs) }
    case .dense(let layer): scores = layer.scores(h)
    }
    let own = scores[position.word]
    return scores.count { $0 >= own }
  }
}

/// Softmax cross-entropy over all classes, changed row by row: what the factored layer saves.
struct DenseSoftmaxOutput {
  private var weights: [Double]
  private let width: Int
  var count: Int { weights.count / width }

  init(weights: [Double], width: Int) {
    self.weights = weights
    self.width = width
  }

  func scores(_ h: [Double]) -> [Double] {
    weights.withUnsafeBufferPointer { weights in
      h.withUnsafeBufferPointer { h in
        (0..<weights.count / width).map { row in
          var sum = 0.0
          for j in 0..<width { sum += weights[row * width + j] * h[j] }
          return sum
        }
      }
    }
  }

  /// - Returns: The loss before the step, and its gradient with respect to `h`.
  mutating func step(_ h: [Double], target: Int, rate: Double) -> (loss: Double, inputGradient: [Double]) {
    let scores = scores(h)
    let largest = scores.max() ?? 0
    let terms = scores.map { exp($0 - largest) }
    let total = terms.reduce(0, +)
    var gradient = [Double](repeating: 0, count: width)
    let width = width
    weights.withUnsafeMutableBufferPointer { weights in
      gradient.withUnsafeMutableBufferPointer { gradient in
        h.withUnsafeBufferPointer { h in
          for row in terms.indices {
            let slope = terms[row] / total - (row == target ? 1 : 0)
            for j in 0..<width {
              gradient[j] += slope * weights[row * width + j]
              weights[row * width + j] -= rate * slope * h[j]
            }
          }
        }
      }
    }
    return (log(total) + largest - scores[target], gradient)
  }
}
