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
  let earlyExit: EarlyExitThresholds?
  /// Of the last stage; nil for none.
  let states: DocumentStatesOptions?
  /// The candidates' documents, whose states are computed where the file is not there yet.
  let documents: () -> [Document]
  /// Where documents' vectors are taken from instead of being made; those of passages always are.
  var stored: DocumentIndex?

  /// A model as a stage of a cascade, with the first stage's score added.
  ///
  /// - Parameter isBefore: Whether it is one of the stages before the last, which have the weights that they were trained with.
  func stage(
    _ name: String, passing: CascadeStage.Passing = .best(.max), isBefore: Bool = false
  ) throws -> CascadeStage {
    if name.hasPrefix(Self.tildePrefix) { return try tilde(name, passing: passing, isBefore: isBefore) }
    if let encoder = Self.lateInteraction(name) { return try maxSimStage(name, encoder, passing, isBefore: isBefore) }
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
      try refuseOptionsOfLayers(isBefore: isBefore)
      let encoder = try BiEncoder(folder: folder)
      precision = try arithmetic.resolved().precision
      base = try Self.biEncoder(
        encoder.prepared(for: precision), name, folder, stored, queryPrompt ?? .query, documentPrompt ?? .document)
    }
    return CascadeStage(
      name, passages.map { Self.reading($0, base) } ?? base, firstStageWeight: weight ?? 0, precision: precision,
      passing: passing)
  }

  /// Goes before the folder of an index of token weights.
  private static let tildePrefix = "tildev2:"

  private func tilde(_ name: String, passing: CascadeStage.Passing, isBefore: Bool) throws -> CascadeStage {
    let path = String(name.dropFirst(Self.tildePrefix.count))
    guard passages == nil, queryPrompt == nil, documentPrompt == nil else {
      throw UsageError("\(name) reads stored weights: --passages, --query-prompt and --document-prompt have no meaning for it")
    }
    try refuseOptionsOfLayers(isBefore: isBefore)
    let index = try ImpactIndex(path: path)
    guard index.configuration.method == .tildev2, let model = index.configuration.vocabulary?.name else {
      throw UsageError("\(path) holds no weights of a TILDEv2; make some with 'gradus sparse CORPUS --model TRAINED --out DIR'")
    }
    let folder = ModelFolder(path: model)
    try index.requireVocabulary(of: folder, name: model)
    return CascadeStage(
      name, TILDEv2Reranker(index: index, tokenizer: try folder.tokenizer()),
      firstStageWeight: isBefore ? 0 : firstStageWeight ?? 0, precision: .fp32, passing: passing)
  }

  /// Refuses the options that reach into the layers of a trained cross-encoder, for a last stage that is none.
  private func refuseOptionsOfLayers(isBefore: Bool) throws {
    guard !isBefore else { return }
    try states?.refuse()
    if earlyExit != nil { throw ModelError.noExits }
  }

  private func exitingEarly(_ scorer: any PairScorer) throws -> any PairScorer { try earlyExit?.applied(to: scorer) ?? scorer }

  private static func biEncoder(
    _ encoder: BiEncoder, _ name: String, _ folder: ModelFolder, _ stored: DocumentIndex?, _ queryPrompt: PromptChoice,
    _ documentPrompt: PromptChoice
  ) throws -> BiEncoderReranker {
    guard case .vectors(let index)? = stored else {
      return BiEncoderReranker(encoder, queryPrompt: queryPrompt, documentPrompt: documentPrompt)
    }
    return try BiEncoderReranker(
      encoder, vectors: index, fingerprint: EncoderFingerprint(name: name, folder: folder, encoder: encoder),
      queryPrompt: queryPrompt, documentPrompt: documentPrompt)
  }

  /// The encoder in `maxsim:ENCODER`; nil for a model of another kind.
  static func lateInteraction(_ name: String) -> String? {
    let prefix = "maxsim:"
    return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : nil
  }

  private func maxSimStage(
    _ name: String, _ encoderName: String, _ passing: CascadeStage.Passing, isBefore: Bool
  ) throws -> CascadeStage {
    guard queryPrompt == nil, documentPrompt == nil else {
      throw UsageError("\(name) takes the prompts that the model's folder names; leave the prompt options out")
    }
    try refuseOptionsOfLayers(isBefore: isBefore)
    let folder = ModelFolder(path: try InputNames.model(encoderName).folder)
    let isTrained = InputNames.exists(folder.path + "/" + ModelManifest.fileName)
    let makesVectors = try !isTrained || ModelManifest(folder: folder).architecture == .biEncoder
    guard makesVectors, !folder.isSequenceClassifier else {
      throw UsageError("\(encoderName) is a trained re-ranker, which makes no vectors; use it without 'maxsim:'")
    }
    let precision = try arithmetic.resolved().precision
    let encoder = try LateInteractionEncoder(folder: folder).prepared(for: precision)
    let base: LateInteractionReranker
    if case .tokens(let index)? = stored {
      base = try LateInteractionReranker(
        encoder, index: index,
        fingerprint: EncoderFingerprint(name: encoderName, folder: folder, encoder: encoder))
    } else {
      base = LateInteractionReranker(encoder)
    }
    return CascadeStage(
      name, passages.map { Self.reading($0, base) } ?? base, firstStageWeight: isBefore ? 0 : firstStageWeight ?? 0,
      precision: precision, passing: passing)
  }

  private static func reading(_ passages: PassageReading, _ base: some MeteredReranker) -> any MeteredReranker {
    PassageReranker(base: base, windows: passages.windows, aggregation: passages.aggregation)
  }
}
