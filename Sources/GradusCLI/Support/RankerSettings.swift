import Gradus

/// How long documents are cut, and how their passages' scores become theirs.
struct PassageReading {
  let windows: PassageWindows
  let aggregation: PassageAggregation
}

/// What the options of 'rerank' ask of a model: a trained one, or an encoder as it is.
struct RankerSettings {
  let firstStageWeight: Double?
  let arithmetic: PrecisionOption
  let queryPrompt: PromptChoice?
  let documentPrompt: PromptChoice?
  let passages: PassageReading?
  /// Of the last stage; nil for none.
  let earlyExit: EarlyExitOptions?
  /// Of the last stage; nil for none.
  let states: DocumentStatesOptions?
  /// The candidates' documents, whose states are computed where the file is not there yet.
  let documents: () -> [Document]

  /// A model as a stage of a cascade, with the first stage's score added.
  ///
  /// - Parameter isBefore: Whether it is one of the stages before the last, which have the weights that they were trained with.
  func stage(
    _ name: String, passing: CascadeStage.Passing = .best(.max), isBefore: Bool = false
  ) throws -> CascadeStage {
    let isHere = InputNames.exists(name + "/" + ModelManifest.fileName)
    let folder = ModelFolder(path: isHere ? name : try InputNames.model(name).folder)
    let isTrained = isHere || folder.isSequenceClassifier
    if isTrained, !isBefore, queryPrompt != nil || documentPrompt != nil {
      throw UsageError(
        "\(name) is a trained re-ranker and reads texts as it was trained to; leave --query-prompt and --document-prompt out")
    }
    let base: any MeteredReranker
    let precision: NumericPrecision
    var weight = isBefore ? nil : firstStageWeight
    if isTrained {
      let trained = try RankingModel(folder: folder)
      weight = weight ?? trained.manifest.firstStageWeight
      // What has no encoder runs in fp32 where nothing was asked for, and refuses the rest.
      let hasEncoder = trained.scorer is CrossEncoder || trained.scorer is BiEncoder
      precision = try hasEncoder || arithmetic.isGiven ? arithmetic.resolved().precision : .fp32
      let scorer = try trained.scorer.prepared(for: precision)
      base = PairReranker(
        isBefore ? scorer : try exitingEarly(states?.applied(to: scorer, documents: documents) ?? scorer))
    } else {
      if !isBefore { try states?.refuse() }
      if !isBefore, try earlyExit?.thresholds != nil { throw ModelError.noExits }
      let encoder = try BiEncoder(folder: folder)
      precision = try arithmetic.resolved().precision
      base = BiEncoderReranker(
        try encoder.prepared(for: precision), queryPrompt: queryPrompt ?? .query, documentPrompt: documentPrompt ?? .document)
    }
    return CascadeStage(
      name, passages.map { Self.reading($0, base) } ?? base, firstStageWeight: weight ?? 0, precision: precision,
      passing: passing)
  }

  private func exitingEarly(_ scorer: any PairScorer) throws -> any PairScorer { try earlyExit?.applied(to: scorer) ?? scorer }

  private static func reading(_ passages: PassageReading, _ base: some MeteredReranker) -> any MeteredReranker {
    PassageReranker(base: base, windows: passages.windows, aggregation: passages.aggregation)
  }
}
