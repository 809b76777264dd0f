/// Layer normalisation over the last axis, with gain (`weight`) and bias.
public struct LayerNorm: Module {
  public let weight: Parameter
  public let bias: Parameter
  public let epsilon: Double

  /// Gain 1, bias 0. BERT uses `epsilon` 1e-12.
  public init(_ name: String, width: Int, epsilon: Double = 1e-12, type: ScalarType = .float32) {
    self.init(name, weight: .ones([width], type: type), bias: .zeros([width], type: type), epsilon: epsilon)
  }

  /// From weights that exist.
  public init(_ name: String, weight: Tensor, bias: Tensor, epsilon: Double = 1e-12) {
    self.weight = Parameter(dottedName(name, "weight"), weight)
    self.bias = Parameter(dottedName(name, "bias"), bias)
    self.epsilon = epsilon
  }

  public var parameters: [Parameter] { [weight, bias] }

  /// Normalises `x`, or `x + residual`, or `dropout(x) + residual`.
  public func callAsFunction(_ x: Tensor, residual: Tensor? = nil, dropout: FusedDropout? = nil) -> Tensor {
    layerNorm(x, residual: residual, gain: weight.value, bias: bias.value, epsilon: epsilon, dropout: dropout)
  }
}
