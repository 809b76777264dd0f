import GradusTensor

/// A training loss over the vectors of queries and documents, one value a sample; how these are weighted and reduced is the
/// trainer's business.
///
/// A pure function of its input: differentiable, and in double precision where the vectors are.
///
///     let loss = try InfoNCELoss(temperature: 0.05)
///     let vectors = SampleEmbeddings(queries: q, documents: d)                 // [samples, n], [samples, documents, n]
///     try loss.perSample(EmbeddingInput(vectors, samples: pairs, qrels: qrels))   // [samples]
///
/// **Negatives of the batch.** A loss with ``couplesSamples`` compares a sample with the documents of the others. It never takes
/// a document for a negative that is relevant for the query: positive in any of its samples, the same document as its positive,
/// or of grade 1 or above in the judgements that come with the input. A document that stands in several samples counts once.
/// Fewer samples at a time are another loss, so a trainer with micro-batches refuses such losses
/// (``TrainingError/coupledSamples(objective:batchSize:microBatchSize:)``).
public protocol EmbeddingLoss: Sendable {
  /// Whether a sample's value depends on the others of its batch.
  var couplesSamples: Bool { get }

  /// Whether the loss asks a guide model (``EmbeddingInput/guide``).
  var needsGuide: Bool { get }

  /// The loss of each sample, shape `[samples]`, unreduced and unweighted.
  ///
  /// - Throws: ``LossError`` where the samples are not of the form that the loss is about.
  func perSample(_ input: EmbeddingInput) throws -> Tensor
}

extension EmbeddingLoss {
  public var couplesSamples: Bool { false }
  public var needsGuide: Bool { false }
}
