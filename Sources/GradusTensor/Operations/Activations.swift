import CGradusKernels

// The gradient of an activation is one fused kernel, unless the backward pass is itself recorded: then it is written in
// tensor operations.

extension Tensor {
  public func tanh() -> Tensor {
    mapped(GRD_TANH).recorded("tanh", [self], savingOutput: true) { context in
      Recording.isOn
        ? [context.upstream * (1 - context.output.square())]
        : [combined(GRD_TANH_GRADIENT, context.output, context.upstream)]
    }
  }

  public func sigmoid() -> Tensor {
    mapped(GRD_SIGMOID).recorded("sigmoid", [self], savingOutput: true) { context in
      Recording.isOn
        ? [context.upstream * context.output * (1 - context.output)]
        : [combined(GRD_SIGMOID_GRADIENT, context.output, context.upstream)]
    }
  }

  /// `max(x, 0)`; the gradient at 0 is 0.
  public func relu() -> Tensor {
    mapped(GRD_RELU).recorded("relu", [self]) { [self] context in
      guard Recording.isOn else { return [combined(GRD_RELU_GRADIENT, self, context.upstream)] }
      return [select(detached() .> .zeros([], type: type), context.upstream, .zeros([], type: type))]
    }
  }

  /// `x * Phi(x)` with the exact normal distribution function, as BERT uses it.
  public func gelu() -> Tensor {
    mapped(GRD_GELU).recorded("gelu", [self]) { [self] context in
      guard Recording.isOn else { return [combined(GRD_GELU_GRADIENT, self, context.upstream)] }
      return [context.upstream * geluSlope()]
    }
  }

  /// `Phi(x) + x phi(x)`, the derivative of gelu, in tensor operations.
  func geluSlope() -> Tensor {
    let distribution = ((self * 0.5.squareRoot()).erf() + 1) * 0.5
    return distribution + self * (square() * -0.5).exp() * (1 / (2 * Double.pi).squareRoot())
  }

  /// `log(1 + e^x)`, without overflow.
  public func softplus() -> Tensor {
    mapped(GRD_SOFTPLUS).recorded("softplus", [self]) { [self] context in
      Recording.isOn ? [context.upstream * sigmoid()] : [combined(GRD_SOFTPLUS_GRADIENT, self, context.upstream)]
    }
  }

  /// `log(sigmoid(x))`, without overflow.
  public func logSigmoid() -> Tensor { -(-self).softplus() }

  /// `x * sigmoid(x)`.
  public func silu() -> Tensor {
    mapped(GRD_SILU).recorded("silu", [self]) { [self] context in
      guard Recording.isOn else { return [combined(GRD_SILU_GRADIENT, self, context.upstream)] }
      let gate = sigmoid()
      return [context.upstream * gate * (self * (1 - gate) + 1)]
    }
  }
}
