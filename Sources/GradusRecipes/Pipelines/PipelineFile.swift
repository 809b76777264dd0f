import GradusCore
import GradusIndex
import GradusModels
import GradusPipeline
import GradusRank

/// A retrieval pipeline written down in YAML (or JSON, which is YAML as well).
///
///     index: faq.index
///     pipeline:
///       - stage: bm25
///         depth: 100
///       - stage: rerank
///         model: minilm-l6
///         top: 50
///       - stage: cut
///         depth: 10
///
/// Top level: `index` (a folder) or `corpus` (a collection, folder or file), where the stages find documents unless they name
/// their own, and `pipeline`. Stages:
///
/// - `bm25`: `index`, `depth` (1000), `k1`, `b`. `search`: `index`, `depth` (1000), `model` (`bm25`), `feedback` (none), both as
///   in `gradus search`. `run`: `file`, `depth` (1000).
/// - `dense`: `depth` (1000) and `model`, `corpus`, which is encoded; or `index`, a stored vector index, with `model` (the one
///   that made it), `efSearch` (64), `exact`, `feedback` (`rocchio`, `average` or `ance-prf`), `filter` (on metadata).
/// - `sparse`: `index` (an impact index), `query-encoder`, `depth` (1000).
/// - `late-interaction`: `index` of token vectors, `depth` (1000), `model`, `nprobe` (4), `ndocs`, `centroid-threshold` (0.3);
///   or `exact`; `filter` (on metadata).
/// - `anncur`: `model`, `corpus`, `index` (of token vectors, for `maxsim:`), `anchor-queries`, `anchor-split`,
///   `anchor-query-count` (100), `anchor-items` (half of the budget), `seed` (1), `solver` (`truncated`), `scores`, `budget`
///   (100), `rounds` (1), `depth` (1000).
/// - `rerank`: `model`, `top` (all), `first-stage-weight`; `early-exit` and `early-exit-relevant` (probabilities), for a model
///   with exits. Scores are then an order and nothing more: `sum`, `features` and methods of `fuse` that add scores refuse it.
/// - `cut`: `depth`. `scale`: `by`.
/// - `filter`: one of `keep`, `drop` (docnos), `keep-file`, `drop-file` (one docno a line), `own: true` (drops the document that
///   has the query's name), or `metadata` with `values`.
/// - `fuse`: `method`, `norm`, `weights`, `of`. `sum`, `union`, `intersection`, `concatenation`, `features`: `of`.
/// - `linear`: `weights`, `bias`; reads what `features` made.
/// - `feedback`: `docs` (3), `words` (100); puts the first documents' words behind the query, for the stage that retrieves after
///   it.
/// - `chain`: `stages`; several stages as one branch of an `of`.
public struct PipelineFile: Sendable {
  public let pipeline: RetrievalPipeline

  /// - Throws: ``RecipeError`` with file and line; what finding the resources throws.
  public init(path: String, resources: some PipelineResources) throws {
    var file = try YAMLMapping.read(path)
    let builder = PipelineBuilder(resources: resources, index: try file.text("index"), corpus: try file.text("corpus"))
    let line = file.line(of: "pipeline")
    guard let stages = try file.mappings("pipeline"), !stages.isEmpty else {
      throw file.error(file.line, .missingKey("pipeline"))
    }
    try file.finish()
    guard case .retrieval(let pipeline) = try builder.chain(stages) else {
      throw file.error(
        line, .value(key: "pipeline", found: "no stage that retrieves", expected: "bm25, dense, run or fuse first"))
    }
    self.pipeline = pipeline
  }
}

/// Makes stages of mappings.
struct PipelineBuilder<Resources: PipelineResources> {
  let resources: Resources
  /// Where documents are unless a stage says otherwise.
  let index: String?
  let corpus: String?

  enum Part {
    case retrieval(RetrievalPipeline)
    case list(ListPipeline)
    /// From a list to a better query.
    case feedback(Pipeline<RankedList, Query>)
    /// From a query to a better one.
    case queries(Pipeline<Query, Query>)
    /// Applies to whatever stands before it.
    case cut(Int)
    case scale(Double)

    var asRetrieval: RetrievalPipeline? {
      if case .retrieval(let pipeline) = self { pipeline } else { nil }
    }

    var asList: ListPipeline? {
      if case .list(let pipeline) = self { pipeline } else { nil }
    }
  }

  func chain(_ stages: [YAMLMapping]) throws -> Part {
    var result: Part?
    for stage in stages {
      let part = try self.part(stage)
      switch (result, part) {
      case (nil, .retrieval), (nil, .list): result = part
      case (.retrieval(let before)?, .list(let next)): result = .retrieval(before >>> next)
      case (.list(let before)?, .list(let next)): result = .list(before >>> next)
      case (.retrieval(let before)?, .cut(let depth)): result = .retrieval(before % depth)
      case (.retrieval(let before)?, .scale(let weight)): result = .retrieval(before * weight)
      case (.list(let before)?, .cut(let depth)): result = .list(before % depth)
      case (.list(let before)?, .scale(let weight)): result = .list(before * weight)
      case (.retrieval(let before)?, .feedback(let next)): result = .queries(before >>> next)
      case (.queries(let before)?, .retrieval(let next)): result = .retrieval(before >>> next)
      case (.queries?, _):
        throw stage.error(
          stage.line,
          .value(key: "stage", found: "no stage that retrieves after 'feedback'", expected: "one, such as bm25 or dense"))
      case (_, .feedback), (_, .queries):
        throw stage.error(
          stage.line, .value(key: "stage", found: "'feedback' at the start", expected: "a stage before it that retrieves"))
      case (_, .cut), (_, .scale):
        throw stage.error(
          stage.line, .value(key: "stage", found: "a cut or scale at the start", expected: "a stage before it that makes a list"))
      case (.some, _):
        throw stage.error(
          stage.line,
          .value(key: "stage", found: "a stage that retrieves", expected: "one that reads a list; branches go under 'of'"))
      }
    }
    guard let result else { throw RecipeError(file: stages.first?.file ?? "", line: 1, reason: .missingKey("stage")) }
    return result
  }

  private static var names: [String] {
    [
      "bm25", "search", "dense", "sparse", "late-interaction", "anncur", "feedback", "run", "rerank", "cut", "scale", "filter",
      "fuse", "sum", "union", "intersection", "concatenation", "features", "linear", "chain",
    ]
  }

  private func part(_ source: YAMLMapping) throws -> Part {
    var stage = source
    let name = try stage.neededText("stage")
    let part: Part
    switch name {
    case "bm25": part = .retrieval(try bm25(&stage))
    case "search": part = .retrieval(try search(&stage))
    case "dense": part = .retrieval(try dense(&stage))
    case "sparse": part = .retrieval(try sparse(&stage))
    case "late-interaction": part = .retrieval(try lateInteraction(&stage))
    case "anncur": part = .retrieval(try anncur(&stage))
    case "feedback": part = .feedback(try feedback(&stage))
    case "run":
      let file = try stage.neededText("file")
      part = .retrieval(.run(try resources.run(file), depth: try stage.count("depth") ?? 1000, name: "run"))
    case "rerank": part = .list(try rerank(&stage))
    case "cut":
      guard let depth = try stage.count("depth") else { throw stage.error(stage.line, .missingKey("depth")) }
      part = .cut(depth)
    case "scale":
      guard let weight = try stage.number("by") else { throw stage.error(stage.line, .missingKey("by")) }
      part = .scale(weight)
    case "filter": part = .list(try filter(&stage))
    case "fuse": part = try fuse(&stage)
    case "sum":
      try refuseEarlyExits(stage, because: "'sum'")
      part = try join(&stage, { $0 + $1 }, { $0 + $1 })
    case "union": part = try join(&stage, { $0 ||| $1 }, { $0 ||| $1 })
    case "intersection": part = try join(&stage, { $0 &&& $1 }, { $0 &&& $1 })
    case "concatenation": part = try join(&stage, { $0 ^^^ $1 }, { $0 ^^^ $1 })
    case "features":
      try refuseEarlyExits(stage, because: "what reads 'features'")
      part = try join(&stage, { $0 ** $1 }, { $0 ** $1 })
    case "linear":
      part = .list(.linear(LinearFeatureScorer(weights: try numbers(&stage, "weights"), bias: try stage.number("bias") ?? 0)))
    case "chain":
      guard let stages = try stage.mappings("stages"), !stages.isEmpty else {
        throw stage.error(stage.line, .missingKey("stages"))
      }
      part = try chain(stages)
    default:
      let expected = Spelling.nearest(to: name, among: Self.names).map { "a known stage such as '\($0)'" }
        ?? "one of \(Self.names.joined(separator: ", "))"
      throw stage.error(stage.line(of: "stage"), .value(key: "stage", found: name, expected: expected))
    }
    try stage.finish()
    return part
  }

  // MARK: - Stages that retrieve

  private func bm25(_ stage: inout YAMLMapping) throws -> RetrievalPipeline {
    guard let path = try stage.text("index") ?? index else { throw stage.error(stage.line, .missingKey("index")) }
    let model = BM25(k1: try stage.number("k1") ?? BM25().k1, b: try stage.number("b") ?? BM25().b)
    try model.validate()
    return try .bm25(try resources.index(path), model: model, depth: try stage.count("depth") ?? 1000)
  }

  private func search(_ stage: inout YAMLMapping) throws -> RetrievalPipeline {
    guard let path = try stage.text("index") ?? index else { throw stage.error(stage.line, .missingKey("index")) }
    let feedback = try stage.text("feedback").map { try RelevanceFeedbackMethods.parse($0) }
    return try .search(
      try resources.index(path), model: try WeightingModels.parse(try stage.text("model") ?? "bm25"), feedback: feedback,
      depth: try stage.count("depth") ?? 1000)
  }

  private func dense(_ stage: inout YAMLMapping) throws -> RetrievalPipeline {
    if let path = try stage.text("index") { return try dense(&stage, index: path) }
    let model = try stage.neededText("model")
    guard let name = try stage.text("corpus") ?? corpus else { throw stage.error(stage.line, .missingKey("corpus")) }
    let retriever = try resources.dense(model, documents: try resources.corpus(name))
    return .retrieve(
      DeferredRetriever(retriever: retriever), depth: try stage.count("depth") ?? 1000, name: "dense",
      settings: [StageSetting("model", model)] + retriever.settings, fingerprint: retriever.fingerprint)
  }

  private func sparse(_ stage: inout YAMLMapping) throws -> RetrievalPipeline {
    guard let path = try stage.text("index") ?? index else { throw stage.error(stage.line, .missingKey("index")) }
    let retriever = try resources.sparse(path, queryEncoder: try stage.text("query-encoder"))
    return .retrieve(
      DeferredRetriever(retriever: retriever), depth: try stage.count("depth") ?? 1000, name: "sparse",
      settings: retriever.settings, fingerprint: retriever.fingerprint)
  }

  // MARK: - Stages that read lists

  private func rerank(_ stage: inout YAMLMapping) throws -> ListPipeline {
    let model = try stage.neededText("model")
    let documents = try documents(&stage)
    let reranker = try resources.reranker(
      model, firstStageWeight: try stage.number("first-stage-weight"), earlyExit: try earlyExit(&stage))
    return .rerank(
      DeferredReranker(reranker: reranker), documents: documents, top: try stage.count("top"), name: "rerank",
      settings: [StageSetting("model", model)] + reranker.settings,
      fingerprint: "\(reranker.fingerprint) \(documents.fingerprint)")
  }

  private static var exitKeys: [String] { ["early-exit", "early-exit-relevant"] }

  private func earlyExit(_ stage: inout YAMLMapping) throws -> EarlyExitThresholds? {
    guard stage.has(Self.exitKeys[0]) || stage.has(Self.exitKeys[1]) else { return nil }
    return try EarlyExitThresholds(
      notRelevant: try stage.number(Self.exitKeys[0]) ?? 0, relevant: try stage.number(Self.exitKeys[1]) ?? 1)
  }

  /// Whether a stage, or one inside it, leaves candidates early.
  private func exitsEarly(_ stage: YAMLMapping) throws -> Bool {
    var stage = stage
    if Self.exitKeys.contains(where: { key in stage.has(key) }) { return true }
    for key in ["of", "stages"] where stage.has(key) {
      let inner = try stage.mappings(key) ?? []
      if try inner.contains(where: { try exitsEarly($0) }) { return true }
    }
    return false
  }

  /// Scores of candidates that left in different places order them and cannot be added.
  private func refuseEarlyExits(_ stage: YAMLMapping, because what: String) throws {
    guard try exitsEarly(stage) else { return }
    throw stage.error(
      stage.line(of: "of"),
      .value(
        key: "of", found: "a branch with early-exit, whose scores are an order and nothing more",
        expected: "scores, which \(what) adds: leave early-exit out, or fuse by rank (method: rrf)"))
  }

  func documents(_ stage: inout YAMLMapping) throws -> StageDocuments {
    let own = (index: try stage.text("index"), corpus: try stage.text("corpus"))
    if let path = own.index ?? (own.corpus == nil ? index : nil) {
      let opened = try resources.index(path)
      return .index(opened, fingerprint: try opened.fingerprint())
    }
    guard let name = own.corpus ?? corpus else { throw stage.error(stage.line, .missingKey("index")) }
    let documents = try resources.corpus(name)
    return .corpus(Deferred(fingerprint: documents.fingerprint) { DocumentTable(try documents.value()) })
  }

  private func filter(_ stage: inout YAMLMapping) throws -> ListPipeline {
    let lists: [(key: String, mode: DocnoFilter.Mode, docnos: Set<String>?)] = [
      ("keep", .keep, try stage.list("keep").map { Set($0) }), ("drop", .drop, try stage.list("drop").map { Set($0) }),
      ("keep-file", .keep, try stage.text("keep-file").map { try resources.docnos($0) }),
      ("drop-file", .drop, try stage.text("drop-file").map { try resources.docnos($0) }),
    ]
    let isOwn = try stage.flag("own")
    let metadata = try stage.text("metadata")
    let given = lists.filter { $0.docnos != nil }
    guard given.count + (isOwn ? 1 : 0) + (metadata == nil ? 0 : 1) == 1 else {
      throw stage.error(
        stage.line,
        .value(
          key: "filter", found: "\(given.count + (isOwn ? 1 : 0) + (metadata == nil ? 0 : 1)) conditions",
          expected: "one of keep, drop, keep-file, drop-file, own, metadata"))
    }
    if let metadata {
      guard let values = try stage.list("values"), !values.isEmpty else { throw stage.error(stage.line, .missingKey("values")) }
      let documents = try documents(&stage)
      return .filter(
        MetadataFilter(metadata, in: Set(values), documents: documents),
        settings: [StageSetting("metadata", metadata), StageSetting("values", values.joined(separator: "|"))],
        fingerprint: documents.fingerprint)
    }
    guard let list = given.first, let docnos = list.docnos else {
      return .filter(OwnDocumentFilter(), settings: [StageSetting("own", true)], fingerprint: "")
    }
    let names = docnos.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    return .filter(
      DocnoFilter(list.mode, docnos), settings: [StageSetting(list.mode.rawValue, "\(docnos.count) docnos")],
      fingerprint: ContentFingerprint.of(names.map { Document(docno: $0, text: "") }))
  }

  // MARK: - Branches

  private func branches(_ stage: inout YAMLMapping) throws -> [Part] {
    guard let sources = try stage.mappings("of"), !sources.isEmpty else { throw stage.error(stage.line, .missingKey("of")) }
    return try sources.map(part)
  }

  private func join(
    _ stage: inout YAMLMapping, _ retrieval: (RetrievalPipeline, RetrievalPipeline) -> RetrievalPipeline,
    _ list: (ListPipeline, ListPipeline) -> ListPipeline
  ) throws -> Part {
    let parts = try branches(&stage)
    let retrievals = parts.compactMap(\.asRetrieval)
    let lists = parts.compactMap(\.asList)
    if retrievals.count == parts.count { return .retrieval(retrievals.dropFirst().reduce(retrievals[0], retrieval)) }
    if lists.count == parts.count { return .list(lists.dropFirst().reduce(lists[0], list)) }
    throw mixed(stage)
  }

  private func mixed(_ stage: YAMLMapping) -> RecipeError {
    stage.error(
      stage.line(of: "of"), .value(key: "of", found: "a mix", expected: "branches that all retrieve, or all read the same list"))
  }

  private func fuse(_ stage: inout YAMLMapping) throws -> Part {
    let source = stage
    let parts = try branches(&stage)
    let method = try FusionMethod(parsing: try stage.text("method") ?? "rrf")
    if method.readsScores { try refuseEarlyExits(source, because: method.description) }
    let weights = stage.has("weights") ? try numbers(&stage, "weights") : nil
    let fusion = try Fusion(
      method, normalization: try stage.text("norm").map { try ScoreNormalization(parsing: $0) }, weights: weights)
    if let weights, weights.count != parts.count { throw FusionError.weightCount(found: weights.count, lists: parts.count) }
    let retrievals = parts.compactMap(\.asRetrieval)
    guard retrievals.count == parts.count else { throw mixed(stage) }
    return .retrieval(.fuse(fusion, retrievals))
  }

  private func numbers(_ stage: inout YAMLMapping, _ key: String) throws -> [Double] {
    guard let texts = try stage.list(key) else { throw stage.error(stage.line, .missingKey(key)) }
    return try texts.map { text in
      guard let number = Double(text), number.isFinite else {
        throw stage.error(stage.line(of: key), .value(key: key, found: text, expected: "numbers"))
      }
      return number
    }
  }
}
