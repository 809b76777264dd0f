import CGradusKernels

extension Tensor {
  /// Running sums along an axis: position `i` holds the sum of `0...i`, or of `i...` if `reversed`.
  public func cumulativeSum(axis: Int, reversed: Bool = false) -> Tensor {
    requireFloatingPoint("cumulativeSum")
    let axis = self.axis(axis, "cumulativeSum")
    let outer = shape[..<axis].reduce(1, *), length = shape[axis], inner = shape[(axis + 1)...].reduce(1, *)
    let result = Tensor(uninitialized: shape, type: type)
    defer { keepAlive(self, result) }
    if isDouble {
      grd_tensor_cumulative_sum_f64(f64, result.f64, outer, length, inner, reversed ? 1 : 0)
    } else {
      grd_tensor_cumulative_sum_f32(f32, result.f32, outer, length, inner, reversed ? 1 : 0)
    }
    return result.recorded("cumulativeSum", [self]) { [$0.upstream.cumulativeSum(axis: axis, reversed: !reversed)] }
  }
}
