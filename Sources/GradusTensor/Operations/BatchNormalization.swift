/// Batch normalisation with given statistics: `(x - mean) / sqrt(variance + epsilon) * gain + bias` per channel (axis 1).
///
/// All four statistics have shape `[channels]`; gradients flow through those that are tracked.
public func batchNorm(
  _ x: Tensor, mean: Tensor, variance: Tensor, gain: Tensor, bias: Tensor, epsilon: Double = 1e-5
) -> Tensor {
  guard x.rank >= 2, mean.shape == [x.shape[1]], [variance, gain, bias].allSatisfy({ $0.shape == mean.shape }) else {
    preconditionFailure("batchNorm: x \(x.shape), statistics \(mean.shape), \(variance.shape), \(gain.shape), \(bias.shape)")
  }
  let perChannel = [x.shape[1]] + Array(repeating: 1, count: x.rank - 2)
  let scale = (variance + epsilon).rsqrt() * gain
  return x * scale.reshaped(to: perChannel) + (bias - mean * scale).reshaped(to: perChannel)
}
