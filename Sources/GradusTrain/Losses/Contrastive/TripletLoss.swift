import GradusTensor

/// Triplet: the positive shall be nearer to the query than each negative, by a margin; on average over the negatives (Schroff et
/// al., CVPR 2015).
///
///     loss = (1 / negatives) sum_j max(0, distance(q, d+) - distance(q, d-_j) + margin)
///
///     try TripletLoss(distance: .cosine, margin: 0.5)
public struct TripletLoss: EmbeddingLoss, Equatable {
  public let distance: VectorDistance
  /// In units of the distance; sentence-transformers has 5 for Euclidean distances of vectors of any length.
  public let margin: Double

  /// - Throws: ``LossError/negativeMargin(_:)``.
  public init(distance: VectorDistance = .euclidean, margin: Double = 5) throws(LossError) {
    guard margin >= 0 && margin.isFinite else { throw .negativeMargin(margin) }
    self.distance = distance
    self.margin = margin
  }

  /// - Throws: ``LossError/pairsNeeded(loss:sample:)``.
  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    try input.requirePairs(for: self)
    let distances = distance(input.queries.expandingDims(at: 1), input.documents)
    let positive = distances.slice(axis: 1, from: 0, to: 1)
    return (positive - distances.slice(axis: 1, from: 1, to: input.documentCount) + margin).relu().mean(axes: [1])
  }
}
