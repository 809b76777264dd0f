/// Gradients by parameter: sums over micro-batches and losses, then one optimizer step.
///
///     var store = GradientStore()
///     try store.accumulate(of: loss, for: model.trainableParameters)
///     store.clip(globalNorm: 1)
///     optimizer.step(store)
///
/// Parameters keep the order in which they first came, which fixes the order of the norm's sum.
public struct GradientStore {
  private var order: [Parameter] = []
  private var gradients: [ObjectIdentifier: Gradient] = [:]
  /// What all gradients still have to be multiplied with: clipping costs an optimizer no pass over memory of its own.
  private var pendingFactor = 1.0

  public init() {}

  public var parameters: [Parameter] { order }
  public var isEmpty: Bool { order.isEmpty }

  /// The sum so far with all elements, or nil for a parameter that has not taken part. A row-sparse sum is copied into a tensor
  /// of the table's size; ``gradient(of:)`` gives it as it is.
  public subscript(parameter: Parameter) -> Tensor? { gradient(of: parameter)?.densified() }

  /// The sum so far, or nil for a parameter that has not taken part.
  public func gradient(of parameter: Parameter) -> Gradient? {
    guard let gradient = gradients[ObjectIdentifier(parameter)] else { return nil }
    return pendingFactor == 1 ? gradient : gradient.multiplied(by: pendingFactor)
  }

  /// A gradient and what it has to be multiplied with.
  func unscaled(_ parameter: Parameter) -> (gradient: Gradient, factor: Double)? {
    gradients[ObjectIdentifier(parameter)].map { ($0, pendingFactor) }
  }

  /// Adds the gradient of `loss` (one element) with respect to each parameter, times `scale`.
  ///
  /// - Parameter keepingGraph: Keeps the graph of `loss` for a further pass over it.
  public mutating func accumulate(
    of loss: Tensor, for parameters: [Parameter], scale: Double = 1, keepingGraph: Bool = false
  ) throws {
    let found = try GradusTensor.gradients(
      of: loss, for: parameters, upstream: .full(loss.shape, scale, type: loss.type), keepingGraph: keepingGraph)
    for (parameter, gradient) in zip(parameters, found) { add(gradient, for: parameter) }
  }

  /// Adds `scale * gradient`.
  public mutating func add(_ gradient: Tensor, for parameter: Parameter, scale: Double = 1) {
    add(.dense(gradient), for: parameter, scale: scale)
  }

  /// Adds `scale * gradient`, of all elements or of some rows.
  public mutating func add(_ gradient: Gradient, for parameter: Parameter, scale: Double = 1) {
    guard gradient.shape == parameter.shape else {
      preconditionFailure("gradient of shape \(gradient.shape) for parameter \(parameter.name) of shape \(parameter.shape)")
    }
    applyFactor()
    let key = ObjectIdentifier(parameter)
    if gradients[key] == nil {
      order.append(parameter)
      gradients[key] = scale == 1 ? gradient.detached() : gradient.multiplied(by: scale)
    } else {
      gradients[key]?.add(gradient, scale: scale)
    }
  }

  /// Adds all of another store's gradients, times `scale`.
  public mutating func add(_ other: GradientStore, scale: Double = 1) {
    for parameter in other.order {
      if let gradient = other.gradient(of: parameter) { add(gradient, for: parameter, scale: scale) }
    }
  }

  /// Multiplies every gradient.
  public mutating func scale(by factor: Double) {
    applyFactor()
    pendingFactor = factor
  }

  private mutating func applyFactor() {
    guard pendingFactor != 1 else { return }
    for parameter in order { gradients[ObjectIdentifier(parameter)] = gradient(of: parameter) }
    pendingFactor = 1
  }

  /// Square root of the sum of squares over all parameters.
  public func globalNorm() -> Double {
    order.reduce(0) { $0 + (gradient(of: $1)?.sumOfSquares() ?? 0) }.squareRoot()
  }

  /// Scales all gradients so that their global norm is at most `limit`. Returns the norm before.
  @discardableResult
  public mutating func clip(globalNorm limit: Double) -> Double {
    let norm = globalNorm()
    if norm > limit { scale(by: limit / norm) }
    return norm
  }

  /// Forgets everything.
  public mutating func clear() { self = GradientStore() }
}
