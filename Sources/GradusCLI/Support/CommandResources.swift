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

  func reranker(_ model: String, firstStageWeight: Double?) throws -> Deferred<any Reranker> {
    let isHere = InputNames.exists(model + "/" + ModelManifest.fileName)
    let folder = isHere ? model : try InputNames.model(model).folder
    var settings = [StageSetting("precision", precision.rawValue)]
    if let firstStageWeight { settings.append(StageSetting("first-stage-weight", firstStageWeight)) }
    let precision = precision
    return Deferred(fingerprint: try ContentFingerprint.of(path: folder), settings: settings) {
      var arithmetic = PrecisionOption()
      arithmetic.choice = precision
      let stage = try RankerSettings(
        firstStageWeight: firstStageWeight, arithmetic: arithmetic, queryPrompt: nil, documentPrompt: nil, passages: nil,
        earlyExit: nil, states: nil, documents: { [] }
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
      var arithmetic = PrecisionOption()
      arithmetic.choice = precision
      let encoder = try BiEncoder(folder: folder)
      let resolved = try arithmetic.resolved().precision
      return try DenseRetriever(encoder: try encoder.prepared(for: resolved), documents: try documents.value())
    }
  }

  func run(_ path: String) throws -> Run { try TrecRunReader.read(path) }

  func docnos(_ path: String) throws -> Set<String> {
    let reader = try LineReader(path: path)
    var docnos: Set<String> = []
    while let line = try reader.next() {
      let name = String(decoding: line, as: UTF8.self).filter { !$0.isWhitespace }
      if !name.isEmpty { docnos.insert(name) }
    }
    return docnos
  }
}
