import GradusTensor

/// GISTEmbed: InfoNCE in which a guide model says which negatives are none (Solatorio, 2024, arXiv 2402.16829).
///
///     g = the guide's cosines; a candidate x of query i is left out where g(., x) > g(q_i, d_i+) - margin
///     loss_i = -log( exp(s(q_i, d_i+) / T) / (exp(s(q_i, d_i+) / T) + sum over the candidates left of exp(s / T)) )
///
/// Candidates are, as in the paper and in sentence-transformers: every document of the batch against the query (own negatives
/// included), every other query against the query, and every other positive against the positive. What the judgements know to be
/// relevant is left out whatever the guide says. Vectors are compared by cosine.
///
///     TrainingObjective(try GISTEmbedLoss(), guide: "guide")   // beside a frozen TrainedModel called "guide"
public struct GISTEmbedLoss: EmbeddingLoss, Equatable {
  public let temperature: Double
  /// How far below the positive's the guide's similarity of a negative must stay.
  public let margin: Double

  /// - Throws: ``LossError/notPositive(parameter:found:)``, ``LossError/parameter(_:found:expected:)``.
  public init(temperature: Double = 0.01, margin: Double = 0) throws(LossError) {
    self.temperature = try positive("temperature", temperature)
    self.margin = try notNegative("margin", margin)
  }

  public var couplesSamples: Bool { true }
  public var needsGuide: Bool { true }

  /// - Throws: ``LossError/pairsNeeded(loss:sample:)``; ``LossError/guideNeeded(loss:)``.
  public func perSample(_ input: EmbeddingInput) throws -> Tensor {
    try input.requirePairs(for: self)
    guard let guide = input.guide else { throw LossError.guideNeeded(loss: "\(Self.self)") }
    let count = input.samples.count, width = input.documentCount
    let relations = input.relations
    let positives = input.firstDocuments
    let similarities = concatenated(
      [
        Similarity.cosine.matrix(input.queries, input.allDocuments), Similarity.cosine.matrix(input.queries, input.queries),
        Similarity.cosine.matrix(positives, positives),
      ], axis: 1) / temperature

    let guided = try EmbeddingInput(guide, samples: input.samples)
    let own = Similarity.cosine.ofOwn(guide.queries, guide.documents).doubles()
    let toDocuments = Similarity.cosine.matrix(guide.queries, guided.allDocuments).doubles()
    let amongQueries = Similarity.cosine.matrix(guide.queries, guide.queries).doubles()
    let amongPositives = Similarity.cosine.matrix(guided.firstDocuments, guided.firstDocuments).doubles()
    var mask: [Bool] = []
    for row in 0..<count {
      let limit = own[row * width] - margin
      for column in 0..<count * width {
        mask.append(
          column == row * width
            || relations.rows[row][column] == .negative && toDocuments[row * count * width + column] <= limit)
      }
      for other in 0..<count {
        mask.append(input.areApart(row, other, relations) && amongQueries[row * count + other] <= limit)
      }
      for other in 0..<count {
        mask.append(input.areApart(row, other, relations) && amongPositives[row * count + other] <= limit)
      }
    }
    return similarities.keeping(mask).crossEntropy(at: (0..<count).map { $0 * width })
  }
}
