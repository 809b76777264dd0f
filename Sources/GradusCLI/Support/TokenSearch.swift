import ArgumentParser
import Gradus

/// Options of a search in an index of token vectors, under the names of ColBERTv2 and PLAID.
struct TokenSearchArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Centroids that each token of the query looks into. Default: 4.", valueName: "n"))
  var nprobe: Int?

  @Option(
    help: ArgumentHelp("Documents that are decompressed and scored exactly. Default: 4 k, at least 256.", valueName: "n"))
  var ndocs: Int?

  @Option(
    help: ArgumentHelp(
      "Tokens whose centroid is less similar to all of the query are left out of the first pass. Default: 0.3.",
      valueName: "cosine"))
  var centroidThreshold: Double?

  var isGiven: Bool { nprobe != nil || ndocs != nil || centroidThreshold != nil }

  func validate() throws {
    for (name, value) in [("--nprobe", nprobe), ("--ndocs", ndocs)] {
      if let value, value < 1 { throw ValidationError("\(name) must be at least 1, found \(value)") }
    }
    if let centroidThreshold, !(-1...1).contains(centroidThreshold) {
      throw ValidationError("--centroid-threshold must be a cosine from -1 to 1, found \(centroidThreshold)")
    }
  }

  func options(depth: Int) -> TokenSearchOptions {
    TokenSearchOptions(
      probes: nprobe ?? 4, centroidThreshold: centroidThreshold ?? 0.3,
      candidates: ndocs ?? TokenSearchOptions.candidates(depth: depth))
  }
}

/// An index of token vectors with the encoder that its queries need.
struct TokenSearch {
  let index: TokenIndex
  let retriever: LateInteractionRetriever

  /// - Parameters:
  ///   - encoder: Nil for the one that made the index.
  ///   - filter: As `--filter` has it.
  ///   - arithmetic: Of the encoder; nil for fp32.
  init(
    index path: String, encoder: String?, strategy: LateInteractionRetriever.Strategy, filter: String? = nil,
    arithmetic: PrecisionOption? = nil
  ) throws {
    let index = try TokenIndex(path: path)
    self.index = index
    let name = encoder ?? index.configuration.encoder.name
    let folder = ModelFolder(path: try InputNames.model(name).folder)
    let prepared = try LateInteractionEncoder(folder: folder).prepared(for: arithmetic?.resolved().precision ?? .fp32)
    var retriever = try LateInteractionRetriever(
      encoder: prepared, fingerprint: EncoderFingerprint(name: name, folder: folder, encoder: prepared), index: index,
      strategy: strategy)
    retriever.filter = try filter.map { text throws in try index.documents(matching: MetadataFilter(parsing: text)) }
    self.retriever = retriever
  }

  init(
    index path: String, _ vectors: VectorSearchArguments, _ arguments: TokenSearchArguments, filter: String?, depth: Int
  ) throws {
    guard !vectors.exact || !arguments.isGiven else {
      throw UsageError("--exact scores all documents: leave --nprobe, --ndocs and --centroid-threshold out")
    }
    try self.init(
      index: path, encoder: vectors.encoder, strategy: vectors.exact ? .exhaustive : .pruned(arguments.options(depth: depth)),
      filter: filter)
  }

  /// The search as a text: what made the vectors and how they were looked through.
  var description: String {
    let way = switch retriever.strategy {
    case .exhaustive: "exact"
    case .pruned(let options):
      "nprobe=\(options.probes), ndocs=\(options.candidates), centroid-threshold=\(options.centroidThreshold ?? -1)"
    }
    return "maxsim(\(index.configuration.encoder.name), \(way))"
  }

  func answers(_ query: String, k: Int) throws -> VectorAnswers {
    let result = try retriever.search([Query(qid: "1", text: query)], depth: k)[0]
    return VectorAnswers(
      query: query, model: description, exact: retriever.strategy == .exhaustive, scored_vectors: result.scoredDocuments,
      documents: try StoredHit.hits(result.documents) { try index.document(docno: $0) })
  }
}
