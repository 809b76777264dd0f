import GradusCore
import GradusTensor

/// A scorer of one logit as a two-way classifier, relevant or not, for losses over two logits (monoBERT, Nogueira and Cho, 2019).
///
///     let classifier = TwoLogitScorer(crossEncoder)   // logits score / 2 and -score / 2
///
/// The softmax of two logits knows nothing but their difference, which is the base's score: probabilities, losses and gradients
/// in the base's weights are those of a head with two outputs whose difference is the base's one. The base alone ranks as this
/// scorer does.
public struct TwoLogitScorer: PairScorer {
  public let base: any PairScorer

  /// - Parameter base: With one logit a pair.
  public init(_ base: any PairScorer) {
    precondition(base.logitsPerPair == 1, "two logits are made of one")
    self.base = base
  }

  public var parameters: [Parameter] { base.parameters }
  public var logitsPerPair: Int { 2 }

  public func tokens(of pair: ScoringPair) throws -> (read: Int, truncated: Int) { try base.tokens(of: pair) }

  /// `[pairs, 2]`: relevant, not relevant.
  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    let half = try base.scores(batch, context: context).expandingDims(at: 1) * 0.5
    return concatenated([half, -half], axis: 1)
  }

  /// The base's scores.
  public func inferredScores(
    _ pairs: [ScoringPair], maximumTokens: Int, progress: (Int) -> Void
  ) throws -> [CandidateScore] {
    try base.inferredScores(pairs, maximumTokens: maximumTokens, progress: progress)
  }

  public func prepared(for precision: NumericPrecision) throws -> TwoLogitScorer {
    TwoLogitScorer(try base.prepared(for: precision))
  }
}
