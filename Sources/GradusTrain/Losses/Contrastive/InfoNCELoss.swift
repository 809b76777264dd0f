import GradusTensor

/// InfoNCE with the negatives of the batch: cross-entropy of choosing the own positive among all documents of the step (van den
/// Oord et al., 2018; Henderson et al., 2017: "multiple negatives ranking").
///
///     loss_i = -log( exp(s(q_i, d_i+) / temperature) / sum_j exp(s(q_i, d_j) / temperature) )
///
/// The sum runs over the positive, the sample's own negatives and, with ``negatives`` `.batch`, the documents of the other
/// samples that are not relevant for the query (``EmbeddingLoss`` says which). With `.both` directions each positive also chooses
/// its query among the queries that it is not relevant for, and the loss is the mean of the two:
///
///     InfoNCELoss(temperature: 0.05)                       // sentence-transformers' MultipleNegativesRankingLoss, scale 20
///     InfoNCELoss(temperature: 0.05, directions: .both)    // ... SymmetricRankingLoss
///
/// With one negative of its own and none of the batch it is ``PairwiseCrossEntropyLoss`` of the scores `s / temperature`.
public struct InfoNCELoss: EmbeddingLoss, Equatable {
  /// Which documents a positive is compared with.
  public enum Negatives: String, Sendable, CaseIterable {
    /// The sample's own, and the documents of the batch.
    case batch
    /// The sample's own alone.
    case own
  }

  /// Who chooses among whom.
  public enum Directions: String, Sendable, CaseIterable {
    /// Queries choose among documents.
    case queries
    /// Documents choose among queries, too.
    case both
  }

  public let temperature: Double
  public let similarity: Similarity
  public let negatives: Negatives
  public let directions: Directions

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(
    temperature: Double = 0.05, similarity: Similarity = .cosine, negatives: Negatives = .batch,
    directions: Directions = .queries
  ) throws(LossError) {
    self.temperature = try positive("temperature", temperature)
    self.similarity = similarity
    self.negatives = negatives
    self.directions = directions
  }

  public var couplesSamples: Bool { negatives == .batch || directions == .both }

  /// - Throws: ``LossError/pairsNeeded(loss:sample:)``.
  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    try input.requirePairs(for: self)
    guard couplesSamples else {
      return (similarity.ofOwn(input.queries, input.documents) / temperature).crossEntropy(at: input.samples.map { _ in 0 })
    }
    let count = input.samples.count, width = input.documentCount
    let relations = input.relations
    let all = similarity.matrix(input.queries, input.allDocuments) / temperature
    let forward: Tensor
    if negatives == .batch {
      let mask = relations.rows.enumerated().flatMap { own, row in
        row.enumerated().map { column, relation in column == own * width || relation == .negative }
      }
      forward = all.keeping(mask).crossEntropy(at: (0..<count).map { $0 * width })
    } else {
      forward = (similarity.ofOwn(input.queries, input.documents) / temperature).crossEntropy(at: input.samples.map { _ in 0 })
    }
    guard directions == .both else { return forward }
    let positives = Tensor(indices: (0..<count).map { Int32($0 * width) }, shape: [count])
    let backward = all.indexSelect(positives, axis: 1).transposed()
    let mask = (0..<count).flatMap { document in
      (0..<count).map { query in
        query == document || input.isNegative(document: document, query: query, relations)
      }
    }
    return (forward + backward.keeping(mask).crossEntropy(at: Array(0..<count))) / 2
  }
}

extension EmbeddingInput {
  /// Whether a sample's positive may be told apart from another sample's query. Of samples of one query only the first counts,
  /// so that no query stands twice among a document's choices.
  func isNegative(document: Int, query: Int, _ relations: BatchRelations) -> Bool {
    guard samples[query].qid != samples[document].qid else { return false }
    guard !samples[..<query].contains(where: { $0.qid == samples[query].qid }) else { return false }
    let docno = samples[document].documents[0].docno
    if samples[query].documents.contains(where: { $0.docno == docno && $0.isPositive }) { return false }
    if (qrels?.grade(qid: samples[query].qid, docno: docno) ?? 0) >= 1 { return false }
    return !samples.contains { sample in
      sample.qid == samples[query].qid && sample.documents.contains { $0.docno == docno && $0.isPositive }
    }
  }
}
