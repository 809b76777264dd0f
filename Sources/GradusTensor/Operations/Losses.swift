/// Cross-entropy of logits against class indices, per sample, in nats.
///
/// - Parameters:
///   - logits: `[.., classes]`.
///   - targets: Int32, `[..]`.
/// - Returns: `-log softmax(logits)[target]`, shape `[..]`. A reduction is the caller's business.
public func crossEntropy(_ logits: Tensor, targets: Tensor) -> Tensor {
  guard targets.shape == Array(logits.shape.dropLast()), logits.rank >= 1 else {
    preconditionFailure("crossEntropy: logits \(logits.shape) and targets \(targets.shape)")
  }
  return -logits.logSoftmax().gather(targets.expandingDims(at: targets.rank), axis: -1).squeezed(-1)
}

/// Cross-entropy of logits against a distribution over the last axis, per sample, in nats.
public func crossEntropy(_ logits: Tensor, distribution: Tensor) -> Tensor {
  guard logits.shape == distribution.shape else {
    preconditionFailure("crossEntropy: logits \(logits.shape) and distribution \(distribution.shape)")
  }
  return -(distribution * logits.logSoftmax()).sum(axes: [-1])
}

/// Binary cross-entropy of logits against probabilities in `[0, 1]`, elementwise, in nats, without overflow.
///
///     t softplus(-x) + (1 - t) softplus(x)
public func binaryCrossEntropyWithLogits(_ logits: Tensor, targets: Tensor) -> Tensor {
  guard logits.shape == targets.shape else {
    preconditionFailure("binaryCrossEntropyWithLogits: logits \(logits.shape) and targets \(targets.shape)")
  }
  return targets * (-logits).softplus() + (1 - targets) * logits.softplus()
}
