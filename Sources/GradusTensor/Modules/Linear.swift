import GradusCore

/// An affine map with a weight of shape `[outputs, inputs]`, as PyTorch stores it.
public struct Linear: Module {
  public let weight: Parameter
  public let bias: Parameter?
  public var activation: LinearActivation?

  /// Truncated normal weights with the given standard deviation (BERT's 0.02 unless named), bias 0.
  public init(
    _ name: String, inputs: Int, outputs: Int, hasBias: Bool = true, activation: LinearActivation? = nil,
    standardDeviation: Double = 0.02, type: ScalarType = .float32, using generator: inout SeededGenerator
  ) {
    weight = Parameter(
      dottedName(name, "weight"),
      .truncatedNormal([outputs, inputs], standardDeviation: standardDeviation, type: type, using: &generator))
    bias = hasBias ? Parameter(dottedName(name, "bias"), .zeros([outputs], type: type)) : nil
    self.activation = activation
  }

  /// From weights that exist.
  public init(_ name: String, weight: Tensor, bias: Tensor?, activation: LinearActivation? = nil) {
    self.weight = Parameter(dottedName(name, "weight"), weight)
    self.bias = bias.map { Parameter(dottedName(name, "bias"), $0) }
    self.activation = activation
  }

  public var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }

  /// `[.., inputs]` to `[.., outputs]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    linear(x, weight: weight.value, bias: bias?.value, activation: activation, precision: weight.productPrecision)
  }
}
