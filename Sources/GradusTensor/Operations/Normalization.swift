import CGradusKernels
import GradusCore

/// Layer normalisation over the last axis: `(x - mean) / sqrt(variance + epsilon) * gain + bias`.
///
/// With a `residual`, `x + residual` is normalised, in the same pass over memory.
///
/// - Parameters:
///   - x: `[.., width]`.
///   - residual: Same shape, or nil.
///   - gain, bias: `[width]`.
public func layerNorm(_ x: Tensor, residual: Tensor? = nil, gain: Tensor, bias: Tensor, epsilon: Double = 1e-12) -> Tensor {
  x.requireFloatingPoint("layerNorm")
  guard let width = x.shape.last, width > 0, gain.shape == [width], bias.shape == [width] else {
    preconditionFailure("layerNorm: x \(x.shape), gain \(gain.shape), bias \(bias.shape)")
  }
  if let residual {
    guard residual.shape == x.shape else { preconditionFailure("layerNorm: x \(x.shape) and residual \(residual.shape)") }
  }
  let rows = x.count / width
  let y = Tensor(uninitialized: x.shape, type: x.type)
  let sum = residual == nil ? x.detached() : Tensor(uninitialized: x.shape, type: x.type)
  let mean = Tensor(uninitialized: [rows], type: x.type), rstd = Tensor(uninitialized: [rows], type: x.type)
  defer { keepAlive(x, residual ?? x, gain, bias, sum, y, mean, rstd) }
  WorkerPool.shared.forEachRange(count: rows, grain: max(1, elementGrain / width)) { range in
    let start = range.lowerBound * width
    if x.isDouble {
      grd_tensor_layer_norm_f64(
        x.f64 + start, residual.map { $0.f64 + start }, gain.f64, bias.f64, sum.f64 + start, y.f64 + start,
        mean.f64 + range.lowerBound, rstd.f64 + range.lowerBound, range.count, width, epsilon)
    } else {
      grd_tensor_layer_norm_f32(
        x.f32 + start, residual.map { $0.f32 + start }, gain.f32, bias.f32, sum.f32 + start, y.f32 + start,
        mean.f32 + range.lowerBound, rstd.f32 + range.lowerBound, range.count, width, epsilon)
    }
  }
  let inputs = [x, gain, bias] + (residual.map { [$0] } ?? [])
  let saved = LayerNormStatistics(sum: sum, mean: mean, rstd: rstd)
  return y.recorded("layerNorm", inputs) { context in
    let gradients: [Tensor?]
    if Recording.isOn {
      gradients = layerNormGradientComposed(
        x, residual, gain, context.upstream, epsilon: epsilon, needsParameters: context.needs[1] || context.needs[2])
    } else {
      gradients = layerNormGradientFused(saved, gain, context.upstream)
    }
    return residual == nil ? gradients : gradients + [gradients[0]]
  }
}

private struct LayerNormStatistics {
  let sum: Tensor
  let mean: Tensor
  let rstd: Tensor
}

/// Rows whose parts of the parameter gradients are added up before they are joined.
private let layerNormRows = 128

private func layerNormGradientFused(_ saved: LayerNormStatistics, _ gain: Tensor, _ g: Tensor) -> [Tensor?] {
  let x = saved.sum
  let width = gain.count, rows = x.count / width
  let pieces = (rows + layerNormRows - 1) / layerNormRows
  let dx = Tensor(uninitialized: x.shape, type: x.type)
  let parts = Tensor(uninitialized: [2, pieces, width], type: x.type)
  defer { keepAlive(x, saved.mean, saved.rstd, gain, g, dx, parts) }
  WorkerPool.shared.forEachRange(count: rows, grain: layerNormRows) { range in
    let start = range.lowerBound * width
    let forGain = range.lowerBound / layerNormRows * width
    let forBias = forGain + pieces * width
    if x.isDouble {
      grd_tensor_layer_norm_gradient_f64(
        x.f64 + start, saved.mean.f64 + range.lowerBound, saved.rstd.f64 + range.lowerBound, gain.f64, g.f64 + start,
        dx.f64 + start, parts.f64 + forGain, parts.f64 + forBias, range.count, width)
    } else {
      grd_tensor_layer_norm_gradient_f32(
        x.f32 + start, saved.mean.f32 + range.lowerBound, saved.rstd.f32 + range.lowerBound, gain.f32, g.f32 + start,
        dx.f32 + start, parts.f32 + forGain, parts.f32 + forBias, range.count, width)
    }
  }
  let joined = parts.sum(axes: [1])
  return [dx, joined.slice(axis: 0, from: 0, to: 1).reshaped(to: [width]),
    joined.slice(axis: 0, from: 1, to: 2).reshaped(to: [width])]
}

/// The same gradient in tensor operations, for a backward pass that is itself differentiated.
private func layerNormGradientComposed(
  _ x: Tensor, _ residual: Tensor?, _ gain: Tensor, _ g: Tensor, epsilon: Double, needsParameters: Bool
) -> [Tensor?] {
  let sum = residual.map { x + $0 } ?? x
  let centered = sum - sum.mean(axes: [-1], keepDims: true)
  let rstd = (centered.square().mean(axes: [-1], keepDims: true) + epsilon).rsqrt()
  let normal = centered * rstd
  let weighted = g * gain
  let dx = rstd * (weighted - weighted.mean(axes: [-1], keepDims: true)
    - normal * (weighted * normal).mean(axes: [-1], keepDims: true))
  guard needsParameters else { return [dx, nil, nil] }
  let leading = Array(0..<(x.rank - 1))
  return [dx, (g * normal).sum(axes: leading), g.sum(axes: leading)]
}
