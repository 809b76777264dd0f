import CGradusKernels
import GradusCore

/// Dropout that another operation does in its own pass over memory.
public struct FusedDropout: Sendable, Equatable {
  public let rate: Double
  public let seed: UInt64

  public init(rate: Double, seed: UInt64) {
    guard rate >= 0, rate < 1 else { preconditionFailure("dropout: rate \(rate) is outside 0..<1") }
    self.rate = rate
    self.seed = seed
  }

  fileprivate func from(_ offset: Int) -> grd_dropout { grd_dropout(seed: seed, offset: UInt64(offset), rate: rate) }
}

/// Layer normalisation over the last axis: `(x - mean) / sqrt(variance + epsilon) * gain + bias`.
///
/// With a `residual`, `x + residual` is normalised, in the same pass over memory.
///
/// - Parameters:
///   - x: `[.., width]`.
///   - residual: Same shape, or nil.
///   - gain, bias: `[width]`.
///   - dropout: Of `x`, before the residual is added; the bits are those of ``Tensor/dropout(rate:seed:)``. Needs a residual.
public func layerNorm(
  _ x: Tensor, residual: Tensor? = nil, gain: Tensor, bias: Tensor, epsilon: Double = 1e-12, dropout: FusedDropout? = nil
) -> Tensor {
  x.requireFloatingPoint("layerNorm")
  guard let width = x.shape.last, width > 0, gain.shape == [width], bias.shape == [width], dropout == nil || residual != nil
  else {
    preconditionFailure("layerNorm: x \(x.shape), gain \(gain.shape), bias \(bias.shape), dropout without residual")
  }
  if let residual {
    guard residual.shape == x.shape else { preconditionFailure("layerNorm: x \(x.shape) and residual \(residual.shape)") }
  }
  let dropout = dropout.flatMap { $0.rate > 0 ? $0 : nil }
  let rows = x.count / width
  let y = Tensor(uninitialized: x.shape, type: x.type)
  let sum = residual == nil ? x.detached() : Tensor(uninitialized: x.shape, type: x.type)
  let mean = Tensor(uninitialized: [rows], type: x.type), rstd = Tensor(uninitialized: [rows], type: x.type)
  defer { keepAlive(x, residual ?? x, gain, bias, sum, y, mean, rstd) }
  profiled(.normForward) {
    WorkerPool.shared.forEachRange(count: rows, grain: max(1, elementGrain / width)) { range in
      let start = range.lowerBound * width
      withDropout(dropout, from: start) { dropout in
        if x.isDouble {
          grd_tensor_layer_norm_f64(
            x.f64 + start, residual.map { $0.f64 + start }, gain.f64, bias.f64, sum.f64 + start, y.f64 + start,
            mean.f64 + range.lowerBound, rstd.f64 + range.lowerBound, range.count, width, epsilon, dropout)
        } else {
          grd_tensor_layer_norm_f32(
            x.f32 + start, residual.map { $0.f32 + start }, gain.f32, bias.f32, sum.f32 + start, y.f32 + start,
            mean.f32 + range.lowerBound, rstd.f32 + range.lowerBound, range.count, width, epsilon, dropout)
        }
      }
    }
  }
  let inputs = [x, gain, bias] + (residual.map { [$0] } ?? [])
  let saved = LayerNormInput(
    sum: sum, mean: mean, rstd: rstd, dropout: dropout, x: x.node, residual: residual?.node, hasResidual: residual != nil)
  return y.recorded("layerNorm", inputs) { context in
    if Recording.isOn {
      return layerNormGradientComposed(
        saved, gain, context.upstream, epsilon: epsilon, needsParameters: context.needs[1] || context.needs[2])
    }
    return profiled(.normBackward) { layerNormGradientFused(saved, gain, context.upstream) }
  }
}

private func withDropout(_ dropout: FusedDropout?, from offset: Int, _ body: (UnsafePointer<grd_dropout>?) -> Void) {
  guard let dropout else { return body(nil) }
  withUnsafePointer(to: dropout.from(offset)) { body($0) }
}

/// What the backward pass needs. Of the summands it is their history alone: their values are in the sum.
private struct LayerNormInput {
  let sum: Tensor
  let mean: Tensor
  let rstd: Tensor
  let dropout: FusedDropout?
  let x: GraphNode?
  let residual: GraphNode?
  let hasResidual: Bool

  /// The gradients of `x`, gain, bias and residual from that of the sum.
  func spread(_ dx: Tensor, dropped: Tensor?, _ dgain: Tensor?, _ dbias: Tensor?) -> [Tensor?] {
    [dropped ?? dx, dgain, dbias] + (hasResidual ? [dx] : [])
  }

  /// The sum with the summands' history, for a backward pass that is itself differentiated.
  var recordedSum: Tensor {
    var sum = self.sum
    guard hasResidual else {
      sum.node = x
      return sum
    }
    guard x != nil || residual != nil else { return sum }
    sum.node = GraphNode("layerNorm sum", inputs: [x, residual], savedOutput: nil) { [dropout] context in
      let dropped = dropout.map { context.upstream.dropout(rate: $0.rate, seed: $0.seed) }
      return [.dense(dropped ?? context.upstream), .dense(context.upstream)]
    }
    return sum
  }
}

/// Rows whose parts of the parameter gradients are added up before they are joined.
private let layerNormRows = 128

private func layerNormGradientFused(_ saved: LayerNormInput, _ gain: Tensor, _ g: Tensor) -> [Tensor?] {
  let x = saved.sum
  let width = gain.count, rows = x.count / width
  let pieces = (rows + layerNormRows - 1) / layerNormRows
  let dx = Tensor(uninitialized: x.shape, type: x.type)
  let dropped = saved.dropout == nil ? nil : Tensor(uninitialized: x.shape, type: x.type)
  let parts = Tensor(uninitialized: [2, pieces, width], type: x.type)
  defer { keepAlive(x, saved.mean, saved.rstd, gain, g, dx, dropped ?? dx, parts) }
  WorkerPool.shared.forEachRange(count: rows, grain: layerNormRows) { range in
    let start = range.lowerBound * width
    let forGain = range.lowerBound / layerNormRows * width
    let forBias = forGain + pieces * width
    withDropout(saved.dropout, from: start) { dropout in
      if x.isDouble {
        grd_tensor_layer_norm_gradient_f64(
          x.f64 + start, saved.mean.f64 + range.lowerBound, saved.rstd.f64 + range.lowerBound, gain.f64, g.f64 + start,
          dx.f64 + start, parts.f64 + forGain, parts.f64 + forBias, range.count, width, dropout,
          dropped.map { $0.f64 + start })
      } else {
        grd_tensor_layer_norm_gradient_f32(
          x.f32 + start, saved.mean.f32 + range.lowerBound, saved.rstd.f32 + range.lowerBound, gain.f32, g.f32 + start,
          dx.f32 + start, parts.f32 + forGain, parts.f32 + forBias, range.count, width, dropout,
          dropped.map { $0.f32 + start })
      }
    }
  }
  let joined = parts.sum(axes: [1])
  return saved.spread(
    dx, dropped: dropped, joined.slice(axis: 0, from: 0, to: 1).reshaped(to: [width]),
    joined.slice(axis: 0, from: 1, to: 2).reshaped(to: [width]))
}

/// The same gradient in tensor operations, for a backward pass that is itself differentiated.
private func layerNormGradientComposed(
  _ saved: LayerNormInput, _ gain: Tensor, _ g: Tensor, epsilon: Double, needsParameters: Bool
) -> [Tensor?] {
  let sum = saved.recordedSum
  let centered = sum - sum.mean(axes: [-1], keepDims: true)
  let rstd = (centered.square().mean(axes: [-1], keepDims: true) + epsilon).rsqrt()
  let normal = centered * rstd
  let weighted = g * gain
  let dx = rstd * (weighted - weighted.mean(axes: [-1], keepDims: true)
    - normal * (weighted * normal).mean(axes: [-1], keepDims: true))
  let dropped = saved.dropout.map { dx.dropout(rate: $0.rate, seed: $0.seed) }
  guard needsParameters else { return saved.spread(dx, dropped: dropped, nil, nil) }
  let leading = Array(0..<(sum.rank - 1))
  return saved.spread(dx, dropped: dropped, (g * normal).sum(axes: leading), g.sum(axes: leading))
}
