import GradusTensor

/// How far two vectors are from each other.
public enum VectorDistance: String, Sendable, Codable, CaseIterable {
  case euclidean
  /// `1 - cosine`.
  case cosine
  case manhattan

  /// Along the last axis, with broadcasting. The root of the Euclidean distance has 1e-12 under it, which leaves it a gradient
  /// where two vectors are the same.
  func callAsFunction(_ a: Tensor, _ b: Tensor) -> Tensor {
    switch self {
    case .euclidean: ((a - b).square().sum(axes: [-1]) + 1e-12).sqrt()
    case .cosine: 1 - (a.normalized() * b.normalized()).sum(axes: [-1])
    case .manhattan: (a - b).abs().sum(axes: [-1])
    }
  }
}
