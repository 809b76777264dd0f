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
/// - Returns: `[.., outputs]`.
public func linear(_ x: Tensor, weight: Tensor, bias: Tensor? = nil, activation: LinearActivation? = nil) -> Tensor {
  x.requireFloatingPoint("linear")
  x.requireSameType(weight, "linear")
  guard weight.rank == 2, let inputs = x.shape.last, weight.shape[1] == inputs, bias.map({ $0.shape == [weight.shape[0]] }) ?? true
  else { preconditionFailure("linear: x \(x.shape), weight \(weight.shape), bias \(bias?.shape ?? [])") }
  let outputs = weight.shape[0]
  let m = inputs == 0 ? x.shape.dropLast().reduce(1, *) : x.count / inputs
  let sum = Tensor(uninitialized: Array(x.shape.dropLast()) + [outputs], type: x.type)
  let result = activation == nil ? sum : Tensor(uninitialized: sum.shape, type: x.type)
  defer { keepAlive(x, weight, bias ?? weight, sum, result) }
  let pieces = ProductPieces(m: m, n: outputs, k: inputs)
  WorkerPool.shared.forEach(count: sum.count == 0 ? 0 : pieces.count) { index in
    let (rows, columns) = pieces.piece(index, m: m, n: outputs)
    multiplyBlock(
      x, MatrixOperand(leading: inputs, isTransposed: false), weight, MatrixOperand(leading: inputs, isTransposed: true),
      into: sum, offset: 0, rows: rows, columns: columns, n: outputs, k: inputs, beta: 0)
    finish(rows, columns)
  }

  /// Bias and activation while the block is still in the cache.
  func finish(_ rows: Range<Int>, _ columns: Range<Int>) {
    let start = rows.lowerBound * outputs + columns.lowerBound
    if let bias {
      if x.isDouble {
        grd_tensor_add_bias_f64(sum.f64 + start, bias.f64 + columns.lowerBound, rows.count, columns.count, outputs)
      } else {
        grd_tensor_add_bias_f32(sum.f32 + start, bias.f32 + columns.lowerBound, rows.count, columns.count, outputs)
      }
    }
    guard activation != nil else { return }
    for row in rows {
      let at = row * outputs + columns.lowerBound
      if x.isDouble {
        grd_tensor_unary_f64(GRD_GELU, sum.f64 + at, result.f64 + at, columns.count, 0, 0)
      } else {
        grd_tensor_unary_f32(GRD_GELU, sum.f32 + at, result.f32 + at, columns.count, 0, 0)
      }
    }
  }

  return result.recorded("linear", [x, weight] + (bias.map { [$0] } ?? [])) { context in
    var g = context.upstream
    if activation != nil {
      if Recording.isOn {
        let before = linear(x, weight: weight, bias: bias)
        let distribution = ((before * 0.5.squareRoot()).erf() + 1) * 0.5
        g = g * (distribution + before * (before.square() * -0.5).exp() * (1 / (2 * Double.pi).squareRoot()))
      } else {
        g = combined(GRD_GELU_GRADIENT, sum, g)
      }
    }
    let flat = g.reshaped(to: [m, outputs])
    let dx = context.needs[0] ? matmul(flat, weight).reshaped(to: x.shape) : nil
    let dw = context.needs[1] ? matmul(flat, x.reshaped(to: [m, inputs]), transposeA: true) : nil
    guard bias != nil else { return [dx, dw] }
    return [dx, dw, context.needs[2] ? flat.sum(axes: [0]) : nil]
  }
}
