/// Inverted dropout: on while training (``ForwardContext/drops``), the identity otherwise.
public struct Dropout: Sendable {
  public let rate: Double

  public init(rate: Double) {
    guard rate >= 0, rate < 1 else { preconditionFailure("dropout rate \(rate) is outside 0..<1") }
    self.rate = rate
  }

  /// For an operation that drops in its own pass: the next seed of the context; nil where nothing is dropped.
  public func fused(_ context: ForwardContext) -> FusedDropout? {
    context.drops && rate > 0 ? FusedDropout(rate: rate, seed: context.nextSeed()) : nil
  }

  public func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
    context.drops && rate > 0 ? x.dropout(rate: rate, seed: context.nextSeed()) : x
  }
}
