extension Tensor {
  /// Vectors along the last axis at unit length: `x / max(|x|, epsilon)`. A zero vector stays zero, with a finite gradient.
  public func normalized(epsilon: Double = 1e-12) -> Tensor {
    // Single precision cannot hold the square of a tiny epsilon; its smallest normal number stands in.
    let floor = Swift.max(epsilon * epsilon, type == .float32 ? Double(Float.leastNormalMagnitude) : 0)
    let squares = square().sum(axes: [-1], keepDims: true)
    return self * maximum(squares, .scalar(floor, type: type)).rsqrt()
  }
}

/// Cosine of the angle between vectors along the last axis, elementwise over the others, with broadcasting.
public func cosineSimilarity(_ a: Tensor, _ b: Tensor, epsilon: Double = 1e-8) -> Tensor {
  (a.normalized(epsilon: epsilon) * b.normalized(epsilon: epsilon)).sum(axes: [-1])
}
