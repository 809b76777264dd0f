import GradusTensor

/// What follows pooling in a folder of sentence-transformers.
enum SentenceStep {
  case dense(SentenceDense)
  /// To unit length.
  case normalize

  var parameters: [Parameter] { if case .dense(let dense) = self { dense.linear.parameters } else { [] } }

  func callAsFunction(_ vectors: Tensor) -> Tensor {
    switch self {
    case .dense(let dense): dense(vectors)
    case .normalize: vectors.normalized()
    }
  }
}

/// A dense layer after pooling, with its activation.
struct SentenceDense {
  /// Named as `activation_function` ends.
  enum Activation: String, CaseIterable {
    case identity = "Identity"
    case tanh = "Tanh"
    case relu = "ReLU"
    case gelu = "GELU"
    case sigmoid = "Sigmoid"
    case silu = "SiLU"
  }

  let linear: Linear
  let activation: Activation

  var width: Int { linear.weight.shape[0] }

  func callAsFunction(_ vectors: Tensor) -> Tensor {
    let projected = linear(vectors)
    return switch activation {
    case .identity: projected
    case .tanh: projected.tanh()
    case .relu: projected.relu()
    case .gelu: projected.gelu()
    case .sigmoid: projected.sigmoid()
    case .silu: projected.silu()
    }
  }
}
