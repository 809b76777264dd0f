/// An output layer of D classes whose training step costs O(d^2) instead of O(D d), for losses that see the scores through three
/// numbers alone (Vincent, de Brébisson and Bouthillier, NIPS 2015, arXiv 1412.7091).
///
///     o = W h,   loss = L(o_c, s, q),   s = sum_k o_k,   q = sum_k o_k^2
///
/// W (D x d) is kept as `V U + 1 omega^T`, with the d x d products `Q = W^T W` and `wbar = W^T 1` beside it. A step of plain
/// gradient descent then changes one row of V, and U, U^-1, omega, Q and wbar:
///
///     var layer = try FactoredSphericalOutput(weights: weights, width: 64)
///     let (loss, gradient) = try layer.step(h, target: 17, learningRate: 0.01, loss: .z(a: 1, b: 10))
///
/// The step is that of gradient descent on W but for rounding; momentum and Adam, which remember every row, have no such form.
/// U drifts away from the identity. Where the product of its norm and its inverse's says that it has become ill-conditioned, it
/// is multiplied into V, which costs O(D d^2) once (``absorptions`` counts). Doubles throughout: the inverse is updated, never
/// computed anew.
public struct FactoredSphericalOutput: Sendable {
  /// A loss of the spherical family.
  public enum Loss: Sendable, Equatable {
    /// ``ZLoss``.
    case z(a: Double, b: Double)
    /// Squared error against 1 at the target and 0 elsewhere: `q - 2 o_c + 1`.
    case squaredError
    /// ``SphericalSoftmaxLoss``.
    case sphericalSoftmax(epsilon: Double)
    /// ``TaylorSoftmaxLoss``.
    case taylorSoftmax
  }

  /// Classes.
  public let count: Int
  /// Length of h.
  public let width: Int
  /// Largest `|U| |U^-1|` (Frobenius), at least `width`, which it is at first; a step loses about as many digits as it has.
  public let conditionLimit: Double
  /// How often U was multiplied into V.
  public private(set) var absorptions = 0
  private var v: [Double]
  private var u: [Double]
  private var inverse: [Double]
  private var omega: [Double]
  private var q: [Double]
  private var wbar: [Double]
  private var steps = 0
  private static let stepsPerCheck = 8

  /// - Parameters:
  ///   - weights: `[D, width]`, row by row.
  ///   - conditionLimit: Above `width`.
  /// - Throws: ``LossError/parameter(_:found:expected:)``.
  /// - Complexity: O(D width^2), once.
  public init(weights: [Double], width: Int, conditionLimit: Double = 1e6) throws(LossError) {
    guard width >= 1, weights.count % max(1, width) == 0, weights.count / max(1, width) >= 2 else {
      throw .parameter("weights", found: Double(weights.count), expected: "two or more rows of \(width) numbers")
    }
    guard conditionLimit > Double(width) else {
      throw .parameter("conditionLimit", found: conditionLimit, expected: "above the width, \(width)")
    }
    self.width = width
    count = weights.count / width
    self.conditionLimit = conditionLimit
    v = weights
    u = Self.identity(width)
    inverse = Self.identity(width)
    omega = [Double](repeating: 0, count: width)
    wbar = [Double](repeating: 0, count: width)
    q = [Double](repeating: 0, count: width * width)
    for row in 0..<count {
      let start = row * width
      for i in 0..<width {
        let value = weights[start + i]
        wbar[i] += value
        for j in 0..<width { q[i * width + j] += value * weights[start + j] }
      }
    }
  }

  private static func identity(_ width: Int) -> [Double] {
    (0..<width * width).map { $0 / width == $0 % width ? 1 : 0 }
  }

  /// W as it is now, `[D, width]`. O(D width^2).
  public var weights: [Double] {
    var result = [Double](repeating: 0, count: count * width)
    for row in 0..<count {
      for k in 0..<width {
        let factor = v[row * width + k]
        for j in 0..<width { result[row * width + j] += factor * u[k * width + j] }
      }
      for j in 0..<width { result[row * width + j] += omega[j] }
    }
    return result
  }

  /// The scores of all classes. O(D width).
  public func scores(_ h: [Double]) -> [Double] {
    let uh = Self.times(u, h)
    let shift = Self.dot(omega, h)
    return (0..<count).map { row in
      var sum = shift
      for k in 0..<width { sum += v[row * width + k] * uh[k] }
      return sum
    }
  }

  /// One step of gradient descent on the loss of one example.
  ///
  /// - Parameters:
  ///   - h: The layer's input, `[width]`.
  ///   - target: The right class.
  /// - Returns: The loss before the step, and its gradient with respect to `h` (at the old weights).
  /// - Throws: ``LossError/parameter(_:found:expected:)`` for a step so long that W would collapse along h.
  /// - Complexity: O(width^2), and O(D width^2) where U has become ill-conditioned.
  public mutating func step(
    _ h: [Double], target: Int, learningRate eta: Double, loss: Loss
  ) throws(LossError) -> (loss: Double, inputGradient: [Double]) {
    guard h.count == width else { throw .parameter("h", found: Double(h.count), expected: "\(width) numbers") }
    guard (0..<count).contains(target) else {
      throw .parameter("target", found: Double(target), expected: "a class from 0 to \(count - 1)")
    }
    let uh = Self.times(u, h)
    let qh = Self.times(q, h)
    var score = Self.dot(omega, h)
    for k in 0..<width { score += v[target * width + k] * uh[k] }
    let derivative = loss.derivative(score: score, sum: Self.dot(wbar, h), squares: Self.dot(h, qh), classes: count)
    let (alpha, beta, gamma) = (derivative.score, derivative.sum, derivative.squares)

    // Row c of W, before the step.
    var row = omega
    for k in 0..<width {
      let factor = v[target * width + k]
      for j in 0..<width { row[j] += factor * u[k * width + j] }
    }
    let gradient = (0..<width).map { alpha * row[$0] + beta * wbar[$0] + 2 * gamma * qh[$0] }

    let kappa = 2 * eta * gamma
    let norm = Self.dot(h, h)
    let rest = 1 - kappa * norm
    guard abs(rest) > 1e-6 else {
      throw .parameter("learningRate", found: eta, expected: "smaller: the step would take away all of W along its input")
    }
    // Everything on the left of A = I - kappa h h^T.
    let aWbar = Self.reflected(wbar, h, kappa), aRow = Self.reflected(row, h, kappa)
    // Q <- A Q A - eta (h b^T + b h^T) + eta^2 (...) h h^T, b = beta A wbar + alpha A w_c.
    let aqh = Self.reflected(qh, h, kappa)
    let b = (0..<width).map { beta * aWbar[$0] + alpha * aRow[$0] }
    let square = eta * eta * (beta * beta * Double(count) + 2 * alpha * beta + alpha * alpha)
    for i in 0..<width {
      for j in 0..<width {
        // A Q A = Q - kappa h (Q h)^T - kappa (A Q h) h^T.
        q[i * width + j] += -kappa * (h[i] * qh[j] + aqh[i] * h[j]) - eta * (h[i] * b[j] + b[i] * h[j]) + square * h[i] * h[j]
      }
    }
    for i in 0..<width { wbar[i] = aWbar[i] - eta * (beta * Double(count) + alpha) * h[i] }
    let omegaH = Self.dot(omega, h)
    for i in 0..<width { omega[i] -= eta * beta * h[i] + kappa * omegaH * h[i] }
    // U <- U A, U^-1 <- A^-1 U^-1.
    for i in 0..<width { for j in 0..<width { u[i * width + j] -= kappa * uh[i] * h[j] } }
    let hInverse = Self.times(h, inverse, width)
    let growth = kappa / rest
    for i in 0..<width { for j in 0..<width { inverse[i * width + j] += growth * h[i] * hInverse[j] } }
    // h^T times the new inverse: h^T U^-1 / (1 - kappa |h|^2).
    for k in 0..<width { v[target * width + k] -= eta * alpha * hInverse[k] / rest }
    steps += 1
    if steps % Self.stepsPerCheck == 0, Self.dot(u, u) * Self.dot(inverse, inverse) > conditionLimit * conditionLimit { absorb() }
    return (derivative.loss, gradient)
  }

  /// Multiplies U into V.
  private mutating func absorb() {
    absorptions += 1
    let factored = self
    for row in 0..<count {
      for j in 0..<width { v[row * width + j] = 0 }
      for k in 0..<width {
        let factor = factored.v[row * width + k]
        for j in 0..<width { v[row * width + j] += factor * factored.u[k * width + j] }
      }
    }
    u = Self.identity(width)
    inverse = Self.identity(width)
  }

  // MARK: - Small products

  private static func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in a.indices { sum += a[i] * b[i] }
    return sum
  }

  /// Matrix times column.
  private static func times(_ matrix: [Double], _ x: [Double]) -> [Double] {
    let width = x.count
    return (0..<width).map { i in
      var sum = 0.0
      for j in 0..<width { sum += matrix[i * width + j] * x[j] }
      return sum
    }
  }

  /// Row times matrix.
  private static func times(_ x: [Double], _ matrix: [Double], _ width: Int) -> [Double] {
    var result = [Double](repeating: 0, count: width)
    for i in 0..<width { for j in 0..<width { result[j] += x[i] * matrix[i * width + j] } }
    return result
  }

  /// `x - kappa (h . x) h`.
  private static func reflected(_ x: [Double], _ h: [Double], _ kappa: Double) -> [Double] {
    let factor = kappa * dot(h, x)
    return x.indices.map { x[$0] - factor * h[$0] }
  }
}
