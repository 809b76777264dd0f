import GradusCore
import GradusModels
import GradusTensor

extension PairScorer {
  /// The scorer's logits, if they have the agreed shape.
  func checkedScores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    let logits = try scores(batch, context: context)
    let expected = logitsPerPair == 1 ? [batch.count] : [batch.count, logitsPerPair]
    guard logits.shape == expected else {
      throw TrainingError.scoresShape(scorer: "\(Self.self)", expected: expected, found: logits.shape)
    }
    return logits
  }
}

extension EmbeddingScorer {
  /// The vectors of samples with equally many documents, if they have the agreed shape.
  func checkedEmbeddings(
    of samples: [TrainingSample], texts: any TrainingTexts, context: ForwardContext
  ) throws -> SampleEmbeddings {
    let queries = try samples.map { try texts.query($0.qid) }
    let documents = try samples.flatMap { try $0.documents.map { try texts.document($0.docno) } }
    let vectors = try embeddings(queries: queries, documents: documents, context: context)
    for (found, count) in [(vectors.queries, queries.count), (vectors.documents, documents.count)]
    where found.shape != [count, dimension] {
      throw TrainingError.scoresShape(scorer: "\(Self.self)", expected: [count, dimension], found: found.shape)
    }
    let width = documents.count / samples.count
    return SampleEmbeddings(
      queries: vectors.queries, documents: vectors.documents.reshaped(to: [samples.count, width, dimension]))
  }
}
