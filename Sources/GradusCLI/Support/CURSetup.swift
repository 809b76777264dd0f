import Gradus

/// What ANNCUR needs, as the command and the pipeline stage name it.
struct CURSetup {
  var corpus: String
  var model: String
  /// Index of token vectors; only for `maxsim:ENCODER`.
  var index: String?
  var anchorQueries: String
  var anchorSplit: String?
  /// Of the anchor queries the first so many; nil for all.
  var anchorQueryCount: Int?
  var anchorItems: Int
  var seed: UInt64
  var solver: PseudoInverse
  /// Where the anchor queries' scores are kept; nil for nowhere.
  var scores: String?
  var precision: PrecisionOption.Choice

  /// The queries that all documents are scored for.
  func queries() throws -> [Query] {
    let all = try InputNames.queries(anchorQueries, split: anchorSplit)
    return anchorQueryCount.map { Array(all.prefix($0)) } ?? all
  }

  /// Reads the scores or computes them, and solves.
  ///
  /// - Returns: The retriever, and the calls of the scorer that it took.
  func retriever() throws -> (retriever: CURRetriever, scorerCalls: Int) {
    let items = try CorpusReader(path: try InputNames.corpus(corpus)).readAll()
    let queries = try queries()
    let (scorer, name) = try scorer()
    guard (1...max(1, items.count)).contains(anchorItems) else {
      throw CURError.anchorItems(count: anchorItems, items: items.count)
    }
    var calls = 0
    let known: CURScores
    if let scores, InputNames.exists(scores) {
      known = try CURScores(path: scores, scorerName: name, items: items, anchorQueries: queries)
    } else {
      let progress = Progress("scoring anchor queries", total: queries.count, unit: "queries")
      defer { progress.finish() }
      known = try Self.computed(scorer, name, items, queries) { progress.advance(by: $0) }
      calls = items.count * queries.count
      if let scores { try known.write(to: scores) }
    }
    let retriever = try CURRetriever(
      scorer: scorer, items: items, anchorItems: .random(count: anchorItems, seed: seed), scores: known, solver: solver)
    return (retriever, calls)
  }

  private static func computed(
    _ scorer: some Reranker, _ name: String, _ items: [Document], _ queries: [Query], _ progress: (Int) -> Void
  ) throws -> CURScores {
    try CURScores(scorer: scorer, scorerName: name, items: items, anchorQueries: queries, progress: progress)
  }

  /// The scorer and a name that no other has.
  private func scorer() throws -> (any Reranker, String) {
    let encoder = RankerSettings.lateInteraction(model)
    guard encoder == nil || index != nil else {
      throw UsageError(
        "\(model) would encode all documents for every query; give --index, made by 'gradus dense --late-interaction'")
    }
    guard encoder != nil || index == nil else { throw UsageError("--index goes with --model maxsim:ENCODER") }
    let folder = InputNames.exists(model + "/" + ModelManifest.fileName)
      ? ModelFolder(path: model) : ModelFolder(path: try InputNames.model(encoder ?? model).folder)
    let isOurs = InputNames.exists(folder.path + "/" + ModelManifest.fileName)
    let scoresPairs = try isOurs ? ModelManifest(folder: folder).architecture != .biEncoder : folder.isSequenceClassifier
    guard encoder != nil || scoresPairs else {
      throw UsageError("\(model) makes one vector a text: search with it exactly ('gradus dense'), or take maxsim:\(model)")
    }
    let stored: DocumentIndex?
    if let index {
      guard TokenIndex.isPresent(at: index) else { throw UsageError("\(index) is no index of token vectors") }
      stored = .tokens(try TokenIndex(path: index))
    } else {
      stored = nil
    }
    // A first stage there is none: the scorer's own score alone.
    let stage = try RankerSettings(
      firstStageWeight: 0, arithmetic: PrecisionOption.of(precision), queryPrompt: nil, documentPrompt: nil, passages: nil,
      earlyExit: nil, states: nil, documents: { [] }, stored: stored
    ).stage(model)
    let name = "\(model) \(try ContentFingerprint.of(path: folder.path)) \(stage.precision?.rawValue ?? "")"
    return (stage.reranker, name)
  }
}
