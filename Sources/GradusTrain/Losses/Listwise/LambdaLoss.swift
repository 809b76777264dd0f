import GradusTensor

/// The LambdaLoss framework: pairwise logistic losses, each weighted by what its pair can do to nDCG (Wang et al., "The
/// LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018).
///
///     loss = sum_{label_i > label_j} weight_ij log2(1 + exp(-sigma (scores_i - scores_j)))
///
/// Weights follow from the labels and from the ranks by the present scores (ties: the sample's order), and carry no
/// gradient. With G the gains `2^grade - 1` over the best DCG, D(r) = log2(1 + r), and d the distance of the two ranks:
///
///     lambdaRank   |G_i - G_j| |1 / D(rank_i) - 1 / D(rank_j)|            Burges et al., NIPS 2006
///     ndcg1        G_i / D(rank_i)
///     ndcg2        |G_i - G_j| |1 / D(d) - 1 / D(d + 1)|                  a tighter bound
///     ndcg2Plus    |G_i - G_j| (lambdaRank's + mu x ndcg2's difference)
///
///     try LambdaLoss(.ndcg2)
public struct LambdaLoss: RankingLoss, Equatable {
  /// Rows of the table above.
  public enum Weighting: String, Sendable, CaseIterable {
    case lambdaRank = "lambdarank"
    case ndcg1
    case ndcg2
    case ndcg2Plus = "ndcg2++"
  }

  public let weighting: Weighting
  public let sigma: Double
  /// Share of `ndcg2` in `ndcg2Plus`; without meaning for the others.
  public let mu: Double

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(_ weighting: Weighting = .lambdaRank, sigma: Double = 1, mu: Double = 10) throws(LossError) {
    self.weighting = weighting
    self.sigma = try positive("sigma", sigma)
    self.mu = try positive("mu", mu)
  }

  public func perSample(_ input: LossInput) throws -> Tensor {
    let scores = try input.listLogits(for: self)
    let grades = try input.grades(for: self)
    let count = scores.shape[1]
    let values = scores.detached().cast(to: .float64).doubles()
    let weights = grades.enumerated().map { row, grades in
      pairWeights(grades: grades, scores: Array(values[row * count..<(row + 1) * count]))
    }
    let losses = (scores.pairwiseDifferences() * -sigma).softplus() / 0.6931471805599453
    return (losses * input.constant(weights).reshaped(to: [grades.count, count, count])).sum(axes: [1, 2])
  }

  private func pairWeights(grades: [Double], scores: [Double]) -> [Double] {
    let gains = normalizedGains(grades)
    var ranks = [Int](repeating: 0, count: scores.count)
    let order = scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
    for (position, document) in order.enumerated() { ranks[document] = position + 1 }
    return grades.indices.flatMap { i in
      grades.indices.map { j in grades[i] > grades[j] ? weight(gains[i], gains[j], ranks[i], ranks[j]) : 0 }
    }
  }

  private func weight(_ gain: Double, _ otherGain: Double, _ rank: Int, _ otherRank: Int) -> Double {
    let swap = abs(rankDiscount(rank) - rankDiscount(otherRank))
    let distance = abs(rank - otherRank)
    let bound = abs(rankDiscount(distance) - rankDiscount(distance + 1))
    return switch weighting {
    case .lambdaRank: (gain - otherGain) * swap
    case .ndcg1: gain * rankDiscount(rank)
    case .ndcg2: (gain - otherGain) * bound
    case .ndcg2Plus: (gain - otherGain) * (swap + mu * bound)
    }
  }
}
