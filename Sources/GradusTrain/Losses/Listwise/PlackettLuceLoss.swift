import GradusTensor

/// The negative log-likelihood, under Plackett and Luce's model, of the best `top` documents in the order of their labels.
///
///     loss = sum_{i <= top} (log sum_{j >= i} exp(scores_j) - scores_i)     over documents by label, best first
///
/// Only who comes first, second, ..., top-th is modelled; the rest is in no order. With all documents it is ``ListMLELoss``; with
/// one it is cross-entropy of the best document. Documents of equal label keep the order of the sample, which a sampler draws at
/// random.
public struct PlackettLuceLoss: RankingLoss, Equatable {
  /// Nil for all documents.
  public let top: Int?

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(top: Int? = nil) throws(LossError) {
    if let top, top < 1 { throw .notPositive(parameter: "top", found: Double(top)) }
    self.top = top
  }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    let labels = try input.finiteLabels(for: self)
    let order = labels.flatMap { row in
      row.indices.sorted { row[$0] != row[$1] ? row[$0] > row[$1] : $0 < $1 }.map(Int32.init)
    }
    let count = scores.shape[1]
    let sorted = scores.gather(Tensor(indices: order, shape: [labels.count, count]), axis: 1)
    return sorted.plackettLuce(top: min(top ?? count, count))
  }
}

extension Tensor {
  /// Negative log-likelihood of drawing the first `top` of each row of `[rows, documents]` in this order, `[rows]`.
  func plackettLuce(top: Int) -> Tensor {
    let count = shape[1]
    // Step i sees the documents that are left.
    let isLeft = Tensor(mask: (0..<top).flatMap { i in (0..<count).map { $0 >= i } }, shape: [top, count])
    let left = select(isLeft, expandingDims(at: 1), .full([], -1e30, type: type))
    return (left.logSumExp(axes: [2]) - slice(axis: 1, from: 0, to: top)).sum(axes: [1])
  }
}
