import GradusTensor

/// Contrastive: positives are drawn to the query, negatives are pushed away until they are `margin` far; on average over a
/// sample's documents (Hadsell et al., CVPR 2006).
///
///     loss_j = distance^2 / 2 for positives,   max(0, margin - distance)^2 / 2 for negatives
public struct ContrastiveLoss: EmbeddingLoss, Equatable {
  public let distance: VectorDistance
  public let margin: Double

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(distance: VectorDistance = .cosine, margin: Double = 0.5) throws(LossError) {
    self.distance = distance
    self.margin = try positive("margin", margin)
  }

  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    let distances = distance(input.queries.expandingDims(at: 1), input.documents)
    let positives = input.constant(
      input.samples.flatMap { $0.documents.map { $0.isPositive ? 1.0 : 0 } }, distances.shape)
    let shortfall = (margin - distances).relu()
    return (positives * distances.square() + (1 - positives) * shortfall.square()).mean(axes: [1]) / 2
  }
}
