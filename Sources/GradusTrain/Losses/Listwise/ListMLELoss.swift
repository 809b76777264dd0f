import GradusTensor

/// ListMLE: the negative log-likelihood, under Plackett and Luce's model, of the order that the labels give (Xia et al.,
/// ICML 2008).
///
///     loss = sum_i weight_i (log sum_{j >= i} exp(scores_j) - scores_i)     over documents by label, best first
///
/// The model draws documents one by one without replacement, each with probability proportional to `exp(score)`.
/// Documents of equal label keep the order of the sample, which a sampler draws at random.
public struct ListMLELoss: RankingLoss, Equatable {
  /// How much each position counts.
  public enum PositionWeights: String, Sendable, CaseIterable {
    /// 1 everywhere: ListMLE.
    case uniform
    /// `2^(n - i) - 1` at position i of n, divided by their sum: p-ListMLE (Lan et al., UAI 2014), which has mistakes at
    /// the top cost more. The division changes the paper's scale, not its shape.
    case exponential
  }

  public let weights: PositionWeights

  public init(weights: PositionWeights = .uniform) { self.weights = weights }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    let labels = try input.finiteLabels(for: self)
    let count = labels[0].count
    let order = labels.flatMap { row in
      row.indices.sorted { row[$0] != row[$1] ? row[$0] > row[$1] : $0 < $1 }.map(Int32.init)
    }
    let sorted = scores.gather(Tensor(indices: order, shape: [labels.count, count]), axis: 1)
    // Row i sees the documents that are left at step i.
    let isLeft = Tensor(mask: (0..<count).flatMap { i in (0..<count).map { $0 >= i } }, shape: [count, count])
    let left = select(isLeft, sorted.expandingDims(at: 1), .full([], -1e30, type: scores.type))
    let terms = left.logSumExp(axes: [2]) - sorted
    return (terms * input.constant([positionWeights(count)])).sum(axes: [1])
  }

  private func positionWeights(_ count: Int) -> [Double] {
    switch weights {
    case .uniform: return [Double](repeating: 1, count: count)
    case .exponential:
      // Divided by 2^n, so that lists of any length stay finite.
      let values = (1...count).map { powerOfTwo(-$0) - powerOfTwo(-count) }
      let sum = values.reduce(0, +)
      return values.map { $0 / sum }
    }
  }
}

private func powerOfTwo(_ exponent: Int) -> Double { Double(sign: .plus, exponent: exponent, significand: 1) }
