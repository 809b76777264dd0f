import GradusCore

/// Convolution of `[n, channels, length]` with a weight of shape `[outputs, channels / groups, kernel]`.
public struct Conv1d: Module {
  public let weight: Parameter
  public let bias: Parameter?
  public let stride: Int
  public let padding: Int
  public let dilation: Int
  public let groups: Int

  /// Uniform weights and bias within `1 / sqrt(channels / groups * kernel)`, as PyTorch initialises them.
  public init(
    _ name: String, channels: Int, outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groups: Int = 1, hasBias: Bool = true, type: ScalarType = .float32, using generator: inout SeededGenerator
  ) {
    let bound = 1 / Double(channels / groups * kernel).squareRoot()
    weight = Parameter(
      dottedName(name, "weight"),
      .uniform([outputs, channels / groups, kernel], low: -bound, high: bound, type: type, using: &generator))
    bias = hasBias
      ? Parameter(dottedName(name, "bias"), .uniform([outputs], low: -bound, high: bound, type: type, using: &generator)) : nil
    (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
  }

  public var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    conv1d(
      x, weight: weight.value, bias: bias?.value, stride: stride, padding: padding, dilation: dilation, groups: groups)
  }
}

/// Convolution of `[n, channels, h, w]` with a weight of shape `[outputs, channels / groups, kernel height, kernel width]`.
public struct Conv2d: Module {
  public let weight: Parameter
  public let bias: Parameter?
  public let stride: SlidingWindow.Extent
  public let padding: SlidingWindow.Extent
  public let dilation: SlidingWindow.Extent
  public let groups: Int

  /// Uniform weights and bias within `1 / sqrt(channels / groups * taps)`, as PyTorch initialises them.
  public init(
    _ name: String, channels: Int, outputs: Int, kernel: SlidingWindow.Extent, stride: SlidingWindow.Extent = .init(1),
    padding: SlidingWindow.Extent = .init(0), dilation: SlidingWindow.Extent = .init(1), groups: Int = 1,
    hasBias: Bool = true, type: ScalarType = .float32, using generator: inout SeededGenerator
  ) {
    let bound = 1 / Double(channels / groups * kernel.vertical * kernel.horizontal).squareRoot()
    weight = Parameter(
      dottedName(name, "weight"),
      .uniform(
        [outputs, channels / groups, kernel.vertical, kernel.horizontal], low: -bound, high: bound, type: type,
        using: &generator))
    bias = hasBias
      ? Parameter(dottedName(name, "bias"), .uniform([outputs], low: -bound, high: bound, type: type, using: &generator)) : nil
    (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
  }

  public var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    conv2d(
      x, weight: weight.value, bias: bias?.value, stride: stride, padding: padding, dilation: dilation, groups: groups)
  }
}
