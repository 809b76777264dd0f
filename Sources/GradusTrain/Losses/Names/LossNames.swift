/// Ranking losses by the names that command lines and recipes give them.
///
///     try LossNames.loss("pairwise-hinge(margin=0.5)")
public enum LossNames {
  public static let all = [
    "pairwise-softmax", "pairwise-cross-entropy", "pairwise-hinge", "two-logit", "pointwise-mse", "pointwise-l1",
    "pointwise-smooth-l1", "pointwise-cross-entropy", "softmax-cross-entropy", "listnet", "listmle", "p-listmle", "ranknet",
    "lambdarank", "ndcg-loss1", "ndcg-loss2", "ndcg-loss2++", "approx-ndcg", "neural-ndcg", "margin-mse", "kl",
  ]

  /// Losses over the documents of a list.
  public static let listwise = [
    "softmax-cross-entropy", "listnet", "listmle", "p-listmle", "ranknet", "lambdarank", "ndcg-loss1", "ndcg-loss2",
    "ndcg-loss2++", "approx-ndcg", "neural-ndcg", "kl",
  ]

  /// - Parameter text: One of ``all``; `pairwise-hinge` takes `margin`, `pointwise-smooth-l1` takes `threshold`, `listnet`,
  ///   `approx-ndcg`, `neural-ndcg` and `kl` take `temperature`, `neural-ndcg` takes `rounds`, `ranknet` and the LambdaLoss
  ///   family take `sigma`, `ndcg-loss2++` takes `mu`.
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
    case "softmax-cross-entropy": loss = SoftmaxCrossEntropyLoss()
    case "listnet": loss = try ListNetLoss(temperature: try settings.take("temperature", as: Double.self) ?? 1)
    case "listmle": loss = ListMLELoss()
    case "p-listmle": loss = ListMLELoss(weights: .exponential)
    case "ranknet": loss = try RankNetLoss(sigma: try settings.take("sigma", as: Double.self) ?? 1)
    case "lambdarank": loss = try lambda(.lambdaRank, &settings)
    case "ndcg-loss1": loss = try lambda(.ndcg1, &settings)
    case "ndcg-loss2": loss = try lambda(.ndcg2, &settings)
    case "ndcg-loss2++": loss = try lambda(.ndcg2Plus, &settings)
    case "approx-ndcg": loss = try ApproxNDCGLoss(temperature: try settings.take("temperature", as: Double.self) ?? 0.1)
    case "neural-ndcg":
      loss = try NeuralNDCGLoss(
        temperature: try settings.take("temperature", as: Double.self) ?? 1,
        sinkhornRounds: try settings.take("rounds", as: Int.self) ?? 30)
    case "margin-mse": loss = MarginMSELoss()
    case "kl": loss = try KLDivergenceLoss(temperature: try settings.take("temperature", as: Double.self) ?? 1)
    default: throw NameError.unknown(settings.name, known: all)
    }
    try settings.finish()
    return loss
  }

  private static func lambda(_ weighting: LambdaLoss.Weighting, _ settings: inout NamedSettings) throws -> LambdaLoss {
    let sigma = try settings.take("sigma", as: Double.self) ?? 1
    guard weighting == .ndcg2Plus else { return try LambdaLoss(weighting, sigma: sigma) }
    return try LambdaLoss(weighting, sigma: sigma, mu: try settings.take("mu", as: Double.self) ?? 10)
  }
}
