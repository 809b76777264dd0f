import GradusTensor

/// Squared error of the cosine against the label, on average over a sample's documents (sentence-transformers'
/// CosineSimilarityLoss).
///
///     loss = (1 / documents) sum_j (cos(q, d_j) - label_j)^2
public struct CosineSimilarityLoss: EmbeddingLoss, Equatable {
  public init() {}

  /// - Throws: ``LossError/documentLabel(loss:qid:docno:label:expected:)`` for labels that no cosine has.
  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    let labels = try input.labels(for: self, in: -1...1)
    let cosines = Similarity.cosine.ofOwn(input.queries, input.documents)
    return (cosines - input.constant(labels.flatMap { $0 }, cosines.shape)).square().mean(axes: [1])
  }
}
