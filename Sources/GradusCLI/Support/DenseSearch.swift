import ArgumentParser
import Gradus

/// Options of a search in a vector index.
struct VectorSearchArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Sentence encoder of the queries; default: the one that made the index.", valueName: "model"))
  var encoder: String?

  @Option(name: .customLong("efSearch"), help: ArgumentHelp("Candidates of a walk; default: 64, at least k.", valueName: "n"))
  var efSearch: Int?

  @Flag(help: "Compare with all vectors.")
  var exact = false

  @Option(help: ArgumentHelp("Search again with the average of the query and its first n documents.", valueName: "n"))
  var vectorFeedback: Int?

  var isGiven: Bool { encoder != nil || efSearch != nil || exact || vectorFeedback != nil }

  func validate() throws {
    for (name, value) in [("--efSearch", efSearch), ("--vector-feedback", vectorFeedback)] {
      if let value, value < 1 { throw ValidationError("\(name) must be at least 1, found \(value)") }
    }
  }
}

/// A vector index with the encoder that its queries need.
struct DenseSearch {
  let index: VectorIndex
  let retriever: VectorRetriever
  /// Nil without one.
  let feedback: VectorFeedbackMethod?

  /// - Parameters:
  ///   - encoder: Nil for the one that made the index.
  ///   - filter: As `--filter` has it.
  ///   - arithmetic: Of the encoder; nil for fp32.
  init(
    index path: String, encoder: String?, options: VectorSearchOptions, feedback: VectorFeedbackMethod?, filter: String?,
    arithmetic: PrecisionOption? = nil
  ) throws {
    let index = try VectorIndex(path: path)
    self.index = index
    self.feedback = feedback
    let name = encoder ?? index.configuration.encoder.name
    let folder = ModelFolder(path: try InputNames.model(name).folder)
    let loaded = try BiEncoder(folder: folder)
    let fingerprint = try EncoderFingerprint(name: name, folder: folder, encoder: loaded)
    let prepared = try loaded.prepared(for: arithmetic?.resolved().precision ?? .fp32)
    if case .ancePRF? = feedback, !index.storesDocuments {
      throw UsageError("\(path) stores no documents, which ance-prf reads; take rocchio or average")
    }
    var retriever = try VectorRetriever(
      encoder: prepared, fingerprint: fingerprint, index: index, options: options,
      feedback: feedback.map { $0.feedback(encoder: prepared) { try index.document(docno: $0) } })
    retriever.filter = try filter.map { text throws in try index.filter(matching: MetadataFilter(parsing: text)) }
    self.retriever = retriever
  }

  /// - Parameter method: As `--feedback` has it.
  init(index path: String, _ arguments: VectorSearchArguments, feedback method: String?, filter: String?) throws {
    guard method == nil || arguments.vectorFeedback == nil else {
      throw UsageError("--vector-feedback N is --feedback average(docs=N): give one of them")
    }
    try self.init(
      index: path, encoder: arguments.encoder,
      options: VectorSearchOptions(efSearch: arguments.efSearch ?? 64, strategy: arguments.exact ? .exact : .automatic),
      feedback: method.map { text throws in try VectorFeedbackMethod(parsing: text) }
        ?? arguments.vectorFeedback.map { .average(docs: $0) },
      filter: filter)
  }

  /// The search as a text: what made the vectors and how they were looked through.
  var description: String {
    let isExact = retriever.options.strategy == .exact || !index.hasGraph
    return "dense(\(index.configuration.encoder.name), \(isExact ? "exact" : "hnsw(efSearch=\(retriever.options.efSearch))"))"
  }

  func answers(_ query: String, k: Int) throws -> VectorAnswers {
    let result = try retriever.search([Query(qid: "1", text: query)], depth: k)[0]
    return VectorAnswers(
      query: query, model: description, exact: result.isExact, scored_vectors: result.scoredVectors,
      documents: try StoredHit.hits(result.documents) { try index.document(docno: $0) })
  }
}
