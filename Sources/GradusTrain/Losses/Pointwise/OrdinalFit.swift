#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import GradusCore

/// Why ordered classes cannot be fitted.
public enum OrdinalRegressionError: GradusError, Equatable {
  case tooFewLevels(Int)
  case classMissing(Int)
  case classOutside(row: Int, found: Int, levels: Int)
  /// Rows of different lengths, or not one class a row.
  case shape(row: Int, expected: Int, found: Int)
  case notFinite(row: Int, feature: Int)
  /// A path of penalties needs two of them, falling.
  case path(count: Int, leastRatio: Double)
  /// Not one fold a row, or a single fold.
  case folds(expected: Int, found: Int)
  /// Without a penalty there must be more rows than numbers to fit.
  case tooFewRows(Int, numbers: Int)

  public var failureKind: FailureKind {
    switch self {
    case .path, .folds: .usage
    default: .badData
    }
  }

  public var description: String {
    switch self {
    case .path(let count, let ratio):
      "a path needs at least 2 lambdas and a least ratio between 0 and 1, found \(count) and \(ratio)"
    case .folds(let expected, let found): "cross-validation expected \(expected) folds, one a row and at least 2, found \(found)"
    case .tooFewLevels(let found): "ordinal regression needs at least 2 classes, found \(found)"
    case .classMissing(let missing): "no observation is of class \(missing); merge it with a neighbour"
    case .classOutside(let row, let found, let levels): "row \(row): class \(found) is outside 0...\(levels - 1)"
    case .shape(let row, let expected, let found): "row \(row): expected \(expected) numbers, found \(found)"
    case .notFinite(let row, let feature): "row \(row): feature \(feature) is not a finite number"
    case .tooFewRows(let found, let numbers):
      "\(found) rows cannot tell \(numbers) numbers without a penalty; take a lambda above 0, fewer features or shared slopes"
    }
  }
}

/// The data of fits of ``OrdinalRegression``: standardised features, and the arithmetic of FISTA.
struct OrdinalFit {
  /// Intercepts, then psi boundary by boundary, on standardised features.
  typealias Point = [Double]

  private let x: [Double]
  private let classes: [Int]
  private let count: Int
  private let features: Int
  private let boundaries: Int
  private let means: [Double]
  private let deviations: [Double]
  /// Have the same value everywhere and say nothing; their slopes are 0.
  private let constantFeatures: [Int]

  init(_ rows: [[Double]], classes: [Int], levels: Int) throws(OrdinalRegressionError) {
    guard levels >= 2 else { throw .tooFewLevels(levels) }
    guard rows.count == classes.count else { throw .shape(row: 0, expected: rows.count, found: classes.count) }
    for (row, own) in classes.enumerated() where !(0..<levels).contains(own) {
      throw .classOutside(row: row, found: own, levels: levels)
    }
    for level in 0..<levels where !classes.contains(level) { throw .classMissing(level) }
    features = rows.first?.count ?? 0
    for (row, values) in rows.enumerated() {
      guard values.count == features else { throw .shape(row: row, expected: features, found: values.count) }
      if let bad = values.firstIndex(where: { !$0.isFinite }) { throw .notFinite(row: row, feature: bad) }
    }
    count = rows.count
    boundaries = levels - 1
    self.classes = classes
    var means: [Double] = [], deviations: [Double] = [], constant: [Int] = []
    for feature in 0..<features {
      let mean = rows.reduce(0) { $0 + $1[feature] } / Double(count)
      let variance = rows.reduce(0) { $0 + ($1[feature] - mean) * ($1[feature] - mean) } / Double(count)
      if rows.allSatisfy({ $0[feature] == rows[0][feature] }) { constant.append(feature) }
      means.append(mean)
      deviations.append(variance > 0 ? variance.squareRoot() : 1)
    }
    self.means = means
    self.deviations = deviations
    constantFeatures = constant
    let silent = Set(constant)
    x = rows.flatMap { row in row.indices.map { silent.contains($0) ? 0 : (row[$0] - means[$0]) / deviations[$0] } }
  }

  var start: Point {
    var below = 0
    let intercepts = (0..<boundaries).map { boundary -> Double in
      below += classes.count { $0 == boundary }
      let share = Double(below) / Double(count)
      return log(share / (1 - share))
    }
    return intercepts + [Double](repeating: 0, count: boundaries * features)
  }

  /// Mean negative log-likelihood, infinite where an observed class has no positive probability, and its gradient.
  private func loss(_ point: Point, gradient: inout Point) -> Double {
    let slopes = slopes(of: point)
    var total = 0.0
    gradient = [Double](repeating: 0, count: point.count)
    var slopeGradient = [Double](repeating: 0, count: boundaries * features)
    for row in 0..<count {
      let own = classes[row]
      let upper = own < boundaries ? cumulative(own, row, point, slopes) : 1
      let lower = own > 0 ? cumulative(own - 1, row, point, slopes) : 0
      let probability = upper - lower
      guard probability > 0 else { return .infinity }
      total -= log(probability)
      for (boundary, value, sign) in [(own, upper, -1.0), (own - 1, lower, 1.0)] where (0..<boundaries).contains(boundary) {
        let push = sign * value * (1 - value) / probability / Double(count)
        gradient[boundary] += push
        for j in 0..<features { slopeGradient[boundary * features + j] += push * x[row * features + j] }
      }
    }
    // psi_k moves the slopes of boundary k and of all after it.
    for j in 0..<features {
      var sum = 0.0
      for boundary in (0..<boundaries).reversed() {
        sum += slopeGradient[boundary * features + j]
        gradient[boundaries + boundary * features + j] = sum
      }
    }
    return total / Double(count)
  }

  /// The loss alone.
  private func loss(_ point: Point) -> Double {
    let slopes = slopes(of: point)
    var total = 0.0
    for row in 0..<count {
      let own = classes[row]
      let upper = own < boundaries ? cumulative(own, row, point, slopes) : 1
      let lower = own > 0 ? cumulative(own - 1, row, point, slopes) : 0
      guard upper > lower else { return .infinity }
      total -= log(upper - lower)
    }
    return total / Double(count)
  }

  private func cumulative(_ boundary: Int, _ row: Int, _ point: Point, _ slopes: [Double]) -> Double {
    var eta = point[boundary]
    for j in 0..<features { eta += slopes[boundary * features + j] * x[row * features + j] }
    return sigmoid(eta)
  }

  private func slopes(of point: Point) -> [Double] {
    var slopes = Array(point[boundaries...])
    for position in slopes.indices where position >= features { slopes[position] += slopes[position - features] }
    return slopes
  }

  func largestLambda(_ slopes: OrdinalRegression.Slopes) -> Double {
    var gradient: Point = []
    _ = loss(start, gradient: &gradient)
    let counted = slopes == .shared ? boundaries..<boundaries + features : boundaries..<gradient.count
    return gradient[counted].map(abs).max() ?? 0
  }

  /// - Parameter from: Where to start; nil for the intercepts alone.
  func run(
    _ penalty: FusedDifferencePenalty, slopes: OrdinalRegression.Slopes, from: Point? = nil, maximumIterations: Int,
    tolerance: Double
  ) throws(OrdinalRegressionError) -> (point: Point, objective: Double, iterations: Int) {
    let numbers = boundaries + features * (slopes == .shared ? 1 : boundaries)
    if penalty.lambda == 0, count <= numbers { throw .tooFewRows(count, numbers: numbers) }
    // Of each number: what a unit of it costs; nil where it stays 0.
    let prices = start.indices.map { position -> Double? in
      if position < boundaries { return 0 }
      if position < boundaries + features { return penalty.penalisesFirst ? penalty.lambda : 0 }
      return slopes == .shared ? nil : penalty.lambda
    }
    func price(_ point: Point) -> Double { zip(point, prices).reduce(0) { $0 + abs($1.0) * ($1.1 ?? 0) } }
    var point = from ?? start, ahead = from ?? start
    var momentum = 1.0, rate = 1.0
    var gradient: Point = []
    var value = loss(point) + price(point)
    var iterations = 0
    while iterations < maximumIterations {
      iterations += 1
      var base = loss(ahead, gradient: &gradient)
      if !base.isFinite {
        ahead = point
        momentum = 1
        base = loss(ahead, gradient: &gradient)
      }
      var next = point, found = 0.0
      while true {
        for (position, price) in prices.enumerated() {
          guard let price else { continue }
          let moved = ahead[position] - rate * gradient[position]
          let threshold = rate * price
          next[position] = moved > threshold ? moved - threshold : moved < -threshold ? moved + threshold : 0
          if threshold == 0 { next[position] = moved }
        }
        var bound = base
        for position in next.indices {
          let move = next[position] - ahead[position]
          bound += gradient[position] * move + move * move / (2 * rate)
        }
        found = loss(next)
        if found <= bound + 1e-12 || rate < 1e-12 { break }
        rate /= 2
      }
      found += price(next)
      if found > value, momentum > 1 {
        // The momentum has overshot: once more from the point itself.
        ahead = point
        momentum = 1
        continue
      }
      let grown = (1 + (1 + 4 * momentum * momentum).squareRoot()) / 2
      var largest = 0.0
      for position in next.indices {
        let move = next[position] - point[position]
        largest = max(largest, abs(move))
        ahead[position] = next[position] + (momentum - 1) / grown * move
      }
      point = next
      value = found
      momentum = grown
      rate *= 1.1
      if largest < tolerance { break }
    }
    return (point, value, iterations)
  }

  /// The model of a point, on the features as they came.
  func regression(_ found: (point: Point, objective: Double, iterations: Int)) -> OrdinalRegression {
    let standard = slopes(of: found.point)
    let slopes = (0..<boundaries).map { boundary in (0..<features).map { standard[boundary * features + $0] / deviations[$0] } }
    let intercepts = (0..<boundaries).map { boundary in
      (0..<features).reduce(found.point[boundary]) { $0 - slopes[boundary][$1] * means[$1] }
    }
    return OrdinalRegression(
      intercepts: intercepts, slopes: slopes, objective: found.objective, iterations: found.iterations,
      constantFeatures: constantFeatures)
  }
}
