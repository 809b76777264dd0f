import GradusTensor

/// How alike two vectors are; larger is more alike.
public enum Similarity: String, Sendable, Codable, CaseIterable {
  case cosine
  case dot

  /// Every row of `a` with every row of `b`: `[n, d] x [m, d] -> [n, m]`.
  func matrix(_ a: Tensor, _ b: Tensor) -> Tensor {
    switch self {
    case .cosine: matmul(a.normalized(), b.normalized(), transposeB: true)
    case .dot: matmul(a, b, transposeB: true)
    }
  }

  /// Each sample's query with its own documents: `[s, d], [s, k, d] -> [s, k]`.
  func ofOwn(_ queries: Tensor, _ documents: Tensor) -> Tensor {
    let queries = queries.expandingDims(at: 1)
    switch self {
    case .cosine: return (queries.normalized() * documents.normalized()).sum(axes: [2])
    case .dot: return (queries * documents).sum(axes: [2])
    }
  }
}

extension Tensor {
  /// -1e30 where the mask is false: as good as -infinity in a softmax, and finite.
  func keeping(_ mask: [Bool]) -> Tensor {
    select(Tensor(mask: mask, shape: shape), self, .full([], -1e30, type: type))
  }

  /// `-log softmax` of each row at one column: `[rows]`.
  func crossEntropy(at columns: [Int]) -> Tensor {
    let picks = Tensor(indices: columns.map(Int32.init), shape: [columns.count, 1])
    return -logSoftmax().gather(picks, axis: 1).reshaped(to: [columns.count])
  }
}
