import GradusCore
import GradusTensor

/// A cross-encoder with exits in training: the logits of every exit and of the last layer for each pair, from one pass.
///
///     let model = try CrossEncoder(base: folder, head: .similarity, seed: 7).withExits(at: [2, 4], seed: 7)
///     TrainedModel(MultiExitScorer(model), optimizer: adam)
///
/// Ranks by the last layer's logits alone.
public struct MultiExitScorer: PairScorer {
  public let base: CrossEncoder

  /// - Parameter base: With at least one exit.
  public init(_ base: CrossEncoder) {
    precondition(!base.exits.isEmpty, "a cross-encoder without exits is a scorer itself")
    self.base = base
  }

  public var parameters: [Parameter] { base.parameters }
  /// The exits', in the order of their layers, then the last layer's.
  public var logitsPerPair: Int { base.exits.count + 1 }

  public func tokens(of pair: ScoringPair) throws -> (read: Int, truncated: Int) { try base.tokens(of: pair) }

  /// `[pairs, exits + 1]`. With the window policy each column is that of its own best window.
  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    try base.scores(batch, context: context, withExits: true)
  }

  public func rankingScores(of logits: Tensor) -> [Double] {
    let values = logits.doubles(), width = logitsPerPair
    return stride(from: width - 1, to: values.count, by: width).map { values[$0] }
  }

  public func inferredScores(
    _ pairs: [ScoringPair], maximumTokens: Int, progress: (Int) -> Void
  ) throws -> [CandidateScore] {
    try base.inferredScores(pairs, maximumTokens: maximumTokens, progress: progress)
  }

  public func prepared(for precision: NumericPrecision) throws -> MultiExitScorer {
    MultiExitScorer(try base.prepared(for: precision))
  }
}
