import GradusCore
import GradusTensor

/// A scorer with learned thresholds between the grades on top: one logit for each threshold, `score - threshold_k`, whose
/// sigmoid is the probability of a grade above k (cumulative logits, McCullagh, 1980; CORAL, Cao et al., 2020).
///
///     let ordinal = OrdinalScorer(crossEncoder, levels: 4)   // grades 0...3: three thresholds
///
/// The first threshold is free and each further one lies above the one before by `softplus` of a free number, so that they stay
/// in order however they are trained. All logits of a pair order documents alike: the base scorer alone ranks as this one does.
public struct OrdinalScorer: PairScorer {
  public let base: any PairScorer
  /// Grades from 0 to `levels - 1`.
  public let levels: Int
  /// `[levels - 1]`: the first threshold, then numbers whose softplus are the distances.
  let spacing: Parameter

  /// - Parameters:
  ///   - base: With one logit a pair.
  ///   - levels: At least 2. The thresholds start at a distance of 1, around 0.
  public init(_ base: any PairScorer, levels: Int) {
    precondition(base.logitsPerPair == 1 && levels >= 2, "ordinal thresholds need one logit a pair and two grades")
    self.base = base
    self.levels = levels
    // softplus(0.5413) = 1.
    let first = -Double(levels - 2) / 2
    spacing = Parameter(
      "ordinal.spacing",
      Tensor([Float(first)] + [Float](repeating: 0.541_324_85, count: levels - 2), shape: [levels - 1]))
  }

  public var parameters: [Parameter] { base.parameters + thresholdParameters }
  public var thresholdParameters: [Parameter] { [spacing] }
  public var logitsPerPair: Int { levels - 1 }

  /// `[levels - 1]`, ascending.
  public var thresholds: Tensor {
    let value = spacing.value
    guard levels > 2 else { return value }
    let first = value.slice(axis: 0, from: 0, to: 1)
    let distances = value.slice(axis: 0, from: 1, to: levels - 1).softplus()
    return concatenated([first, distances], axis: 0).cumulativeSum(axis: 0)
  }

  public func tokens(of pair: ScoringPair) throws -> (read: Int, truncated: Int) { try base.tokens(of: pair) }

  /// `[pairs, levels - 1]`; `[pairs]` for two grades.
  public func scores(_ batch: [ScoringPair], context: ForwardContext) throws -> Tensor {
    let scores = try base.scores(batch, context: context)
    guard levels > 2 else { return scores - thresholds }
    return scores.expandingDims(at: 1) - thresholds
  }

  /// The mean of a pair's logits: the base's score but for a constant.
  public func rankingScores(of logits: Tensor) -> [Double] {
    let values = logits.doubles(), width = logitsPerPair
    return stride(from: 0, to: values.count, by: width).map { start in
      values[start..<start + width].reduce(0, +) / Double(width)
    }
  }

  /// The base's scores.
  public func inferredScores(
    _ pairs: [ScoringPair], maximumTokens: Int, progress: (Int) -> Void
  ) throws -> [CandidateScore] {
    try base.inferredScores(pairs, maximumTokens: maximumTokens, progress: progress)
  }

  public func prepared(for precision: NumericPrecision) throws -> OrdinalScorer {
    try OrdinalScorer(base: base.prepared(for: precision), levels: levels, spacing: spacing)
  }

  private init(base: any PairScorer, levels: Int, spacing: Parameter) {
    self.base = base
    self.levels = levels
    self.spacing = spacing
  }
}
