import GradusCore

/// Divides training pairs into clean, noisy and uncertain ones by losses in two views of a model that must agree (Qin et al.,
/// "Noisy-Correspondence Learning for Text-to-Image Person Re-identification", CVPR 2024).
///
/// Each view's losses are brought to `[0, 1]` and fitted by a mixture of two Gaussians; a pair is clean in a view where the
/// posterior of the component with the smaller mean exceeds ``threshold``. A view that calls every pair clean has its
/// threshold raised until the worst ``minimumNoisyShare`` are noisy. Both views clean: weight 1; both noisy: 0; otherwise
/// ``uncertain`` decides.
///
///     let division = try ConfidentConsensusDivision()
///     let result = try division.divide([lossesOfGlobalView, lossesOfTokenView], coins: SeededGenerator(seed: 7))
///     result.weights   // [1, 1, 0, ...]
public struct ConfidentConsensusDivision: Sendable, Equatable {
  /// The weight of a pair about which the views disagree.
  public enum Uncertain: String, Sendable, CaseIterable {
    /// 1 or 0 by a fair coin, thrown anew each time: the paper's.
    case coinFlip = "coin"
    case drop
    case half
  }

  /// What the views say together of each pair.
  public struct Division: Sendable, Equatable {
    /// 0 to 1, one a pair.
    public let weights: [Double]
    /// Posterior of being clean, by view.
    public let posteriors: [[Double]]
    /// Pairs about which the views disagree.
    public let uncertain: Int

    /// Mean over the views of a pair's posterior of being clean.
    public func confidence(_ position: Int) -> Double {
      posteriors.reduce(0) { $0 + $1[position] } / Double(posteriors.count)
    }
  }

  public let threshold: Double
  public let uncertain: Uncertain
  public let minimumNoisyShare: Double
  public let mixture: TwoComponentGaussianMixture.Options

  /// - Throws: ``WeightingError/parameter(name:found:expected:)``.
  public init(
    threshold: Double = 0.5, uncertain: Uncertain = .coinFlip, minimumNoisyShare: Double = 0.01,
    mixture: TwoComponentGaussianMixture.Options = .moderate
  ) throws(WeightingError) {
    guard threshold > 0 && threshold < 1 else {
      throw .parameter(name: "the threshold of consensus division", found: threshold, expected: "between 0 and 1")
    }
    guard minimumNoisyShare >= 0 && minimumNoisyShare < 1 else {
      throw .parameter(name: "the least share of noisy pairs", found: minimumNoisyShare, expected: "at least 0 and below 1")
    }
    self.threshold = threshold
    self.uncertain = uncertain
    self.minimumNoisyShare = minimumNoisyShare
    self.mixture = mixture
  }

  /// - Parameters:
  ///   - views: One or two vectors of losses over the same pairs. With one view nothing is uncertain. A view whose losses are
  ///     all equal calls every pair clean: they say nothing.
  ///   - coins: One stream for this division; each pair has its own coin.
  /// - Throws: ``WeightingError/tooFew(what:found:needed:)`` for fewer than four pairs or views of different length;
  ///   ``WeightingError/parameter(name:found:expected:)`` for a loss that is not finite.
  public func divide(_ views: [[Double]], coins: SeededGenerator) throws(WeightingError) -> Division {
    guard let count = views.first?.count else { throw .tooFew(what: "views to divide pairs by", found: 0, needed: 1) }
    var posteriors: [[Double]] = []
    var clean: [[Bool]] = []
    for losses in views {
      guard losses.count == count else { throw .tooFew(what: "losses of the second view", found: losses.count, needed: count) }
      let own = try self.posteriors(losses)
      posteriors.append(own)
      clean.append(decisions(own))
    }
    var weights: [Double] = []
    var undecided = 0
    for pair in 0..<count {
      let votes = clean.count { $0[pair] }
      if votes == clean.count {
        weights.append(1)
      } else if votes == 0 {
        weights.append(0)
      } else {
        undecided += 1
        switch uncertain {
        case .drop: weights.append(0)
        case .half: weights.append(0.5)
        case .coinFlip:
          var coin = coins.stream("pair", pair)
          weights.append(Double(coin.integer(below: 2)))
        }
      }
    }
    return Division(weights: weights, posteriors: posteriors, uncertain: undecided)
  }

  private func posteriors(_ losses: [Double]) throws(WeightingError) -> [Double] {
    if let wrong = losses.first(where: { !$0.isFinite }) {
      throw .parameter(name: "a loss that pairs are divided by", found: wrong, expected: "a finite number")
    }
    guard losses.count >= 4 else { throw .tooFew(what: "pairs to divide into clean and noisy", found: losses.count, needed: 4) }
    guard let lowest = losses.min(), let highest = losses.max(), highest > lowest else { return losses.map { _ in 1 } }
    let normalized = losses.map { ($0 - lowest) / (highest - lowest) }
    let fitted = try TwoComponentGaussianMixture(fitting: normalized, options: mixture)
    // Far below the smaller mean a wider upper component would win again; there a pair is as clean as at the mean.
    return normalized.map { fitted.posteriorOfLower(max($0, fitted.lower.mean)) }
  }

  private func decisions(_ posteriors: [Double]) -> [Bool] {
    let clean = posteriors.map { $0 > threshold }
    guard minimumNoisyShare > 0, clean.allSatisfy({ $0 }), posteriors.contains(where: { $0 < 1 }) else { return clean }
    let sorted = posteriors.sorted()
    let raised = sorted[Int(Double(sorted.count) * minimumNoisyShare)]
    return posteriors.map { $0 > raised }
  }
}
