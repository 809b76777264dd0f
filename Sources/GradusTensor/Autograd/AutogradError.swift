import GradusCore

/// A gradient that cannot be computed.
public enum AutogradError: GradusError, Equatable {
  /// The output, or one of the inputs (by position), has no recorded history.
  case outputNotTracked
  case inputNotTracked(position: Int)
  /// The output has more than one element and no upstream gradient was given.
  case notScalar(shape: [Int])
  /// The upstream gradient does not have the output's shape.
  case upstreamShape(expected: [Int], found: [Int])
  /// A fused operation whose gradient is a kernel, not tensor operations.
  case notTwiceDifferentiable(String)
  /// An earlier backward pass freed this part of the graph.
  case graphReleased(String)

  public var failureKind: FailureKind { .failed }

  public var description: String {
    switch self {
    case .outputNotTracked:
      "the output depends on no tracked tensor; call tracked() on the inputs and compute it outside withoutGradients"
    case .inputNotTracked(let position):
      "tensor \(position) of withRespectTo is not tracked; call tracked() before computing with it"
    case .notScalar(let shape):
      "gradients of an output of shape \(shape) need an upstream gradient of that shape, or reduce the output to one element"
    case .upstreamShape(let expected, let found):
      "the upstream gradient has shape \(found), the output \(expected)"
    case .notTwiceDifferentiable(let operation):
      "\(operation) has no second derivative; use its unfused form where gradients of gradients are needed"
    case .graphReleased(let operation):
      "the graph of \(operation) was freed by an earlier backward pass; pass keepingGraph: true to the first one"
    }
  }
}
