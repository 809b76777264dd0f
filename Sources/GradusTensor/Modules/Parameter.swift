/// A named weight of a model.
///
/// A parameter has an identity, so it is a class: layers, optimizers and gradient stores refer to the same one. `value`
/// is a tracked leaf while `isTrainable`, and a constant otherwise.
public final class Parameter {
  /// Unique within a model, dotted by module: `encoder.layer.0.output.weight`.
  public internal(set) var name: String
  private var storedValue: Tensor

  /// - Parameter isTrainable: False for statistics that a forward pass updates, and for frozen weights.
  public init(_ name: String, _ value: Tensor, isTrainable: Bool = true) {
    self.name = name
    self.isTrainable = isTrainable
    storedValue = isTrainable ? value.tracked() : value.detached()
  }

  /// The weight. Setting it keeps nothing of the new value's history.
  public var value: Tensor {
    get { storedValue }
    set {
      guard newValue.shape == storedValue.shape else {
        preconditionFailure("parameter \(name) has shape \(storedValue.shape), not \(newValue.shape)")
      }
      storedValue = isTrainable ? newValue.tracked() : newValue.detached()
    }
  }

  public var isTrainable: Bool {
    didSet { if isTrainable != oldValue { storedValue = isTrainable ? storedValue.tracked() : storedValue.detached() } }
  }

  /// How ``Linear`` layers multiply with this weight, and compute its gradient.
  public var productPrecision = ProductPrecision.fp32

  public var shape: [Int] { storedValue.shape }

  /// Changes the value in place: an optimizer's access. Copies only where a graph still holds the old value.
  func update(_ body: (Tensor) -> Void) {
    storedValue.makeUnique()
    body(storedValue)
  }
}
