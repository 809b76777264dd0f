import GradusTensor

/// LDR-KL, the label-distributionally robust loss with a divergence of Kullback and Leibler (Zhu, Ying and Yang, ICML 2023,
/// arXiv 2112.14869).
///
///     d_k  = score_k - score_target + margin      (0 for the target itself)
///     loss = lambda log( (1 / K) sum_k exp(d_k / lambda) )
///
/// One parameter runs from the hinge of the hardest negative (`lambda` towards 0) over cross-entropy less log K (`lambda` 1,
/// `margin` 0) to the mean difference (`lambda` towards infinity), which does not mind wrong labels. With `margin` 0 and no
/// normaliser a scorer that is free to choose its scale makes up for any `lambda`: use a normaliser then. The loss may be
/// negative. A sample with several positives has the mean over them, the others left out; one without negatives has 0.
///
///     try LDRKLLoss(lambda: 0.1, margin: 1)   // scores 2, 1, 0, the first the target: -0.040544
public struct LDRKLLoss: TargetLoss, Equatable {
  public let lambda: Double
  public let margin: Double
  public let normaliser: ScoreNormaliser

  /// - Throws: ``LossError/notPositive(parameter:found:)``, ``LossError/parameter(_:found:expected:)``.
  public init(lambda: Double = 1, margin: Double = 0, normaliser: ScoreNormaliser = .none) throws(LossError) {
    self.lambda = try positive("lambda", lambda)
    self.margin = try notNegative("margin", margin)
    self.normaliser = normaliser
  }

  public var leastCandidates: Int { 1 }
  public var hidesOtherPositives: Bool { true }

  /// - Throws: ``LossError/nothingToNormalise(loss:sample:)``, with the row in place of the sample's name.
  public func values(_ scores: Tensor, present: [[Bool]], targets: [Int]) throws -> Tensor {
    let scores = try normaliser(scores, present: present, loss: "\(Self.self)") { SampleID("row \($0)") }
    let lambdas = Tensor.full([targets.count, 1], lambda, type: scores.type)
    return robustValues(scores, present: present, targets: targets, margin: margin, lambdas: lambdas)
  }
}

/// `lambda log( (1 / K) sum_k exp(d_k / lambda) )` with a lambda for each row, `[rows, 1]`.
func robustValues(_ scores: Tensor, present: [[Bool]], targets: [Int], margin: Double, lambdas: Tensor) -> Tensor {
  let count = targets.count
  let margins = zip(present, targets).flatMap { row, target in row.indices.map { $0 == target ? 0 : margin } }
  let differences = scores - scores.picked(targets).expandingDims(at: 1)
    + Tensor(margins, shape: scores.shape).cast(to: scores.type)
  let kept = (differences / lambdas).keeping(present.flatMap { $0 })
  let logCounts = Tensor(present.counts, shape: [count]).cast(to: scores.type).log()
  return (kept.logSumExp(axes: [1]) - logCounts) * lambdas.reshaped(to: [count])
}
