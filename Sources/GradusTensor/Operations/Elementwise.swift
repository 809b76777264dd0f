import CGradusKernels
import GradusCore

/// Elements per piece of an elementwise operation.
let elementGrain = 32768

extension Tensor {
  func mapped(_ op: grd_unary_op, _ p0: Double = 0, _ p1: Double = 0) -> Tensor {
    requireFloatingPoint("an elementwise operation")
    let result = Tensor(uninitialized: shape, type: type)
    defer { keepAlive(self, result) }
    profiled(.elementwise) {
      WorkerPool.shared.forEachRange(count: count, grain: elementGrain) { range in
        if isDouble {
          grd_tensor_unary_f64(op, f64 + range.lowerBound, result.f64 + range.lowerBound, range.count, p0, p1)
        } else {
          grd_tensor_unary_f32(op, f32 + range.lowerBound, result.f32 + range.lowerBound, range.count, p0, p1)
        }
      }
    }
    return result
  }

  public static prefix func - (x: Tensor) -> Tensor {
    x.mapped(GRD_NEGATE).recorded("negate", [x]) { [-$0.upstream] }
  }

  public func exp() -> Tensor {
    mapped(GRD_EXP).recorded("exp", [self], savingOutput: true) { [$0.upstream * $0.output] }
  }

  public func log() -> Tensor { mapped(GRD_LOG).recorded("log", [self]) { [self] in [$0.upstream / self] } }

  /// `log(1 + x)`, exact for small x.
  public func log1p() -> Tensor { mapped(GRD_LOG1P).recorded("log1p", [self]) { [self] in [$0.upstream / (self + 1)] } }

  public func sqrt() -> Tensor {
    mapped(GRD_SQRT).recorded("sqrt", [self], savingOutput: true) { [$0.upstream / ($0.output * 2)] }
  }

  /// `1 / sqrt(x)`.
  public func rsqrt() -> Tensor {
    mapped(GRD_RSQRT).recorded("rsqrt", [self], savingOutput: true) { context in
      [context.upstream * context.output * context.output * context.output * -0.5]
    }
  }

  public func square() -> Tensor { mapped(GRD_SQUARE).recorded("square", [self]) { [self] in [$0.upstream * self * 2] } }

  public func reciprocal() -> Tensor {
    mapped(GRD_RECIPROCAL).recorded("reciprocal", [self], savingOutput: true) { [-($0.upstream * $0.output * $0.output)] }
  }

  /// Absolute value; its gradient at 0 is 0.
  public func abs() -> Tensor {
    mapped(GRD_ABS).recorded("abs", [self]) { [self] in [$0.upstream * detached().sign()] }
  }

  /// -1, 0 or 1; no gradient.
  public func sign() -> Tensor { mapped(GRD_SIGN) }

  public func sin() -> Tensor { mapped(GRD_SIN).recorded("sin", [self]) { [self] in [$0.upstream * cos()] } }

  public func cos() -> Tensor { mapped(GRD_COS).recorded("cos", [self]) { [self] in [-($0.upstream * sin())] } }

  public func erf() -> Tensor {
    mapped(GRD_ERF).recorded("erf", [self]) { [self] in [$0.upstream * (-square()).exp() * (2 / Double.pi.squareRoot())] }
  }

  /// Limits values to `low...high`; the gradient is 0 outside.
  public func clamp(_ low: Double, _ high: Double) -> Tensor {
    mapped(GRD_CLAMP, low, high).recorded("clamp", [self]) { [self] context in
      let inside = isInside(low, high)
      return [select(inside, context.upstream, .zeros([], type: type))]
    }
  }

  private func isInside(_ low: Double, _ high: Double) -> Tensor {
    let position = detached()
    let above = position .>= .scalar(low, type: type)
    let below = position .<= .scalar(high, type: type)
    return above.and(below)
  }

  /// `x ^ exponent` for a constant exponent.
  public func power(_ exponent: Double) -> Tensor {
    if exponent == 2 { return square() }
    return mapped(GRD_POWER, exponent).recorded("power", [self]) { [self] in
      [$0.upstream * power(exponent - 1) * exponent]
    }
  }

  /// `scale * x + offset` for constants.
  public func affine(scale: Double, offset: Double) -> Tensor {
    mapped(GRD_AFFINE, scale, offset).recorded("affine", [self]) { [$0.upstream.affine(scale: scale, offset: 0)] }
  }

  public static func * (x: Tensor, factor: Double) -> Tensor { x.affine(scale: factor, offset: 0) }
  public static func * (factor: Double, x: Tensor) -> Tensor { x.affine(scale: factor, offset: 0) }
  public static func / (x: Tensor, divisor: Double) -> Tensor { x.affine(scale: 1 / divisor, offset: 0) }
  public static func + (x: Tensor, offset: Double) -> Tensor { x.affine(scale: 1, offset: offset) }
  public static func + (offset: Double, x: Tensor) -> Tensor { x.affine(scale: 1, offset: offset) }
  public static func - (x: Tensor, offset: Double) -> Tensor { x.affine(scale: 1, offset: -offset) }
  public static func - (offset: Double, x: Tensor) -> Tensor { x.affine(scale: -1, offset: offset) }
  public static func / (dividend: Double, x: Tensor) -> Tensor { x.reciprocal() * dividend }
}
