import GradusTensor

/// A layer from the vectors of tokens to narrower ones, as ColBERT has it, with a residual connection where PyLate asks for one.
struct TokenProjection {
  enum Residual {
    case none
    case input
    /// Where input and output differ in width.
    case linear(Linear)
  }

  let dense: SentenceDense
  var residual = Residual.none

  var width: Int { dense.width }

  /// `[tokens, inputs]` to `[tokens, width]`.
  func callAsFunction(_ vectors: Tensor) -> Tensor {
    switch residual {
    case .none: dense(vectors)
    case .input: dense(vectors) + vectors
    case .linear(let linear): dense(vectors) + linear(vectors)
    }
  }
}
