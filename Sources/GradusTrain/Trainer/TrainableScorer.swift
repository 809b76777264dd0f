import GradusCore
import GradusTensor

/// A query and a document to be scored together.
public struct ScoringPair: Sendable, Equatable {
  public let query: Query
  public let document: Document

  public init(query: Query, document: Document) {
    self.query = query
    self.document = document
  }
}

/// A model that scores pairs and can be trained: cross-encoder, interaction ranker, or anything with parameters.
///
///     struct LengthScorer: TrainableScorer {
///       let weight: Parameter
///       var parameters: [Parameter] { [weight] }
///       func scores(_ batch: [ScoringPair], context: ForwardContext) -> Tensor {
///         Tensor(batch.map { Double($0.document.text.utf8.count) }, shape: [batch.count]) * weight.value
///       }
///     }
public protocol TrainableScorer: Module {
  /// Logits that the scorer gives for a pair: 1, or 2 for a two-way classification (relevant, not relevant).
  var logitsPerPair: Int { get }

  /// Logits in the order of `batch`, shape `[pairs]`, or `[pairs, 2]`. A pair's logits must not depend on its batch mates.
  ///
  /// - Parameter context: Training or inference, and where dropout takes its randomness from.
  func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor
}

extension TrainableScorer {
  public var logitsPerPair: Int { 1 }

  /// Ranking scores without gradient, one a pair; of two logits the first minus the second.
  ///
  /// - Parameter batchSize: Pairs scored at once; the scores do not depend on it.
  public func rankingScores(_ pairs: [ScoringPair], batchSize: Int = 32) throws -> [Double] {
    try withoutGradients {
      var result: [Double] = []
      result.reserveCapacity(pairs.count)
      for start in stride(from: 0, to: pairs.count, by: max(1, batchSize)) {
        let batch = Array(pairs[start..<min(start + max(1, batchSize), pairs.count)])
        result += rankingScores(of: try checkedScores(batch, context: .inference))
      }
      return result
    }
  }

  /// One number a pair from its logits.
  func rankingScores(of logits: Tensor) -> [Double] {
    let values = logits.doubles()
    guard logitsPerPair == 2 else { return values }
    return stride(from: 0, to: values.count, by: 2).map { values[$0] - values[$0 + 1] }
  }

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
