import CGradusKernels
import GradusCore

/// How a window slides over the last two axes: extents are `(vertical, horizontal)`.
public struct SlidingWindow: Sendable, Equatable {
  /// A number for each of the two directions.
  public struct Extent: Sendable, Equatable {
    public let vertical: Int
    public let horizontal: Int
    public init(_ vertical: Int, _ horizontal: Int) { (self.vertical, self.horizontal) = (vertical, horizontal) }
    public init(_ both: Int) { self.init(both, both) }
  }

  public let kernel: Extent
  public let stride: Extent
  public let padding: Extent
  public let dilation: Extent

  public init(
    kernel: Extent, stride: Extent = Extent(1), padding: Extent = Extent(0), dilation: Extent = Extent(1)
  ) {
    for extent in [kernel, stride, dilation] where extent.vertical < 1 || extent.horizontal < 1 {
      preconditionFailure("a window's kernel, stride and dilation are positive: \(kernel), \(stride), \(dilation)")
    }
    guard padding.vertical >= 0, padding.horizontal >= 0 else { preconditionFailure("negative padding: \(padding)") }
    (self.kernel, self.stride, self.padding, self.dilation) = (kernel, stride, padding, dilation)
  }

  /// Windows that fit into a plane, per direction.
  public func output(height: Int, width: Int) -> Extent {
    func fit(_ extent: Int, _ kernel: Int, _ stride: Int, _ padding: Int, _ dilation: Int) -> Int {
      let reach = dilation * (kernel - 1) + 1
      guard extent + 2 * padding >= reach else {
        preconditionFailure("a window that reaches over \(reach) does not fit into \(extent) with padding \(padding)")
      }
      return (extent + 2 * padding - reach) / stride + 1
    }
    return Extent(
      fit(height, kernel.vertical, stride.vertical, padding.vertical, dilation.vertical),
      fit(width, kernel.horizontal, stride.horizontal, padding.horizontal, dilation.horizontal))
  }

  fileprivate func kernelArguments(height: Int, width: Int) -> grd_window {
    let output = output(height: height, width: width)
    return grd_window(
      plane: (height, width), kernel: (kernel.vertical, kernel.horizontal), stride: (stride.vertical, stride.horizontal),
      padding: (padding.vertical, padding.horizontal), dilation: (dilation.vertical, dilation.horizontal),
      output: (output.vertical, output.horizontal))
  }

  fileprivate var taps: Int { kernel.vertical * kernel.horizontal }
}

extension Tensor {
  /// All windows side by side: `[n, c, h, w]` to `[n, c * taps, windows]`, a convolution's matrix operand.
  public func unfolded(_ window: SlidingWindow, padding value: Double = 0) -> Tensor {
    requireFloatingPoint("unfolded")
    guard rank == 4 else { preconditionFailure("unfolded needs [n, c, h, w], not \(shape)") }
    let (planes, height, width) = (shape[0] * shape[1], shape[2], shape[3])
    let arguments = window.kernelArguments(height: height, width: width)
    let windows = arguments.output.0 * arguments.output.1
    let result = Tensor(uninitialized: [shape[0], shape[1] * window.taps, windows], type: type)
    defer { keepAlive(self, result) }
    let grain = Swift.max(1, elementGrain / Swift.max(1, window.taps * windows))
    WorkerPool.shared.forEachRange(count: planes, grain: grain) { range in
      withUnsafePointer(to: arguments) {
        if isDouble {
          grd_tensor_unfold_f64(f64, result.f64, $0, range.lowerBound, range.upperBound, value)
        } else {
          grd_tensor_unfold_f32(f32, result.f32, $0, range.lowerBound, range.upperBound, value)
        }
      }
    }
    return result.recorded("unfolded", [self]) { [$0.upstream.folded(window, height: height, width: width)] }
  }

  /// The adjoint of ``unfolded(_:padding:)``: adds every window's entries to their places in `[n, c, height, width]`.
  public func folded(_ window: SlidingWindow, height: Int, width: Int) -> Tensor {
    requireFloatingPoint("folded")
    let arguments = window.kernelArguments(height: height, width: width)
    let windows = arguments.output.0 * arguments.output.1
    guard rank == 3, shape[1] % window.taps == 0, shape[2] == windows else {
      preconditionFailure("folded needs [n, c * \(window.taps), \(windows)], not \(shape)")
    }
    let result = Tensor(uninitialized: [shape[0], shape[1] / window.taps, height, width], type: type)
    let planes = result.shape[0] * result.shape[1]
    defer { keepAlive(self, result) }
    let grain = Swift.max(1, elementGrain / Swift.max(1, window.taps * windows))
    WorkerPool.shared.forEachRange(count: planes, grain: grain) { range in
      withUnsafePointer(to: arguments) {
        if isDouble {
          grd_tensor_fold_f64(f64, result.f64, $0, range.lowerBound, range.upperBound)
        } else {
          grd_tensor_fold_f32(f32, result.f32, $0, range.lowerBound, range.upperBound)
        }
      }
    }
    return result.recorded("folded", [self]) { [$0.upstream.unfolded(window)] }
  }

  private func windows(_ window: SlidingWindow, padding: Double) -> (values: Tensor, output: SlidingWindow.Extent) {
    guard rank == 4 else { preconditionFailure("pooling needs [n, c, h, w], not \(shape)") }
    let output = window.output(height: shape[2], width: shape[3])
    let values = unfolded(window, padding: padding)
      .reshaped(to: [shape[0], shape[1], window.taps, output.vertical * output.horizontal])
    return (values, output)
  }

  /// Largest value of each window of `[n, c, h, w]`; padding never wins, ties share the gradient.
  public func maxPooled(_ window: SlidingWindow) -> Tensor {
    let (values, output) = windows(window, padding: -.infinity)
    return values.max(axes: [2]).reshaped(to: [shape[0], shape[1], output.vertical, output.horizontal])
  }

  /// Mean of each window of `[n, c, h, w]`; padding counts as zeros, as in PyTorch's default.
  public func averagePooled(_ window: SlidingWindow) -> Tensor {
    let (values, output) = windows(window, padding: 0)
    return values.mean(axes: [2]).reshaped(to: [shape[0], shape[1], output.vertical, output.horizontal])
  }

  /// Largest value of each window of `[n, c, length]`.
  public func maxPooled1d(kernel: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
    expandingDims(at: 2).maxPooled(.row(kernel: kernel, stride: stride ?? kernel, padding: padding)).squeezed(2)
  }

  /// Mean of each window of `[n, c, length]`; padding counts as zeros.
  public func averagePooled1d(kernel: Int, stride: Int? = nil, padding: Int = 0) -> Tensor {
    expandingDims(at: 2).averagePooled(.row(kernel: kernel, stride: stride ?? kernel, padding: padding)).squeezed(2)
  }
}

extension SlidingWindow {
  /// A window over one axis, as the horizontal direction of a plane of height 1.
  static func row(kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1) -> SlidingWindow {
    SlidingWindow(
      kernel: Extent(1, kernel), stride: Extent(1, stride), padding: Extent(0, padding), dilation: Extent(1, dilation))
  }
}

/// Two-dimensional convolution (cross-correlation, as deep learning has it).
///
/// - Parameters:
///   - x: `[n, channels, height, width]`.
///   - weight: `[outputs, channels / groups, kernel height, kernel width]`, as PyTorch stores it.
///   - bias: `[outputs]`, or nil.
///   - groups: Divides channels and outputs; `groups == channels` is a depthwise convolution.
/// - Returns: `[n, outputs, ..]`, extents by ``SlidingWindow/output(height:width:)``.
public func conv2d(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: SlidingWindow.Extent = .init(1),
  padding: SlidingWindow.Extent = .init(0), dilation: SlidingWindow.Extent = .init(1), groups: Int = 1
) -> Tensor {
  guard x.rank == 4, weight.rank == 4, groups > 0, x.shape[1] == weight.shape[1] * groups, weight.shape[0] % groups == 0 else {
    preconditionFailure("conv2d: x \(x.shape), weight \(weight.shape), \(groups) groups")
  }
  let window = SlidingWindow(
    kernel: .init(weight.shape[2], weight.shape[3]), stride: stride, padding: padding, dilation: dilation)
  let output = window.output(height: x.shape[2], width: x.shape[3])
  let (n, outputs, windows) = (x.shape[0], weight.shape[0], output.vertical * output.horizontal)
  let inner = weight.shape[1] * weight.shape[2] * weight.shape[3]
  let columns = x.unfolded(window).reshaped(to: [n, groups, inner, windows])
  let matrices = weight.reshaped(to: [1, groups, outputs / groups, inner])
  var result = matmul(matrices, columns).reshaped(to: [n, outputs, output.vertical, output.horizontal])
  if let bias { result = result + bias.reshaped(to: [outputs, 1, 1]) }
  return result
}

/// One-dimensional convolution; see ``conv2d(_:weight:bias:stride:padding:dilation:groups:)``.
///
/// - Parameters:
///   - x: `[n, channels, length]`.
///   - weight: `[outputs, channels / groups, kernel]`.
public func conv1d(
  _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1
) -> Tensor {
  guard x.rank == 3, weight.rank == 3 else { preconditionFailure("conv1d: x \(x.shape), weight \(weight.shape)") }
  return conv2d(
    x.expandingDims(at: 2), weight: weight.expandingDims(at: 2), bias: bias, stride: .init(1, stride),
    padding: .init(0, padding), dilation: .init(1, dilation), groups: groups
  ).squeezed(2)
}
