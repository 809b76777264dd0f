import CGradusKernels
import GradusCore

/// What makes two vectors near. A score is better the larger it is.
public enum VectorMetric: String, Sendable, Codable, CaseIterable {
  /// Inner product of the vectors brought to unit length. A vector of zeros scores 0 against everything.
  case cosine
  /// Inner product.
  case dot
  /// Minus the squared Euclidean distance.
  case l2

  var kernel: grd_vector_measure { self == .l2 ? GRD_VECTOR_L2 : GRD_VECTOR_DOT }

  public var scoreKind: ScoreKind {
    switch self {
    case .cosine: .cosine
    case .dot: .dotProduct
    case .l2: .negativeSquaredDistance
    }
  }
}
