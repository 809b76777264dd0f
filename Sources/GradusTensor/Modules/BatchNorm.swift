/// Batch normalisation over all axes but the channel axis 1: `[n, channels]`, `[n, channels, length]`, `[n, channels, h, w]`.
///
/// While training it uses the batch's statistics and moves the running ones; otherwise it uses the running ones.
/// `running_mean` and `running_var` are parameters that are not trainable, so checkpoints carry them.
public struct BatchNorm: Module {
  public let weight: Parameter
  public let bias: Parameter
  public let runningMean: Parameter
  public let runningVariance: Parameter
  public let momentum: Double
  public let epsilon: Double

  /// PyTorch's defaults. `momentum` is the weight of the new batch.
  public init(_ name: String, channels: Int, momentum: Double = 0.1, epsilon: Double = 1e-5, type: ScalarType = .float32) {
    weight = Parameter(dottedName(name, "weight"), .ones([channels], type: type))
    bias = Parameter(dottedName(name, "bias"), .zeros([channels], type: type))
    runningMean = Parameter(dottedName(name, "running_mean"), .zeros([channels], type: type), isTrainable: false)
    runningVariance = Parameter(dottedName(name, "running_var"), .ones([channels], type: type), isTrainable: false)
    self.momentum = momentum
    self.epsilon = epsilon
  }

  public var parameters: [Parameter] { [weight, bias, runningMean, runningVariance] }

  public func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
    guard context.isTraining else {
      return batchNorm(
        x, mean: runningMean.value, variance: runningVariance.value, gain: weight.value, bias: bias.value, epsilon: epsilon)
    }
    let axes = (0..<x.rank).filter { $0 != 1 }
    let samples = x.count / x.shape[1]
    guard samples > 1 else {
      preconditionFailure("batch normalisation in training needs more than one value per channel: \(x.shape)")
    }
    let mean = x.mean(axes: axes), variance = x.variance(axes: axes)
    withoutGradients {
      runningMean.value = runningMean.value * (1 - momentum) + mean * momentum
      let unbiased = variance * (Double(samples) / Double(samples - 1))
      runningVariance.value = runningVariance.value * (1 - momentum) + unbiased * momentum
    }
    return batchNorm(x, mean: mean, variance: variance, gain: weight.value, bias: bias.value, epsilon: epsilon)
  }
}

/// Batch normalisation of `[n, channels]` or `[n, channels, length]`.
public typealias BatchNorm1d = BatchNorm
/// Batch normalisation of `[n, channels, height, width]`.
public typealias BatchNorm2d = BatchNorm
