import GradusTensor

/// A query and a document as texts: what a pair scorer reads.
public struct TextPair: Sendable, Hashable {
  public let query: String
  public let document: String

  public init(query: String, document: String) {
    self.query = query
    self.document = document
  }
}

/// Scores of a batch of pairs with what was cut off to make them fit.
public struct PairScores {
  /// Logits, shape `[pairs]`.
  public let scores: Tensor
  /// Tokens cut off each pair.
  public let truncatedTokens: [Int]

  public init(scores: Tensor, truncatedTokens: [Int]) {
    self.scores = scores
    self.truncatedTokens = truncatedTokens
  }
}

/// A model that gives a query-document pair one score, in training and in inference alike.
///
/// Cross-encoders and interaction rankers conform; losses, samplers and curricula know nothing else of a model.
public protocol PairScorer: Module {
  /// Upper bound on the tokens that the pair takes in the model, specials included; for planning batches.
  func tokenCount(of pair: TextPair) -> Int

  /// Scores of `pairs`, in order. A score depends on its pair alone (but for dropout while training).
  func scores(_ pairs: [TextPair], _ context: ForwardContext) throws -> PairScores
}

extension PairScorer {
  /// Scores without recording, in batches of like length under a token budget; in input order.
  ///
  ///     let scores = try model.score(pairs)   // [Double], truncated token counts beside them
  ///
  /// - Parameter progress: Called with the number of pairs done since the last call.
  public func score(
    _ pairs: [TextPair], maximumTokens: Int = 8192, progress: (Int) -> Void = { _ in }
  ) throws -> (scores: [Double], truncatedTokens: [Int]) {
    var scores = [Double](repeating: 0, count: pairs.count)
    var truncated = [Int](repeating: 0, count: pairs.count)
    for batch in BatchPlan(lengths: pairs.map(tokenCount(of:)), maximumTokens: maximumTokens).batches {
      let result = try withoutGradients { try self.scores(batch.map { pairs[$0] }, .inference) }
      for (position, score) in zip(batch, result.scores.doubles()) { scores[position] = score }
      for (position, count) in zip(batch, result.truncatedTokens) { truncated[position] = count }
      progress(batch.count)
    }
    return (scores, truncated)
  }
}
