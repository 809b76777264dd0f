import CGradusKernels
import GradusCore

extension Tensor {
  /// Sets each element to zero with probability `rate` and scales the others by `1 / (1 - rate)`.
  ///
  /// Whether element `i` is kept follows from `(seed, i)` alone, so neither threads nor other tensors change it. The mask
  /// is drawn again in the backward pass instead of being stored.
  public func dropout(rate: Double, seed: UInt64) -> Tensor {
    requireFloatingPoint("dropout")
    guard rate >= 0, rate < 1 else { preconditionFailure("dropout: rate \(rate) is outside 0..<1") }
    if rate == 0 { return self }
    let result = Tensor(uninitialized: shape, type: type)
    defer { keepAlive(self, result) }
    profiled(.dropout) {
      WorkerPool.shared.forEachRange(count: count, grain: elementGrain) { range in
        let start = range.lowerBound
        if isDouble {
          grd_tensor_dropout_f64(f64 + start, result.f64 + start, range.count, seed, UInt64(start), rate)
        } else {
          grd_tensor_dropout_f32(f32 + start, result.f32 + start, range.count, seed, UInt64(start), rate)
        }
      }
    }
    return result.recorded("dropout", [self]) { [$0.upstream.dropout(rate: rate, seed: seed)] }
  }
}
