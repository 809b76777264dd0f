#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension Tensor {
  /// The angle in `(-pi / 2, pi / 2)` whose tangent is each element. Not a kernel: for the small tensors of losses.
  public func arctangent() -> Tensor {
    requireFloatingPoint("arctangent")
    let values = doubles().map { atan($0) }
    let result = Tensor(values, shape: shape).cast(to: type)
    return result.recorded("arctangent", [self]) { [self] in [$0.upstream / (square() + 1)] }
  }
}
