import GradusCore
import GradusIndex
import GradusPipeline
import GradusRank
import GradusTensor

/// Stages that retrieve by vectors, and feedback between two that retrieve.
extension PipelineBuilder {
  func dense(_ stage: inout YAMLMapping, index: String) throws -> RetrievalPipeline {
    let isExact = try stage.flag("exact")
    let efSearch = try stage.count("efSearch")
    let feedback = try stage.text("feedback").map { text throws in try VectorFeedbackMethod(parsing: text) }
    let options = VectorStageOptions(
      encoder: try stage.text("model"),
      search: VectorSearchOptions(
        efSearch: efSearch ?? VectorSearchOptions().efSearch, strategy: isExact ? .exact : .automatic),
      feedback: feedback, filter: try stage.text("filter"))
    let retriever = try resources.vectors(index, options)
    var settings = [
      StageSetting("index", index), StageSetting("search", isExact ? "exact" : "efSearch=\(options.search.efSearch)"),
    ]
    if let feedback { settings.append(StageSetting("feedback", feedback.description)) }
    if let filter = options.filter { settings.append(StageSetting("filter", filter)) }
    return .retrieve(
      DeferredRetriever(retriever: retriever), depth: try stage.count("depth") ?? 1000, name: "dense",
      settings: settings + retriever.settings, fingerprint: retriever.fingerprint)
  }

  func lateInteraction(_ stage: inout YAMLMapping) throws -> RetrievalPipeline {
    let path = try stage.neededText("index")
    let depth = try stage.count("depth") ?? 1000
    let isExact = try stage.flag("exact")
    let standard = TokenSearchOptions()
    let options = TokenSearchOptions(
      probes: try stage.count("nprobe") ?? standard.probes,
      centroidThreshold: try stage.number("centroid-threshold") ?? standard.centroidThreshold,
      candidates: try stage.count("ndocs") ?? TokenSearchOptions.candidates(depth: depth))
    let filter = try stage.text("filter")
    let retriever = try resources.tokens(path, encoder: try stage.text("model"), isExact ? nil : options, filter: filter)
    let way = isExact
      ? "exact"
      : "nprobe=\(options.probes) ndocs=\(options.candidates) centroid-threshold=\(options.centroidThreshold ?? -1)"
    return .retrieve(
      DeferredRetriever(retriever: retriever), depth: depth, name: "late-interaction",
      settings: [StageSetting("index", path), StageSetting("search", way)]
        + (filter.map { [StageSetting("filter", $0)] } ?? []) + retriever.settings,
      fingerprint: retriever.fingerprint)
  }

  func anncur(_ stage: inout YAMLMapping) throws -> RetrievalPipeline {
    guard let corpus = try stage.text("corpus") ?? corpus else { throw stage.error(stage.line, .missingKey("corpus")) }
    let budget = try stage.count("budget") ?? 100
    let options = CURStageOptions(
      model: try stage.neededText("model"), corpus: corpus, index: try stage.text("index"),
      anchorQueries: try stage.neededText("anchor-queries"), anchorSplit: try stage.text("anchor-split"),
      anchorQueryCount: try stage.count("anchor-query-count") ?? 100,
      anchorItems: try stage.count("anchor-items") ?? max(1, budget / 2), seed: UInt64(try stage.count("seed") ?? 1),
      solver: try PseudoInverse(parsing: try stage.text("solver") ?? "truncated"), scores: try stage.text("scores"),
      budget: budget, rounds: try stage.count("rounds") ?? 1)
    let retriever = try resources.anncur(options)
    return .retrieve(
      DeferredRetriever(retriever: retriever), depth: try stage.count("depth") ?? 1000, name: "anncur",
      settings: [
        StageSetting("model", options.model), StageSetting("anchor-items", options.anchorItems),
        StageSetting("seed", options.seed), StageSetting("solver", options.solver.specification),
        StageSetting("budget", budget), StageSetting("rounds", options.rounds),
      ] + retriever.settings, fingerprint: retriever.fingerprint)
  }

  func feedback(_ stage: inout YAMLMapping) throws -> Pipeline<RankedList, Query> {
    let documents = try documents(&stage)
    let feedback = PassageFeedback(
      documents: documents, count: try stage.count("docs") ?? 3, words: try stage.count("words") ?? 100)
    return .feedback(
      feedback, name: "feedback", settings: [StageSetting("docs", feedback.count), StageSetting("words", feedback.words)],
      fingerprint: documents.fingerprint)
  }
}
