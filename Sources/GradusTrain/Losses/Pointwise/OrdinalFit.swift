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
  /// A feature that has the same value everywhere says nothing.
  case constantFeature(Int)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .tooFewLevels(let found): "ordinal regression needs at least 2 classes, found \(found)"
    case .classMissing(let missing): "no observation is of class \(missing); merge it with a neighbour"
    case .classOutside(let row, let found, let levels): "row \(row): class \(found) is outside 0...\(levels - 1)"
    case .shape(let row, let expected, let found): "row \(row): expected \(expected) numbers, found \(found)"
    case .notFinite(let row, let feature): "row \(row): feature \(feature) is not a finite number"
    case .constantFeature(let feature): "feature \(feature) has the same value everywhere; leave it out"
    }
  }
}

/// One fit of ``OrdinalRegression``: standardised features and the arithmetic of FISTA.
struct OrdinalFit {
  private let x: [Double]
  private let classes: [Int]
  private let count: Int
  private let features: Int
  private let boundaries: Int
  private let means: [Double]
  private let deviations: [Double]
  private let penalty: FusedDifferencePenalty?

  init(_ rows: [[Double]], classes: [Int], levels: Int, penalty: FusedDifferencePenalty?) throws(OrdinalRegressionError) {
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
    self.penalty = penalty
    var means: [Double] = [], deviations: [Double] = []
    for feature in 0..<features {
      let mean = rows.reduce(0) { $0 + $1[feature] } / Double(count)
      let variance = rows.reduce(0) { $0 + ($1[feature] - mean) * ($1[feature] - mean) } / Double(count)
      guard variance > 0 else { throw .constantFeature(feature) }
      means.append(mean)
      deviations.append(variance.squareRoot())
    }
    self.means = means
    self.deviations = deviations
    x = rows.flatMap { row in row.indices.map { (row[$0] - means[$0]) / deviations[$0] } }
  }

  /// Intercepts, then psi boundary by boundary.
  private typealias Point = [Double]

  private var start: Point {
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
      func cumulative(_ boundary: Int) -> Double {
        var eta = point[boundary]
        for j in 0..<features { eta += slopes[boundary * features + j] * x[row * features + j] }
        return sigmoid(eta)
      }
      let upper = own < boundaries ? cumulative(own) : 1, lower = own > 0 ? cumulative(own - 1) : 0
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

  private func slopes(of point: Point) -> [Double] {
    var slopes = Array(point[boundaries...])
    for position in slopes.indices where position >= features { slopes[position] += slopes[position - features] }
    return slopes
  }

  private func weight(_ position: Int) -> Double {
    guard let penalty, position >= boundaries else { return 0 }
    return position < boundaries + features && !penalty.penalisesFirst ? 0 : penalty.lambda
  }

  private func price(_ point: Point) -> Double { point.indices.reduce(0) { $0 + weight($1) * abs(point[$1]) } }

  func largestLambda() -> Double {
    var gradient: Point = []
    _ = loss(start, gradient: &gradient)
    return gradient[boundaries...].map(abs).max() ?? 0
  }

  func run(maximumIterations: Int, tolerance: Double) -> OrdinalRegression {
    var point = start, ahead = point
    var momentum = 1.0, rate = 1.0
    var gradient: Point = [], ignored: Point = []
    var value = loss(point, gradient: &gradient) + price(point)
    var iterations = 0
    while iterations < maximumIterations {
      iterations += 1
      var base = loss(ahead, gradient: &gradient)
      if !base.isFinite {
        ahead = point
        momentum = 1
        base = loss(ahead, gradient: &gradient)
      }
      var next = point
      while true {
        for position in ahead.indices {
          let moved = ahead[position] - rate * gradient[position]
          let threshold = rate * weight(position)
          next[position] = moved > threshold ? moved - threshold : moved < -threshold ? moved + threshold : 0
          if threshold == 0 { next[position] = moved }
        }
        var bound = base
        for position in next.indices {
          let move = next[position] - ahead[position]
          bound += gradient[position] * move + move * move / (2 * rate)
        }
        if loss(next, gradient: &ignored) <= bound + 1e-12 || rate < 1e-12 { break }
        rate /= 2
      }
      let found = loss(next, gradient: &ignored) + price(next)
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
    return unstandardised(point, objective: value, iterations: iterations)
  }

  private func unstandardised(_ point: Point, objective: Double, iterations: Int) -> OrdinalRegression {
    let standard = slopes(of: point)
    let slopes = (0..<boundaries).map { boundary in (0..<features).map { standard[boundary * features + $0] / deviations[$0] } }
    let intercepts = (0..<boundaries).map { boundary in
      (0..<features).reduce(point[boundary]) { $0 - slopes[boundary][$1] * means[$1] }
    }
    return OrdinalRegression(intercepts: intercepts, slopes: slopes, objective: objective, iterations: iterations)
  }
}
