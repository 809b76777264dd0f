import CGradusKernels
import GradusCore

/// Functions that a linear layer can apply in the same pass.
public enum LinearActivation: String, Sendable, Codable { case gelu }

/// `x weight^T + bias`, optionally followed by an activation, in one pass over the output.
///
/// - Parameters:
///   - x: `[.., inputs]`.
///   - weight: `[outputs, inputs]`, as PyTorch stores it.
///   - bias: `[outputs]`, or nil.
///   - precision: Of the three products of a float32 layer, forward and backward; float64 layers and gradients that are
///     themselves recorded (for second derivatives) stay in their own type.
/// - Returns: `[.., outputs]`.
public func linear(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, activation: LinearActivation? = nil, precision: ProductPrecision = .fp32
) -> Tensor {
  x.requireFloatingPoint("linear")
  x.requireSameType(weight, "linear")
  guard weight.rank == 2, let inputs = x.shape.last, weight.shape[1] == inputs,
    bias.map({ $0.shape == [weight.shape[0]] }) ?? true
  else { preconditionFailure("linear: x \(x.shape), weight \(weight.shape), bias \(bias?.shape ?? [])") }
  let layer = LinearLayer(
    x: x, weight: weight, bias: bias, activation: activation,
    rounding: precision == .fp32 || x.type != .float32 ? nil : precision)
  let (before, result) = profiled(.productForward, flops: layer.flops) { layer.forward() }
  let kept = activation == nil ? nil : before
  return result.recorded("linear", [x, weight] + (bias.map { [$0] } ?? [])) { context in
    layer.gradients(context, beforeActivation: kept)
  }
}

private struct LinearLayer {
  let x: Tensor
  let weight: Tensor
  let bias: Tensor?
  let activation: LinearActivation?
  /// What operands of products are rounded to; nil for the layer's own type.
  let rounding: ProductPrecision?

  var inputs: Int { weight.shape[1] }
  var outputs: Int { weight.shape[0] }
  var rows: Int { x.shape.dropLast().reduce(1, *) }
  /// Of one of the three products.
  var flops: Double { 2 * Double(rows) * Double(inputs) * Double(outputs) }

  /// The affine sum, and the result after the activation (the same tensor without one).
  func forward() -> (before: Tensor, result: Tensor) {
    if let rounding, inputs > 0 { return roundedForward(rounding) }
    let sum = Tensor(uninitialized: Array(x.shape.dropLast()) + [outputs], type: x.type)
    let result = activation == nil ? sum : Tensor(uninitialized: sum.shape, type: x.type)
    if inputs == 0 { sum.clear() }
    defer { keepAlive(x, weight, bias ?? weight, sum, result) }
    let pieces = ProductPieces(m: rows, n: outputs, k: inputs)
    WorkerPool.shared.forEach(count: pieces.count) { index in
      let (rowRange, columnRange) = pieces.piece(index, m: rows, n: outputs)
      if inputs > 0 {
        multiplyBlock(
          x, MatrixOperand(leading: inputs, isTransposed: false), weight, MatrixOperand(leading: inputs, isTransposed: true),
          into: sum, offset: 0, rows: rowRange, columns: columnRange, n: outputs, k: inputs, beta: 0)
      }
      finish(sum, result, rowRange, columnRange)
    }
    return (sum, result)
  }

  private func roundedForward(_ rounding: ProductPrecision) -> (before: Tensor, result: Tensor) {
    let shape = Array(x.shape.dropLast()) + [outputs]
    let result = activation == nil ? nil : Tensor(uninitialized: [rows, outputs], type: .float32)
    let sum = roundedProduct(
      rounding, .rows(x.detached().reshaped(to: [rows, inputs])), .transposed(weight), rows: rows, columns: outputs,
      depth: inputs
    ) { sum, rowRange, columnRange in finish(sum, result ?? sum, rowRange, columnRange) }
    keepAlive(bias ?? weight)
    return (sum.reshaped(to: shape), (result ?? sum).reshaped(to: shape))
  }

  /// Bias and activation while the block is still in the cache.
  private func finish(_ sum: Tensor, _ result: Tensor, _ rows: Range<Int>, _ columns: Range<Int>) {
    let start = rows.lowerBound * outputs + columns.lowerBound
    if let bias {
      if x.isDouble {
        grd_tensor_add_bias_f64(sum.f64 + start, bias.f64 + columns.lowerBound, rows.count, columns.count, outputs)
      } else {
        grd_tensor_add_bias_f32(sum.f32 + start, bias.f32 + columns.lowerBound, rows.count, columns.count, outputs)
      }
    }
    guard activation == .gelu else { return }
    for row in rows {
      let at = row * outputs + columns.lowerBound
      if x.isDouble {
        grd_tensor_unary_f64(GRD_GELU, sum.f64 + at, result.f64 + at, columns.count, 0, 0)
      } else {
        grd_gelu_forward(sum.f32 + at, columns.count, result.f32 + at)
      }
    }
  }

  func gradients(_ context: BackwardContext, beforeActivation: Tensor?) -> [Tensor?] {
    var g = context.upstream
    var biasGradient: Tensor?
    if let beforeActivation {
      if Recording.isOn {
        let sum = linear(x, weight: weight, bias: bias)
        g = g * sum.geluSlope()
      } else if x.isDouble {
        g = combined(GRD_GELU_GRADIENT, beforeActivation, g)
      } else {
        (g, biasGradient) = profiled(.activationBackward) { geluGradient(beforeActivation, g) }
      }
    }
    let flat = g.reshaped(to: [rows, outputs])
    let rounding = Recording.isOn || inputs == 0 || rows == 0 ? nil : self.rounding
    let dx = !context.needs[0] ? nil : profiled(.productInput, flops: flops) {
      let product = rounding.map {
        roundedProduct($0, .rows(flat), .columns(weight), rows: rows, columns: inputs, depth: outputs)
      }
      return (product ?? matmul(flat, weight)).reshaped(to: x.shape)
    }
    let flatX = x.reshaped(to: [rows, inputs])
    let dw = !context.needs[1] ? nil : profiled(.productWeight, flops: flops) {
      let product = rounding.map {
        roundedProduct($0, .columns(flat), .columns(flatX), rows: outputs, columns: inputs, depth: rows)
      }
      return product ?? matmul(flat, flatX, transposeA: true)
    }
    guard bias != nil else { return [dx, dw] }
    return [dx, dw, context.needs[2] ? biasGradient ?? flat.sum(axes: [0]) : nil]
  }

  /// Gradient before the activation and of the bias, in one pass over memory.
  private func geluGradient(_ before: Tensor, _ g: Tensor) -> (Tensor, Tensor) {
    let block = Int(GRD_ROW_BLOCK)
    let result = Tensor(uninitialized: before.shape, type: .float32)
    let partials = Tensor(uninitialized: [(rows + block - 1) / block, outputs], type: .float32)
    defer { keepAlive(before, g, result, partials) }
    WorkerPool.shared.forEachRange(count: rows, grain: block) { range in
      let start = range.lowerBound * outputs
      grd_bias_gelu_backward(
        before.f32 + start, g.f32 + start, range.count, outputs, result.f32 + start,
        partials.f32 + range.lowerBound / block * outputs)
    }
    return (result, partials.sum(axes: [0]))
  }
}
