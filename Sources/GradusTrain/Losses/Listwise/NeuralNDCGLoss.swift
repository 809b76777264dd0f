import GradusTensor

/// NeuralNDCG: 1 - nDCG with the sorting made smooth by NeuralSort (Pobrotyn and Bialobrzeski, "NeuralNDCG", 2021;
/// Grover et al., ICLR 2019).
///
///     P_ik = softmax_k(((n + 1 - 2 i) scores_k - sum_l |scores_k - scores_l|) / temperature)
///     loss = 1 - sum_i (P G)_i / log2(1 + i)
///
/// Sinkhorn's scaling makes columns sum to 1, too, so that no gain is counted twice. As in the official code, each round
/// scales columns, then rows; that code stops at a tolerance, here the number of rounds is fixed.
public struct NeuralNDCGLoss: RankingLoss, Equatable {
  public let temperature: Double
  /// Rounds of scaling; 0 for none.
  public let sinkhornRounds: Int

  /// - Throws: ``LossError/notPositive(parameter:found:)``; ``LossError/negativeRounds(_:)``.
  public init(temperature: Double = 1, sinkhornRounds: Int = 30) throws(LossError) {
    self.temperature = try positive("temperature", temperature)
    guard sinkhornRounds >= 0 else { throw .negativeRounds(sinkhornRounds) }
    self.sinkhornRounds = sinkhornRounds
  }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    let gains = try input.grades(for: self).map(normalizedGains)
    let (lists, count) = (scores.shape[0], scores.shape[1])
    let spread = scores.pairwiseDifferences().abs().sum(axes: [2])
    let slopes = Tensor((1...count).map { Double(count + 1 - 2 * $0) }, shape: [1, count, 1]).cast(to: scores.type)
    var sorting = ((slopes * scores.expandingDims(at: 1) - spread.expandingDims(at: 1)) / temperature).softmax()
    for _ in 0..<sinkhornRounds {
      sorting = sorting / sorting.sum(axes: [1], keepDims: true).clamp(1e-10, .infinity)
      sorting = sorting / sorting.sum(axes: [2], keepDims: true).clamp(1e-10, .infinity)
    }
    let discounts = Tensor((1...count).map(rankDiscount), shape: [1, count, 1]).cast(to: scores.type)
    let gained = (sorting * discounts * input.constant(gains).reshaped(to: [lists, 1, count])).sum(axes: [1, 2])
    let best = gains.map { $0.contains { $0 > 0 } ? 1.0 : 0 }
    return Tensor(best, shape: [lists]).cast(to: scores.type) - gained
  }
}
