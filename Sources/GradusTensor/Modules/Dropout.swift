/// Inverted dropout: on while training, the identity otherwise.
public struct Dropout: Sendable {
  public let rate: Double

  public init(rate: Double) {
    guard rate >= 0, rate < 1 else { preconditionFailure("dropout rate \(rate) is outside 0..<1") }
    self.rate = rate
  }

  public func callAsFunction(_ x: Tensor, _ context: ForwardContext) -> Tensor {
    context.isTraining && rate > 0 ? x.dropout(rate: rate, seed: context.nextSeed()) : x
  }
}
