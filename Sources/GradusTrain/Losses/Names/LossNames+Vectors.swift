extension LossNames {
  static let contrastiveEntries: [LossEntry] = [
    LossEntry(vectors: "infonce", ["temperature", "similarity", "negatives", "directions"], .pairs, .roles) {
      try InfoNCELoss(
        temperature: try $0.take("temperature", as: Double.self) ?? 0.05,
        similarity: try $0.take("similarity", among: Similarity.self) ?? .cosine,
        negatives: try $0.take("negatives", among: InfoNCELoss.Negatives.self) ?? .batch,
        directions: try $0.take("directions", among: InfoNCELoss.Directions.self) ?? .queries)
    },
    LossEntry(vectors: "gist", ["temperature", "margin"], .pairs, .roles) {
      try GISTEmbedLoss(
        temperature: try $0.take("temperature", as: Double.self) ?? 0.01, margin: try $0.take("margin", as: Double.self) ?? 0)
    },
    LossEntry(vectors: "matryoshka", ["loss", "dims", "weights"], .pairs, .roles) { settings in
      let base = try vectors(settings.take("loss"), in: settings.text)
      guard let dimensions = try numbers("dims", as: Int.self, &settings) else {
        throw NameError.value(text: settings.text, key: "dims", found: "nothing, where lengths like 384/192/96 are needed")
      }
      return try MatryoshkaLoss(base, dimensions: dimensions, weights: try numbers("weights", as: Double.self, &settings))
    },
    LossEntry(vectors: "cosine-similarity", [], .all, .probabilities) { _ in CosineSimilarityLoss() },
    LossEntry(vectors: "contrastive", ["distance", "margin"], .all, .roles) {
      try ContrastiveLoss(
        distance: try $0.take("distance", among: VectorDistance.self) ?? .cosine,
        margin: try $0.take("margin", as: Double.self) ?? 0.5)
    },
    LossEntry(vectors: "triplet", ["distance", "margin"], .pairs, .roles) {
      try TripletLoss(
        distance: try $0.take("distance", among: VectorDistance.self) ?? .euclidean,
        margin: try $0.take("margin", as: Double.self) ?? 5)
    },
    LossEntry(vectors: "cosent", ["scale"], .all, .numbers) {
      try CoSENTLoss(scale: try $0.take("scale", as: Double.self) ?? 20)
    },
    LossEntry(vectors: "angle", ["scale"], .all, .numbers) { try AnglELoss(scale: try $0.take("scale", as: Double.self) ?? 20) },
    LossEntry(vectors: "z-loss-in-batch", ["a", "b"], .pairs, .roles) { InBatchTargetLoss(try zLoss(&$0)) },
    LossEntry(vectors: "ldr-kl-in-batch", ["lambda", "margin", "normaliser"], .pairs, .roles) {
      InBatchTargetLoss(try robust(&$0))
    },
    LossEntry(vectors: "groco-in-batch", ["negatives", "steepness", "cdf", "stop-gradient"], .all, .roles) {
      let stops = try $0.take("stop-gradient", as: Bool.self) ?? false
      return InBatchGroupOrderingLoss(try groupOrdering(&$0), stopsGradient: stops)
    },
  ]

  static let metricEntries: [LossEntry] = [
    LossEntry(
      vectors: "tcm", ["loss", "positive", "negative", "positive-weight", "negative-weight"], .pairs, .roles
    ) { settings in
      let base = try vectors(settings.take("loss"), in: settings.text)
      return try ThresholdConsistentMarginLoss(
        base, positiveMargin: try settings.take("positive", as: Double.self) ?? 0.9,
        negativeMargin: try settings.take("negative", as: Double.self) ?? 0.5,
        positiveWeight: try settings.take("positive-weight", as: Double.self) ?? 1,
        negativeWeight: try settings.take("negative-weight", as: Double.self) ?? 1)
    },
    LossEntry(vectors: "tal", ["margin", "temperature", "negatives"], .pairs, .roles) {
      try TripletAlignmentLoss(
        margin: try $0.take("margin", as: Double.self) ?? 0.1,
        temperature: try $0.take("temperature", as: Double.self) ?? 0.015,
        negatives: try $0.take("negatives", among: TripletAlignmentLoss.Negatives.self) ?? .smooth)
    },
    LossEntry(vectors: "proto-triplet", ["margin", "shots"], .lists, .roles) {
      try ProtoTripletLoss(
        margin: try $0.take("margin", as: Double.self) ?? 0.5, shots: try $0.take("shots", as: Int.self))
    },
    LossEntry(vectors: "prototypical", ["temperature", "shots"], .lists, .roles) {
      try PrototypicalLoss(
        temperature: try $0.take("temperature", as: Double.self) ?? 1, shots: try $0.take("shots", as: Int.self))
    },
    LossEntry(vectors: "icnn", ["k", "depth", "omega", "episodic"], .all, .roles) {
      let score = try ICNNScore(
        k: try $0.take("k", as: Int.self) ?? 4, depth: try $0.take("depth", as: Int.self),
        usesOmega: try $0.take("omega", as: Bool.self) ?? false)
      return ICNNLoss(score, isEpisodic: try $0.take("episodic", as: Bool.self) ?? false)
    },
  ]

  /// Numbers with slashes between them.
  private static func numbers<Number: LosslessStringConvertible>(
    _ key: String, as type: Number.Type, _ settings: inout NamedSettings
  ) throws -> [Number]? {
    guard let text = settings.take(key) else { return nil }
    return try text.split(separator: "/", omittingEmptySubsequences: false).map { part in
      guard let number = Number(String(part)) else { throw NameError.value(text: settings.text, key: key, found: text) }
      return number
    }
  }
}
