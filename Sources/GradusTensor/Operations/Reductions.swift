import CGradusKernels
import GradusCore

extension Tensor {
  /// One kernel over axes that lie side by side: `[outer, reduced, inner]` to `[outer, inner]`; records nothing.
  private func reduced(_ op: grd_reduce_op, outer: Int, extent: Int, inner: Int) -> Tensor {
    let result = Tensor(uninitialized: [outer, inner], type: type)
    if op == GRD_SUM && extent == 0 {
      result.clear()
      return result
    }
    guard result.count > 0 else { return result }
    defer { keepAlive(self, result) }
    // A long single run is cut into blocks whose sums are joined in order.
    if op == GRD_SUM && outer == 1 && inner == 1 && extent > elementGrain {
      let blocks = (extent + elementGrain - 1) / elementGrain
      var partial = [Double](repeating: 0, count: blocks)
      partial.withUnsafeMutableBufferPointer { partial in
        let partial = UncheckedBuffer(partial)
        WorkerPool.shared.forEachRange(count: extent, grain: elementGrain) { range in
          partial[range.lowerBound / elementGrain] =
            isDouble
            ? grd_tensor_sum_f64(f64 + range.lowerBound, range.count) : grd_tensor_sum_f32(f32 + range.lowerBound, range.count)
        }
      }
      let total = partial.reduce(0, +)
      if isDouble { result.f64[0] = total } else { result.f32[0] = Float(total) }
      return result
    }
    let columns = inner == 1 ? 1 : 64
    let rows = Swift.max(1, elementGrain / Swift.max(1, extent * Swift.min(inner, columns)))
    let panels = (inner + columns - 1) / columns
    let strips = (outer + rows - 1) / rows
    profiled(.reduction) {
      WorkerPool.shared.forEach(count: strips * panels) { piece in
        let begin = piece / panels * rows
        let end = Swift.min(outer, begin + rows)
        let column = piece % panels * columns
        let width = Swift.min(inner - column, columns)
        if isDouble {
          grd_tensor_reduce_f64(op, f64, result.f64, begin, end, extent, inner, column, width)
        } else {
          grd_tensor_reduce_f32(op, f32, result.f32, begin, end, extent, inner, column, width)
        }
      }
    }
    return result
  }

  /// Reduces any set of axes, one run of neighbouring axes after the other; keeps them with extent 1.
  private func reducedKeepingDims(_ op: grd_reduce_op, _ axes: [Int]) -> Tensor {
    var current = detached()
    var pending = axes
    while let last = pending.popLast() {
      var first = last
      while let next = pending.last, next == first - 1 {
        first = next
        pending.removeLast()
      }
      var target = current.shape
      for axis in first...last { target[axis] = 1 }
      let outer = current.shape[..<first].reduce(1, *)
      let extent = current.shape[first...last].reduce(1, *)
      let inner = current.shape[(last + 1)...].reduce(1, *)
      current = current.reduced(op, outer: outer, extent: extent, inner: inner).reshaped(to: target)
    }
    return current
  }

  private func resolved(_ axes: [Int]?, _ operation: StaticString) -> [Int] {
    guard let axes else { return Array(0..<rank) }
    let resolved = axes.map { axis($0, operation) }
    guard Set(resolved).count == resolved.count else { preconditionFailure("\(operation): axes \(axes) repeat, shape \(shape)") }
    return resolved.sorted()
  }

  private func droppingDims(_ axes: [Int]) -> Tensor {
    reshaped(to: shape.indices.filter { !axes.contains($0) }.map { shape[$0] })
  }

  /// Sum over some axes, or over all.
  public func sum(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    requireFloatingPoint("sum")
    let axes = resolved(axes, "sum")
    let source = shape
    let result = reducedKeepingDims(GRD_SUM, axes).recorded("sum", [self]) { [$0.upstream.expanded(to: source)] }
    return keepDims ? result : result.droppingDims(axes)
  }

  /// Mean over some axes, or over all.
  public func mean(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    let extent = resolved(axes, "mean").reduce(1) { $0 * shape[$1] }
    return sum(axes: axes, keepDims: keepDims) / Double(extent)
  }

  /// Mean squared distance from the mean, over some axes or all; divided by `n - correction` (1 for the unbiased estimate).
  public func variance(axes: [Int]? = nil, correction: Int = 0, keepDims: Bool = false) -> Tensor {
    let extent = resolved(axes, "variance").reduce(1) { $0 * shape[$1] }
    let centered = self - mean(axes: axes, keepDims: true)
    return centered.square().sum(axes: axes, keepDims: keepDims) / Double(extent - correction)
  }

  /// Largest value over some axes, or over all; ties share the gradient equally.
  public func max(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor { extreme(GRD_MAX, "max", axes, keepDims) }

  /// Smallest value over some axes, or over all; ties share the gradient equally.
  public func min(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor { extreme(GRD_MIN, "min", axes, keepDims) }

  private func extreme(_ op: grd_reduce_op, _ operation: StaticString, _ axes: [Int]?, _ keepDims: Bool) -> Tensor {
    requireFloatingPoint(operation)
    let axes = resolved(axes, operation)
    for axis in axes where shape[axis] == 0 { preconditionFailure("\(operation) over an empty axis, shape \(shape)") }
    let values = reducedKeepingDims(op, axes)
    let source = detached()
    let result = values.recorded(operation, [self]) { context in
      let share = (source .== values).cast(to: source.type)
      return [context.upstream / share.sum(axes: axes, keepDims: true) * share]
    }
    return keepDims ? result : result.droppingDims(axes)
  }

  /// `log(sum(exp(x)))` over some axes, or over all, without overflow; -inf for an empty or all -inf selection.
  public func logSumExp(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    let axes = resolved(axes, "logSumExp")
    guard axes.allSatisfy({ shape[$0] > 0 }) else {
      return sum(axes: axes, keepDims: keepDims).log()
    }
    let peak = detached().max(axes: axes, keepDims: true).clamp(-Double(Float.greatestFiniteMagnitude), .infinity)
    let result = (self - peak).exp().sum(axes: axes, keepDims: true).log() + peak
    return keepDims ? result : result.droppingDims(axes)
  }

  /// Square root of the sum of squares of all elements; records nothing.
  func sumOfSquares() -> Double {
    let blocks = (count + elementGrain - 1) / elementGrain
    var partial = [Double](repeating: 0, count: blocks)
    defer { keepAlive(self) }
    partial.withUnsafeMutableBufferPointer { partial in
      let partial = UncheckedBuffer(partial)
      WorkerPool.shared.forEachRange(count: count, grain: elementGrain) { range in
        partial[range.lowerBound / elementGrain] =
          isDouble
          ? grd_tensor_sum_squares_f64(f64 + range.lowerBound, range.count)
          : grd_tensor_sum_squares_f32(f32 + range.lowerBound, range.count)
      }
    }
    return partial.reduce(0, +)
  }
}

/// A buffer whose elements different pieces of one parallel loop write; each piece writes its own.
struct UncheckedBuffer<Element>: @unchecked Sendable {
  let base: UnsafeMutablePointer<Element>?
  init(_ buffer: UnsafeMutableBufferPointer<Element>) { base = buffer.baseAddress }
  subscript(index: Int) -> Element {
    get { base.unsafelyUnwrapped[index] }
    nonmutating set { base.unsafelyUnwrapped[index] = newValue }
  }
}
