/// A published system that the toolkit sets out to offer: composable parts and a recipe that anyone can rerun.
public struct RankingSystem: Sendable, Equatable {
  /// The stage of ranking that a system is about.
  public enum Kind: String, Sendable, CaseIterable {
    case calibration, compression, distillation, evaluation, fairness, feedback, generation, images
    case pipeline, recommendation, reranking, retrieval, rewriting, robustness, training
  }

  /// Short name; also that of its recipe folder.
  public let slug: String
  /// What it does, in a few words.
  public let title: String
  public let kind: Kind
  /// Names of its types in the libraries; empty where nothing is built yet.
  public let parts: [String]

  init(_ slug: String, _ title: String, _ kind: Kind, parts: [String] = []) {
    self.slug = slug
    self.title = title
    self.kind = kind
    self.parts = parts
  }
}

/// All systems, by slug.
///
///     SystemCatalog.system("curricula")?.parts.first   // "CurriculumWeighting"
public enum SystemCatalog {
  public static func system(_ slug: String) -> RankingSystem? { systems.first { $0.slug == slug } }

  private static let curriculaParts = [
    "CurriculumWeighting", "LinearCurriculum", "ReciprocalRankDifficulty", "NormalizedScoreDifficulty", "KDEScoreDifficulty",
    "PairwiseSampler", "PointwiseSampler", "PairwiseSoftmaxLoss", "PointwiseCrossEntropyLoss", "CrossEncoder", "ConvKNRM",
  ]

  private static let rdeParts = [
    "ConfidentConsensusDivision", "TwoComponentGaussianMixture", "ConsensusWeighting", "TripletAlignmentLoss",
  ]

  public static let systems: [RankingSystem] = [
    RankingSystem("ann-cur", "nearest neighbours of a cross-encoder by matrix factorisation", .retrieval,
      parts: ["CURRetriever", "CURSearch", "CURScores", "PseudoInverse"]),
    RankingSystem("ar2", "retriever and ranker trained against each other", .training),
    RankingSystem("baidu-plm", "pre-trained rankers for web search", .reranking),
    RankingSystem("benchmark-aggregation", "ranking systems over many tasks by Kemeny consensus", .evaluation),
    RankingSystem("bert-ranking-survey", "the BERT ranker family side by side", .reranking),
    RankingSystem("bignas", "one trained network, sliced to many sizes", .compression),
    RankingSystem("car-rewrite", "context-aware query rewriting for rankers", .rewriting),
    RankingSystem("certdr", "certified robustness to word substitution", .robustness),
    RankingSystem("cet", "hard negatives without false ones, by correcting pooling bias", .training,
      parts: ["CoupledEstimation", "PoolingBiasWeighting", "InversePropensityWeighting"]),
    RankingSystem("continual-pretraining", "going on with pre-training: rewarming and replay", .training),
    RankingSystem("cornstack", "contrastive data for code retrieval and re-ranking", .training),
    RankingSystem("cosine-adapter", "a relevance threshold for dense retrieval", .calibration),
    RankingSystem("cross-lingual-peft", "adapters for cross-lingual re-ranking", .training),
    RankingSystem("curricula", "training curricula for answer re-ranking", .training, parts: Self.curriculaParts),
    RankingSystem("dataset-distillation", "a small synthetic training set from expert trajectories", .distillation),
    RankingSystem("dhkd", "distillation with an auxiliary head", .distillation),
    RankingSystem("done", "doubly robust reweighting for adversarial training", .robustness),
    RankingSystem("duqgen", "domain adaptation by diverse synthetic queries", .training),
    RankingSystem("dynamic-retriever", "retrieval by a model that is its own index", .retrieval),
    RankingSystem("edu-sum", "re-ranking summaries made from discourse units", .generation),
    RankingSystem("fairseg", "losses scaled by group for fair segmentation", .fairness),
    RankingSystem("first", "listwise re-ranking from the first token's logits", .reranking),
    RankingSystem("first-reproduction", "single-token listwise re-ranking, reproduced", .reranking),
    RankingSystem("frugal", "optimisers with less state", .training),
    RankingSystem("full-ranking", "listwise re-ranking of the whole list at once", .reranking),
    RankingSystem(
      "groco", "contrastive learning by differentiable sorting", .training,
      parts: ["GroupOrderingLoss", "InBatchGroupOrderingLoss", "DifferentiableSortingNetwork"]),
    RankingSystem("groupwise-regret", "online learning with small regret for every group", .fairness),
    RankingSystem("iaa-peft", "parameter-efficient tuning of rankers", .training),
    RankingSystem("icr", "re-ranking by a language model's attention", .reranking),
    RankingSystem("inquire", "text-to-image retrieval of natural scenes", .images),
    RankingSystem(
      "ldr-losses", "losses robust to the label distribution", .training,
      parts: ["LDRKLLoss", "ALDRKLLoss", "ScoreNormaliser"]),
    RankingSystem("lol-prf", "feedback that does not hurt, by comparing reformulations", .feedback),
    RankingSystem(
      "loss-reweighting", "weighting samples by their loss while training", .training,
      parts: ["LossReweighting", "MaskedLanguageTraining"]),
    RankingSystem(
      "margin-mse", "distilling score margins across architectures", .distillation,
      parts: ["MarginMSELoss", "TeacherLabelledSampler", "BiEncoder", "ConvKNRM"]),
    RankingSystem("natural-logic", "multi-hop evidence retrieval with natural logic", .retrieval),
    RankingSystem("nrm-robustness", "how rankers stand up to shift and attack", .robustness),
    RankingSystem("nrm-survey", "neural ranking models before BERT", .reranking),
    RankingSystem("order-disorder", "attacks that imitate a black-box ranker", .robustness),
    RankingSystem("order-matters", "sets as input and output of sequence models", .reranking,
      parts: ["SetToSequenceRanker", "ProcessBlock", "OrderSearch"]),
    RankingSystem("perp", "retraining few parameters after pruning", .compression),
    RankingSystem("pg-rank", "rankers trained by policy gradient", .training),
    RankingSystem("pld", "denoising implicit feedback person by person", .recommendation,
      parts: ["PersonalLossResampling", "InteractionSampler", "MatrixFactorization"]),
    RankingSystem("preference-ranking", "how well preference training ranks preferences", .evaluation),
    RankingSystem(
      "presto", "rare events by ordinal regression", .calibration,
      parts: ["OrdinalRegression", "CumulativeLogitLoss", "FusedDifferencePenalty", "OrdinalCrossValidation"]),
    RankingSystem("pretraining-tasks", "pre-training tasks for dense retrieval", .training),
    RankingSystem("r3", "a reward from relevance and length", .generation),
    RankingSystem("rankify", "one toolkit from retrieval to answers", .pipeline),
    RankingSystem("rde", "text-to-image matching with noisy pairs", .images, parts: Self.rdeParts),
    RankingSystem("reg-ir", "retrieval from document to document", .retrieval),
    RankingSystem("reloop2", "correcting a recommender by its recent errors", .recommendation),
    RankingSystem("selavpr", "place recognition with adapted vision models", .images),
    RankingSystem("shrinkmatch", "semi-supervised learning in a shrunk class space", .training,
      parts: ["ShrinkConsistencyLoss", "FixMatchLoss", "DistributionAlignment"]),
    RankingSystem("srat", "adversarial training for unbalanced classes", .robustness),
    RankingSystem("star-adore", "hard negatives for dense retrieval, static and dynamic", .training),
    RankingSystem("superglobal", "image re-ranking with global features alone", .images),
    RankingSystem(
      "susana", "metric learning by class separability", .training,
      parts: ["ProtoTripletLoss", "ICNNScore", "ICNNLoss", "PrototypicalLoss", "EpisodicSampler"]),
    RankingSystem(
      "tcm", "one threshold for all classes in metric learning", .calibration,
      parts: ["ThresholdConsistentMarginLoss", "OPIS", "ThresholdSelection"]),
    RankingSystem("tildev2", "re-ranking by contextualised exact term matches", .reranking,
      parts: ["TILDEv2", "TILDE", "TILDEv2Reranker", "BidirectionalQueryLikelihoodLoss", "ImpactIndex"]),
    RankingSystem("topic-attack", "attacks on a ranker over a whole topic", .robustness),
    RankingSystem("trp", "training towards low rank", .compression),
    RankingSystem("wildbench", "judging language models on real requests", .evaluation),
    RankingSystem(
      "z-loss", "a loss that ignores shift and scale of logits", .training,
      parts: ["ZLoss", "SphericalSoftmaxLoss", "TaylorSoftmaxLoss", "InBatchTargetLoss", "FactoredSphericalOutput"]),
  ]
}
