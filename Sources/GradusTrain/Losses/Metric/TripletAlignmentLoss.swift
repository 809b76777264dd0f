import GradusTensor

/// RDE's triplet alignment: a triplet loss whose negative is the log-sum-exp over all of them, an upper bound of the hardest
/// one's that does not collapse on wrong pairs (Qin et al., CVPR 2024, arXiv 2308.09911).
///
///     alpha_ij = l_ij exp(S_ij / tau) / sum_k l_ik exp(S_ik / tau)         no gradient;  l = 1 for relevant pairs
///     S+_i     = sum_j alpha_ij S_ij
///     side_i   = max(0, margin - S+_i + tau log sum_j (1 - l_ij) exp(S_ij / tau))
///     loss_i   = side_i of the queries over documents + side_i of the positives over queries
///
/// S are cosines. Queries are compared with all documents of the batch, hard negatives included; a sample's positive with the
/// queries of the batch. Relevant pairs are never negatives (``EmbeddingLoss``). The official code sums over a batch, where the
/// trainer here takes the mean: divide its learning rate by the batch size.
///
///     try TripletAlignmentLoss(margin: 0.1, temperature: 0.015)
public struct TripletAlignmentLoss: EmbeddingLoss, Equatable {
  /// What stands for the negatives.
  public enum Negatives: String, Sendable, CaseIterable {
    /// `tau log sum exp`: TAL.
    case smooth
    /// The largest: TRL, the usual triplet loss with the hardest negative, which collapses on wrong pairs.
    case hardest
    /// Every negative by itself, summed: TRL-S.
    case sum
  }

  public let margin: Double
  public let temperature: Double
  public let negatives: Negatives

  /// - Throws: ``LossError/negativeMargin(_:)``, ``LossError/notPositive(parameter:found:)``.
  public init(margin: Double = 0.1, temperature: Double = 0.015, negatives: Negatives = .smooth) throws(LossError) {
    guard margin >= 0 && margin.isFinite else { throw .negativeMargin(margin) }
    self.margin = margin
    self.temperature = try positive("temperature", temperature)
    self.negatives = negatives
  }

  public var couplesSamples: Bool { true }

  /// - Throws: ``LossError/pairsNeeded(loss:sample:)``; ``LossError/tooFewCandidates(loss:sample:found:least:)`` where a positive
  ///   has no query of the batch for a negative.
  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    try input.requirePairs(for: self)
    let count = input.samples.count, width = input.documentCount
    let relations = input.relations
    let all = Similarity.cosine.matrix(input.queries, input.allDocuments)
    let positives = Tensor(indices: (0..<count).map { Int32($0 * width) }, shape: [count])
    let toQueries = (0..<count).map { document in
      (0..<count).map { query -> BatchRelations.Relation in
        if query == document { return .relevant }
        if input.isNegative(document: document, query: query, relations) { return .negative }
        return input.samples[..<query].contains { $0.qid == input.samples[query].qid } ? .ignored : .relevant
      }
    }
    for (row, sample) in zip(toQueries, input.samples) where !row.contains(.negative) {
      throw LossError.tooFewCandidates(loss: "\(Self.self)", sample: sample.id, found: 1, least: 2)
    }
    return sides(all, relations.rows) + sides(all.indexSelect(positives, axis: 1).transposed(), toQueries)
  }

  /// `[rows, columns]` similarities to `[rows]`.
  func sides(_ similarities: Tensor, _ relations: [[BatchRelations.Relation]]) -> Tensor {
    let isPositive = relations.flatMap { $0.map { $0 == .relevant } }
    let isNegative = relations.flatMap { $0.map { $0 == .negative } }
    let scaled = similarities / temperature
    let alpha = scaled.detached().keeping(isPositive).softmax()
    let positive = (alpha * similarities).sum(axes: [1])
    switch negatives {
    case .smooth:
      return (scaled.keeping(isNegative).logSumExp(axes: [1]) * temperature - positive + margin).relu()
    case .hardest: return (similarities.keeping(isNegative).max(axes: [1]) - positive + margin).relu()
    case .sum:
      return (similarities - positive.expandingDims(at: 1) + margin).keeping(isNegative).relu().sum(axes: [1])
    }
  }
}
