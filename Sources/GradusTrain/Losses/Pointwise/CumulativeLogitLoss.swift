import GradusTensor

/// The negative log-likelihood of ordered classes under cumulative logits, each class boundary with a predictor of its own: the
/// likelihood of PRESTO (Faletto and Bien, ICML 2023, arXiv 2305.18700) and, where all boundaries share their slopes, of
/// proportional odds.
///
///     P(y <= k) = sigmoid(eta_k),  k = 0, ..., K - 2;    loss = -log( sigmoid(eta_y) - sigmoid(eta_{y-1}) )
///
/// A larger eta means a LOWER class. Where two boundaries cross, a class in between has no positive probability: its loss is
/// then that of a probability of about 1e-30, with the gradient of the two boundaries alone.
public struct CumulativeLogitLoss: Sendable, Equatable {
  private static let leastGap = 1e-30
  public init() {}

  /// - Parameters:
  ///   - eta: `[rows, K - 1]`.
  ///   - classes: From 0 to K - 1.
  /// - Returns: `[rows]`.
  public func values(_ eta: Tensor, classes: [Int]) -> Tensor {
    let boundaries = eta.shape[1]
    // For the outer classes one of the two cumulative probabilities is 1 or 0 for certain.
    let upper = eta.picked(classes.map { min($0, boundaries - 1) })
    let lower = eta.picked(classes.map { max($0 - 1, 0) })
    func mask(_ isMember: (Int) -> Bool) -> Tensor { Tensor(mask: classes.map(isMember), shape: [classes.count]) }
    // The difference of two sigmoids without cancellation: sigmoid(u) - sigmoid(l) = sigmoid(u) sigmoid(-l) (1 - exp(l - u)).
    let gap = (upper - lower).clamp(Self.leastGap, .greatestFiniteMagnitude)
    // 1 - exp(-gap) = 2 t / (1 + t) with t = tanh(gap / 2), which keeps the digits of a small gap.
    let t = (gap / 2).tanh()
    let between = upper.negatedLogSigmoid() + (-lower).negatedLogSigmoid() - (t.log() - t.log1p() + 0.6931471805599453)
    let inside = select(mask { $0 == boundaries }, (-lower).negatedLogSigmoid(), between)
    return select(mask { $0 == 0 }, upper.negatedLogSigmoid(), inside)
  }

  /// The probabilities of all classes, `[rows, K]`. Where boundaries cross, some are negative: ``OrdinalRegression`` mends them.
  public func probabilities(_ eta: Tensor) -> Tensor {
    let cumulative = eta.sigmoid()
    return cumulative.padded(axis: 1, before: 0, after: 1, value: 1) - cumulative.padded(axis: 1, before: 1, after: 0)
  }
}

extension Tensor {
  /// `-log sigmoid(x)`.
  func negatedLogSigmoid() -> Tensor { (-self).softplus() }
}

/// PRESTO's penalty: the slopes of one class boundary may differ from those of the boundary before, at a price (Faletto and Bien,
/// ICML 2023).
///
///     penalty = lambda sum_j ( |beta_j1| + sum_{k > 1} |beta_jk - beta_j,k-1| )
///
/// At 0 every boundary has slopes of its own, the last one those of logistic regression on the rarest class but for what the
/// classes' order says; with `penalisesFirst` off and a large lambda all boundaries share theirs: proportional odds
/// (``OrdinalRegression/Slopes/shared`` gives the same without a large number).
public struct FusedDifferencePenalty: Sendable, Equatable {
  public let lambda: Double
  /// Whether the first boundary's slopes are drawn to 0, too, as in the paper's code.
  public let penalisesFirst: Bool

  /// - Throws: ``LossError/parameter(_:found:expected:)``.
  public init(lambda: Double, penalisesFirst: Bool = true) throws(LossError) {
    self.lambda = try notNegative("lambda", lambda)
    self.penalisesFirst = penalisesFirst
  }

  /// Of a lambda that is known to be at least 0.
  init(lambda: Double, first: Bool) {
    self.lambda = lambda
    penalisesFirst = first
  }

  /// - Parameter slopes: `[features, K - 1]`.
  /// - Returns: Shape `[]`.
  public func callAsFunction(_ slopes: Tensor) -> Tensor {
    let boundaries = slopes.shape[1]
    let steps = slopes.slice(axis: 1, from: 1, to: boundaries) - slopes.slice(axis: 1, from: 0, to: boundaries - 1)
    let first = slopes.slice(axis: 1, from: 0, to: 1).abs().sum()
    return (penalisesFirst ? first + steps.abs().sum() : steps.abs().sum()) * lambda
  }
}
