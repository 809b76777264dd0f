import CGradusKernels
import GradusCore

extension Tensor {
  /// Probabilities along an axis (the last unless named); a row of -inf gives zeros.
  public func softmax(axis: Int = -1) -> Tensor { normalised(axis, isLogarithm: false) }

  /// Logarithms of the probabilities along an axis (the last unless named).
  public func logSoftmax(axis: Int = -1) -> Tensor { normalised(axis, isLogarithm: true) }

  private func normalised(_ axis: Int, isLogarithm: Bool) -> Tensor {
    requireFloatingPoint("softmax")
    let axis = self.axis(axis, "softmax")
    guard axis == rank - 1 else {
      return transposed(axis, -1).normalised(-1, isLogarithm: isLogarithm).transposed(axis, -1)
    }
    let result = Tensor(uninitialized: shape, type: type)
    let flag: Int32 = isLogarithm ? 1 : 0
    defer { keepAlive(self, result) }
    forEachRowRange { start, rows, width in
      if isDouble {
        grd_tensor_softmax_f64(f64 + start, result.f64 + start, rows, width, flag)
      } else {
        grd_tensor_softmax_f32(f32 + start, result.f32 + start, rows, width, flag)
      }
    }
    return result.recorded(isLogarithm ? "logSoftmax" : "softmax", [self], savingOutput: true) { context in
      let (y, g) = (context.output, context.upstream)
      guard Recording.isOn else { return [softmaxGradient(y, g, flag)] }
      return isLogarithm
        ? [g - y.exp() * g.sum(axes: [-1], keepDims: true)] : [y * (g - (y * g).sum(axes: [-1], keepDims: true))]
    }
  }

  /// Calls `body(first element, rows, width)` for ranges of the rows along the last axis.
  func forEachRowRange(_ body: (Int, Int, Int) -> Void) {
    guard count > 0, let width = shape.last else { return }
    WorkerPool.shared.forEachRange(count: count / width, grain: Swift.max(1, elementGrain / width)) { range in
      body(range.lowerBound * width, range.count, width)
    }
  }
}

private func softmaxGradient(_ y: Tensor, _ g: Tensor, _ flag: Int32) -> Tensor {
  let result = Tensor(uninitialized: y.shape, type: y.type)
  defer { keepAlive(y, g, result) }
  y.forEachRowRange { start, rows, width in
    if y.isDouble {
      grd_tensor_softmax_gradient_f64(y.f64 + start, g.f64 + start, result.f64 + start, rows, width, flag)
    } else {
      grd_tensor_softmax_gradient_f32(y.f32 + start, g.f32 + start, result.f32 + start, rows, width, flag)
    }
  }
  return result
}
