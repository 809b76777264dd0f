import GradusTensor

/// The Z-loss: softplus of how many standard deviations the target's score stands above the mean of all candidates' scores (de
/// Brébisson and Vincent, 2016, arXiv 1604.08859).
///
///     mu = mean of the scores,  sigma = their deviation (divisor: the number of candidates),  z = (score_target - mu) / sigma
///     loss = (1 / a) log(1 + exp(a (b - z)))
///
/// Neither a shift nor a positive factor of the scores changes it, so that no temperature needs tuning; nothing pulls the scale
/// of the scores anywhere either. `|z| <= sqrt(candidates - 1)`: with many candidates the loss is satisfied early where `b` is
/// 0, and a larger `b` keeps pushing towards the very top. Where all scores are equal, z counts as 0 and has no gradient. The
/// mean over a sample's positives is an extension of the paper, which has one target.
///
///     try ZLoss(a: 2, b: 1)   // scores 2, 1, 0, -1, the first the target: 0.204382
public struct ZLoss: TargetLoss, Equatable {
  /// Sharpness; towards infinity the loss becomes `max(0, b - z)`.
  public let a: Double
  /// Location.
  public let b: Double
  private static let epsilon = 1e-12

  /// - Throws: ``LossError/notPositive(parameter:found:)``; ``LossError/parameter(_:found:expected:)``.
  public init(a: Double = 1, b: Double = 0) throws(LossError) {
    self.a = try positive("a", a)
    guard b.isFinite else { throw .parameter("b", found: b, expected: "a finite number") }
    self.b = b
  }

  /// Of two candidates z is always 1 or -1.
  public var leastCandidates: Int { 3 }

  public func values(_ scores: Tensor, present: [[Bool]], targets: [Int]) -> Tensor {
    let mask = present.numbers(scores.type)
    let counts = Tensor(present.counts, shape: [present.count, 1]).cast(to: scores.type)
    let mean = (scores * mask).sum(axes: [1], keepDims: true) / counts
    let centred = (scores - mean) * mask
    let variance = (centred.square().sum(axes: [1], keepDims: true) / counts).reshaped(to: [targets.count])
    let isFlat = variance .<= Tensor.full([], Self.epsilon * Self.epsilon, type: scores.type)
    let sigma = variance.clamp(Self.epsilon * Self.epsilon, .greatestFiniteMagnitude).sqrt() + Self.epsilon
    let z = select(isFlat, Tensor.zeros([], type: scores.type), centred.picked(targets) / sigma)
    return ((b - z) * a).softplus() / a
  }
}

/// Spherical softmax: probabilities proportional to the square of the scores (de Brébisson and Vincent, ICLR 2016).
///
///     loss = -log( (score_target^2 + epsilon) / sum_k (score_k^2 + epsilon) )
///
/// Loses the sign of the scores: a score of -2 is as good as one of 2.
public struct SphericalSoftmaxLoss: TargetLoss, Equatable {
  /// Keeps the logarithm finite where the target's score is 0.
  public let epsilon: Double

  /// - Throws: ``LossError/notPositive(parameter:found:)``.
  public init(epsilon: Double = 1e-6) throws(LossError) { self.epsilon = try positive("epsilon", epsilon) }

  public var leastCandidates: Int { 2 }

  public func values(_ scores: Tensor, present: [[Bool]], targets: [Int]) -> Tensor {
    let masses = (scores.square() + epsilon) * present.numbers(scores.type)
    return masses.sum(axes: [1]).log() - masses.picked(targets).log()
  }
}

/// Taylor softmax: probabilities proportional to the exponential's second Taylor polynomial, which is positive everywhere (de
/// Brébisson and Vincent, ICLR 2016).
///
///     loss = -log( t(score_target) / sum_k t(score_k) ),   t(x) = 1 + x + x^2 / 2
public struct TaylorSoftmaxLoss: TargetLoss, Equatable {
  public init() {}

  public var leastCandidates: Int { 2 }

  public func values(_ scores: Tensor, present: [[Bool]], targets: [Int]) -> Tensor {
    let masses = (scores + scores.square() / 2 + 1) * present.numbers(scores.type)
    return masses.sum(axes: [1]).log() - masses.picked(targets).log()
  }
}
