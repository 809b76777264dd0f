import Gradus

/// What the stages of a pipeline file name: indexes by path, collections and models as in the other commands.
struct CommandResources: PipelineResources {
  /// Of encoders. Where nothing was asked for it is fp32, not what is fast here: stored results must be the same everywhere.
  private let precision: PrecisionOption.Choice

  init(arithmetic: PrecisionOption) { precision = arithmetic.isGiven ? arithmetic.choice : .fp32 }

  func index(_ path: String) throws -> InvertedIndex { try InvertedIndex(path: path) }

  func corpus(_ name: String) throws -> Deferred<[Document]> {
    guard name != "-" else { throw UsageError("a stage cannot read its corpus from standard input") }
    let path = try InputNames.corpus(name)
    return Deferred(fingerprint: try ContentFingerprint.of(path: path)) { try CorpusReader(path: path).readAll() }
  }

  func reranker(
    _ model: String, firstStageWeight: Double?, earlyExit: EarlyExitThresholds?
  ) throws -> Deferred<any Reranker> {
    let name = RankerSettings.lateInteraction(model) ?? model
    let isHere = InputNames.exists(name + "/" + ModelManifest.fileName)
    let folder = isHere ? name : try InputNames.model(name).folder
    var settings = [StageSetting("precision", precision.rawValue)]
    if let firstStageWeight { settings.append(StageSetting("first-stage-weight", firstStageWeight)) }
    if let earlyExit {
      settings.append(StageSetting("early-exit", "\(earlyExit.notRelevant)-\(earlyExit.relevant)"))
    }
    let precision = precision
    return Deferred(fingerprint: try ContentFingerprint.of(path: folder), settings: settings) {
      let arithmetic = PrecisionOption.of(precision)
      let stage = try RankerSettings(
        firstStageWeight: firstStageWeight, arithmetic: arithmetic, queryPrompt: nil, documentPrompt: nil, passages: nil,
        earlyExit: earlyExit, states: nil, documents: { [] }
      ).stage(model)
      return stage.firstStageWeight == 0 ? stage.reranker : Self.interpolated(stage.reranker, stage.firstStageWeight)
    }
  }

  private static func interpolated(_ base: some Reranker, _ weight: Double) -> any Reranker {
    InterpolatedReranker(base: base, weight: weight)
  }

  func dense(_ model: String, documents: Deferred<[Document]>) throws -> Deferred<any Retriever> {
    let folder = ModelFolder(path: try InputNames.model(model).folder)
    guard !InputNames.exists(folder.path + "/" + ModelManifest.fileName), !folder.isSequenceClassifier else {
      throw UsageError("\(model) is a trained re-ranker, which makes no vectors; use it in a 'rerank' stage")
    }
    let precision = precision
    return Deferred(
      fingerprint: "\(try ContentFingerprint.of(path: folder.path)) \(documents.fingerprint)",
      settings: [StageSetting("precision", precision.rawValue)]
    ) {
      let arithmetic = PrecisionOption.of(precision)
      let encoder = try BiEncoder(folder: folder)
      let resolved = try arithmetic.resolved().precision
      return try DenseRetriever(encoder: try encoder.prepared(for: resolved), documents: try documents.value())
    }
  }

  func sparse(_ path: String, queryEncoder: String?) throws -> Deferred<any Retriever> {
    let encoding = try queryEncoder.map { text throws in
      guard let encoding = SparseQueryEncoding(rawValue: text), encoding != .vectors else {
        throw UsageError("query-encoder '\(text)' is unknown in a pipeline; expected splade, tokens or words")
      }
      return encoding
    }
    let search = try SparseSearch(index: path, encoding: encoding, model: nil)
    return Deferred(
      fingerprint: try search.index.fingerprint(), settings: [StageSetting("query-encoder", search.encoding.rawValue)]
    ) { search.retriever }
  }

  func vectors(_ path: String, _ options: VectorStageOptions) throws -> Deferred<any Retriever> {
    guard VectorIndex.isPresent(at: path) else { throw IndexError.notAnIndex(path: path) }
    let name = try options.encoder ?? VectorIndex(path: path).configuration.encoder.name
    let precision = precision
    return Deferred(
      fingerprint: try fingerprint(index: path, encoder: name), settings: [StageSetting("precision", precision.rawValue)]
    ) {
      try DenseSearch(
        index: path, encoder: name, options: options.search, feedback: options.feedback, filter: options.filter,
        arithmetic: PrecisionOption.of(precision)
      ).retriever
    }
  }

  func tokens(
    _ path: String, encoder: String?, _ options: TokenSearchOptions?, filter: String?
  ) throws -> Deferred<any Retriever> {
    guard TokenIndex.isPresent(at: path) else { throw IndexError.notAnIndex(path: path) }
    let name = try encoder ?? TokenIndex(path: path).configuration.encoder.name
    let precision = precision
    return Deferred(
      fingerprint: try fingerprint(index: path, encoder: name), settings: [StageSetting("precision", precision.rawValue)]
    ) {
      try TokenSearch(
        index: path, encoder: name, strategy: options.map { .pruned($0) } ?? .exhaustive, filter: filter,
        arithmetic: PrecisionOption.of(precision)
      ).retriever
    }
  }

  func anncur(_ options: CURStageOptions) throws -> Deferred<any Retriever> {
    let setup = CURSetup(
      corpus: options.corpus, model: options.model, index: options.index, anchorQueries: options.anchorQueries,
      anchorSplit: options.anchorSplit, anchorQueryCount: options.anchorQueryCount, anchorItems: options.anchorItems,
      seed: options.seed, solver: options.solver, scores: options.scores, precision: precision)
    let name = RankerSettings.lateInteraction(options.model) ?? options.model
    let folder = InputNames.exists(name + "/" + ModelManifest.fileName) ? name : try InputNames.model(name).folder
    var parts = [try ContentFingerprint.of(path: folder), try ContentFingerprint.of(path: try InputNames.corpus(options.corpus))]
    if let index = options.index { parts.append(try ContentFingerprint.of(path: index)) }
    parts.append(ContentFingerprint.of(try setup.queries().map { Document(docno: $0.qid, text: $0.text) }))
    return Deferred(fingerprint: parts.joined(separator: " "), settings: [StageSetting("precision", precision.rawValue)]) {
      CURSearch(try setup.retriever().retriever, budget: options.budget, rounds: options.rounds)
    }
  }

  private func fingerprint(index: String, encoder: String) throws -> String {
    "\(try ContentFingerprint.of(path: index)) \(try ContentFingerprint.of(path: InputNames.model(encoder).folder))"
  }

  func run(_ path: String) throws -> Run { try TrecRunReader.read(path) }

  func docnos(_ path: String) throws -> Set<String> { Set(try DocnoFile.read(path)) }
}
