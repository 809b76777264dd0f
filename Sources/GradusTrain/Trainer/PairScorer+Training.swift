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
