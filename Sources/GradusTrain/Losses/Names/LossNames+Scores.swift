extension LossNames {
  static let pointwiseEntries: [LossEntry] = [
    LossEntry("pointwise-mse", [], .all, .numbers) { _ in PointwiseMSELoss() },
    LossEntry("pointwise-l1", [], .all, .numbers) { _ in PointwiseL1Loss() },
    LossEntry("pointwise-smooth-l1", ["threshold"], .all, .numbers) {
      try PointwiseSmoothL1Loss(threshold: try $0.take("threshold", as: Double.self) ?? 1)
    },
    LossEntry("pointwise-cross-entropy", [], .all, .probabilities) { _ in PointwiseCrossEntropyLoss() },
    LossEntry("two-logit", [], .all, .roles, model: .twoLogits) { _ in TwoLogitCrossEntropyLoss() },
    LossEntry("ordinal", ["levels", "kind"], .all, .grades, model: .thresholds) {
      try OrdinalLoss(
        levels: try $0.take("levels", as: Int.self) ?? 3, kind: try $0.take("kind", among: OrdinalLoss.Kind.self) ?? .coral)
    },
  ]

  static let pairwiseEntries: [LossEntry] = [
    LossEntry("pairwise-softmax", [], .pairs, .roles) { _ in PairwiseSoftmaxLoss() },
    LossEntry("pairwise-cross-entropy", [], .pairs, .roles) { _ in PairwiseCrossEntropyLoss() },
    LossEntry("pairwise-hinge", ["margin"], .pairs, .roles) {
      try PairwiseHingeLoss(margin: try $0.take("margin", as: Double.self) ?? 1)
    },
  ]

  static let listwiseEntries: [LossEntry] = [
    LossEntry("softmax-cross-entropy", [], .lists, .grades) { _ in SoftmaxCrossEntropyLoss() },
    LossEntry("unique-softmax", [], .lists, .grades) { _ in UniqueSoftmaxLoss() },
    LossEntry("listnet", ["temperature"], .lists, .numbers) {
      try ListNetLoss(temperature: try $0.take("temperature", as: Double.self) ?? 1)
    },
    LossEntry("listmle", [], .lists, .numbers) { _ in ListMLELoss() },
    LossEntry("p-listmle", [], .lists, .numbers) { _ in ListMLELoss(weights: .exponential) },
    LossEntry("plackett-luce", ["top"], .lists, .numbers) { try PlackettLuceLoss(top: try $0.take("top", as: Int.self)) },
    LossEntry("ranknet", ["sigma"], .lists, .numbers) { try RankNetLoss(sigma: try $0.take("sigma", as: Double.self) ?? 1) },
    LossEntry("lambdarank", ["sigma"], .lists, .grades) { try lambda(.lambdaRank, &$0) },
    LossEntry("ndcg-loss1", ["sigma"], .lists, .grades) { try lambda(.ndcg1, &$0) },
    LossEntry("ndcg-loss2", ["sigma"], .lists, .grades) { try lambda(.ndcg2, &$0) },
    LossEntry("ndcg-loss2++", ["sigma", "mu"], .lists, .grades) { try lambda(.ndcg2Plus, &$0) },
    LossEntry("approx-ndcg", ["temperature"], .lists, .grades) {
      try ApproxNDCGLoss(temperature: try $0.take("temperature", as: Double.self) ?? 0.1)
    },
    LossEntry("approx-mrr", ["temperature"], .lists, .grades) {
      try ApproxMRRLoss(temperature: try $0.take("temperature", as: Double.self) ?? 0.1)
    },
    LossEntry("neural-ndcg", ["temperature", "rounds"], .lists, .grades) {
      try NeuralNDCGLoss(
        temperature: try $0.take("temperature", as: Double.self) ?? 1, sinkhornRounds: try $0.take("rounds", as: Int.self) ?? 30)
    },
    LossEntry("groco", ["negatives", "steepness", "cdf"], .lists, .roles) { try groupOrdering(&$0) },
  ]

  static let distillationEntries: [LossEntry] = [
    LossEntry("margin-mse", [], .pairs, .teacher) { _ in MarginMSELoss() },
    LossEntry("kl", ["temperature"], .lists, .teacher) {
      try KLDivergenceLoss(temperature: try $0.take("temperature", as: Double.self) ?? 1)
    },
    LossEntry("rank-distil", ["top", "draws", "temperature"], .lists, .teacher) {
      try RankDistilLoss(
        top: try $0.take("top", as: Int.self) ?? 3, draws: try $0.take("draws", as: Int.self) ?? 8,
        temperature: try $0.take("temperature", as: Double.self) ?? 1)
    },
  ]

  /// One right document among some.
  static let targetEntries: [LossEntry] = [
    LossEntry("z-loss", ["a", "b"], .lists, .roles) { try zLoss(&$0) },
    LossEntry("spherical-softmax", ["epsilon"], .lists, .roles) {
      try SphericalSoftmaxLoss(epsilon: try $0.take("epsilon", as: Double.self) ?? 1e-6)
    },
    LossEntry("taylor-softmax", [], .lists, .roles) { _ in TaylorSoftmaxLoss() },
    LossEntry("ldr-kl", ["lambda", "margin", "normaliser"], .lists, .roles) { try robust(&$0) },
    LossEntry("aldr-kl", ["lambda0", "alpha", "margin", "normaliser", "margin-in-update"], .lists, .roles) {
      try ALDRKLLoss(
        lambda0: try $0.take("lambda0", as: Double.self) ?? 1, alpha: try $0.take("alpha", as: Double.self) ?? 2,
        margin: try $0.take("margin", as: Double.self) ?? 0.1,
        normaliser: try $0.take("normaliser", among: ScoreNormaliser.self) ?? .l1,
        marginInUpdate: try $0.take("margin-in-update", as: Bool.self) ?? false)
    },
  ]

  static let clickEntries: [LossEntry] = InversePropensityLoss.Form.allCases.map(inversePropensity) + [dual]

  private static func inversePropensity(_ form: InversePropensityLoss.Form) -> LossEntry {
    LossEntry(
      "ips-\(form.rawValue)", ["eta", "positions", "clip", "self-normalised"], forms: form == .pointwise ? .all : .lists,
      labels: .clicks
    ) { settings, context in
      let propensities = try Propensities.power(
        eta: try settings.take("eta", as: Double.self) ?? 1, positions: try settings.take("positions", as: Int.self) ?? 1000)
      return .scores(
        try InversePropensityLoss(
          form, log: context.log(propensities), clip: try settings.take("clip", as: Double.self) ?? 0,
          selfNormalised: try settings.take("self-normalised", as: Bool.self) ?? false))
    }
  }

  private static let dual = LossEntry("dla", ["ratio"], forms: .lists, labels: .clicks) { settings, context in
    let ratio = try settings.take("ratio", as: Double.self) ?? 100
    return .dual(try DualLearning(log: context.log(try Propensities([1])), largestRatio: ratio))
  }

  private static func lambda(_ weighting: LambdaLoss.Weighting, _ settings: inout NamedSettings) throws -> LambdaLoss {
    let sigma = try settings.take("sigma", as: Double.self) ?? 1
    guard weighting == .ndcg2Plus else { return try LambdaLoss(weighting, sigma: sigma) }
    return try LambdaLoss(weighting, sigma: sigma, mu: try settings.take("mu", as: Double.self) ?? 10)
  }

  static func groupOrdering(_ settings: inout NamedSettings) throws -> GroupOrderingLoss {
    try GroupOrderingLoss(
      negatives: try settings.take("negatives", as: Int.self) ?? 10,
      steepness: try settings.take("steepness", as: Double.self) ?? 1,
      cdf: try settings.take("cdf", among: DifferentiableSortingNetwork.CDF.self) ?? .cauchy)
  }

  static func zLoss(_ settings: inout NamedSettings) throws -> ZLoss {
    try ZLoss(a: try settings.take("a", as: Double.self) ?? 1, b: try settings.take("b", as: Double.self) ?? 0)
  }

  static func robust(_ settings: inout NamedSettings) throws -> LDRKLLoss {
    try LDRKLLoss(
      lambda: try settings.take("lambda", as: Double.self) ?? 1, margin: try settings.take("margin", as: Double.self) ?? 0,
      normaliser: try settings.take("normaliser", among: ScoreNormaliser.self) ?? .none)
  }
}
