import GradusTensor

/// A layer norm with or without a bias.
struct EncoderNorm: Module {
  private let norm: LayerNorm
  let hasBias: Bool

  init(_ norm: LayerNorm, hasBias: Bool = true) {
    self.norm = norm
    self.hasBias = hasBias
    // No parameter of the model then, and not to be trained.
    if !hasBias { norm.bias.isTrainable = false }
  }

  var weight: Parameter { norm.weight }
  /// Zeros that stay so where there is no bias.
  var bias: Parameter { norm.bias }
  var parameters: [Parameter] { hasBias ? norm.parameters : [norm.weight] }

  func callAsFunction(_ x: Tensor, residual: Tensor? = nil, dropout: FusedDropout? = nil) -> Tensor {
    norm(x, residual: residual, dropout: dropout)
  }
}
