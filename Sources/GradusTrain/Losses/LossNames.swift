/// Ranking losses by the names that command lines and recipes give them.
///
///     try LossNames.loss("pairwise-hinge(margin=0.5)")
public enum LossNames {
  public static let all = [
    "pairwise-softmax", "pairwise-cross-entropy", "pairwise-hinge", "two-logit", "pointwise-mse", "pointwise-l1",
    "pointwise-smooth-l1", "pointwise-cross-entropy",
  ]

  /// - Parameter text: One of ``all``; `pairwise-hinge` takes `margin`, `pointwise-smooth-l1` takes `threshold`.
  /// - Throws: ``NameError``, ``LossError`` for values that cannot be meant.
  public static func loss(_ text: String) throws -> any RankingLoss {
    var settings = try NamedSettings(text)
    let loss: any RankingLoss
    switch settings.name {
    case "pairwise-softmax": loss = PairwiseSoftmaxLoss()
    case "pairwise-cross-entropy": loss = PairwiseCrossEntropyLoss()
    case "pairwise-hinge": loss = try PairwiseHingeLoss(margin: try settings.take("margin", as: Double.self) ?? 1)
    case "two-logit": loss = TwoLogitCrossEntropyLoss()
    case "pointwise-mse": loss = PointwiseMSELoss()
    case "pointwise-l1": loss = PointwiseL1Loss()
    case "pointwise-smooth-l1":
      loss = try PointwiseSmoothL1Loss(threshold: try settings.take("threshold", as: Double.self) ?? 1)
    case "pointwise-cross-entropy": loss = PointwiseCrossEntropyLoss()
    default: throw NameError.unknown(settings.name, known: all)
    }
    try settings.finish()
    return loss
  }
}
