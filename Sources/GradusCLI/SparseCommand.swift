import ArgumentParser
import Gradus

struct SparseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sparse",
    abstract: "Learned sparse retrieval: index documents by learned term weights, train such a model.",
    discussion: """
      Without a subcommand 'index' is meant:

        gradus sparse faq --model splade-tiny --out faq.impacts
        gradus search faq.impacts --query "how do I sort a hash by value"
      """,
    subcommands: [SparseIndexCommand.self, SparseTrainCommand.self], defaultSubcommand: SparseIndexCommand.self)
}

struct SparseIndexCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "Build an impact index: documents whose terms have learned weights.",
    discussion: """
      MODEL is a masked-language model that was trained for SPLADE (splade-tiny), or a TILDEv2 that 'gradus sparse train' made:

        gradus sparse faq --model splade-tiny --out faq.impacts
        gradus search faq.impacts --topics faq --split test --out splade.run

      Weights that another program made are read from JSON lines, packed with gzip or not; '-' is standard input:

        gradus sparse --import unicoil.jsonl.gz --out unicoil.impacts
        gradus search unicoil.impacts --topics q.jsonl --query-encoder vectors --out unicoil.run

      A line is {"id": "d1", "content": "...", "vector": {"heat": 1.4, "flow": 0.7}}; content may be left out. Weights are \
      stored in 8 bits, in steps of the greatest one / 255. The index appears in one step at the end; its bytes do not depend \
      on --threads and --memory.
      """)

  @Argument(help: ArgumentHelp("A collection's name, a folder or a file; '-' is standard input.", valueName: "corpus"))
  var corpus: String?

  @Option(name: .customLong("import"), help: ArgumentHelp("Weights in JSON lines, instead of a corpus.", valueName: "file"))
  var importPath: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("Folder of the index.", valueName: "dir"))
  var out: String

  @Option(name: .shortAndLong, help: ArgumentHelp("Model by name or folder; default: splade-tiny.", valueName: "model"))
  var model: String?

  @Option(
    help: ArgumentHelp("With a SPLADE model: tokens of a document that are read; default: 256.", valueName: "n"))
  var maximumTokens: Int?

  @Option(help: ArgumentHelp("Also write the weights, as they were before rounding, in JSON lines.", valueName: "file"))
  var vectors: String?

  @Option(
    help: ArgumentHelp(
      "How weights are rounded: nearest, down or up; default: down for TILDEv2, else nearest.", valueName: "rule"))
  var rounding: ImpactQuantization?

  @Option(
    help: ArgumentHelp(
      "Metadata to filter by, such as year:date,lang:keyword,price:number.", valueName: "name:kind,..."))
  var columns: String?

  @Option(help: ArgumentHelp("Megabytes of weights in memory, before they go to temporary files.", valueName: "mb"))
  var memory = 512

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (corpus == nil) != (importPath == nil) else { throw ValidationError("give either a corpus or --import FILE") }
    guard (1...1 << 20).contains(memory) else {
      throw ValidationError("--memory must be between 1 and \(1 << 20) megabytes, found \(memory)")
    }
    if let maximumTokens, maximumTokens < 3 {
      throw ValidationError("--maximum-tokens must be at least 3 (a token between [CLS] and [SEP]), found \(maximumTokens)")
    }
    if importPath != nil {
      let ofModels = [
        ("--model", model != nil), ("--maximum-tokens", maximumTokens != nil), ("--vectors", vectors != nil),
        ("--columns", columns != nil),
      ]
      for (name, isGiven) in ofModels where isGiven {
        throw ValidationError("\(name) goes with a corpus, not with --import")
      }
    }
  }

  func run() throws {
    _ = threads.apply()
    var report: SparseReport?
    let elapsed = try seconds { report = try importPath.map(imported) ?? encoded() }
    guard var report else { return }
    report.seconds = elapsed
    report.documents_per_second = elapsed > 0 ? Double(report.documents) / elapsed : 0
    if output.json { return try printJSON(report) }
    try printOutput(report.text)
  }

  private func builder(_ configuration: ImpactIndexConfiguration) throws -> ImpactIndexBuilder {
    let metadata = try columns.map { text throws in try MetadataColumn.parse(text) } ?? []
    try Folder.create(out)
    return try ImpactIndexBuilder(
      creating: out, configuration: configuration, columns: metadata, memoryBudgetBytes: memory << 20)
  }

  private func imported(_ path: String) throws -> SparseReport {
    let reader = try SparseVectorReader(path: path)
    let builder = try builder(ImpactIndexConfiguration(quantization: rounding ?? .nearest))
    let progress = Progress("indexing", total: nil, unit: "documents")
    defer { progress.finish() }
    while let record = try reader.next() {
      try builder.add(
        Document(docno: record.name, text: record.content),
        terms: record.terms.map { WeightedTerm($0.term, weight: $0.weight) })
      progress.advance(part: reader.partRead)
    }
    return SparseReport(index: out, model: nil, statistics: try builder.finish(), truncated: 0)
  }

  private func encoded() throws -> SparseReport {
    let name = model ?? "splade-tiny"
    let encoder = try SparseDocumentEncoder(model: name, maximumTokens: maximumTokens)
    var configuration = encoder.configuration
    if let rounding { configuration.quantization = rounding }
    let pieces = try CorpusPieces(of: corpus ?? "")
    let builder = try builder(configuration)
    let writer = try vectors.map { path throws in try SparseVectorWriter(path: path) }
    var truncated = 0
    _ = try pieces.forEach(256) { piece in
      let encoded = try encoder.encode(piece.map(\.contents))
      truncated += encoded.truncatedTokens.count { $0 > 0 }
      for (document, terms) in zip(piece, encoded.terms) {
        try builder.add(document, terms: terms)
        try writer?.write(document.docno, terms.map { ($0.term, Float($0.weight)) })
      }
    }
    try writer?.commit()
    return SparseReport(index: out, model: name, statistics: try builder.finish(), truncated: truncated)
  }
}

extension ImpactQuantization: ExpressibleByArgument {}

/// What 'sparse index' did; names are those of the JSON object.
struct SparseReport: Encodable {
  let index: String
  let model: String?
  let documents: Int
  let terms: Int
  let postings: Int
  let terms_per_document: Double
  /// Weight of impact 1.
  let scale: Float
  let truncated_documents: Int
  var seconds = 0.0
  var documents_per_second = 0.0

  init(index: String, model: String?, statistics: ImpactStatistics, truncated: Int) {
    self.index = index
    self.model = model
    documents = statistics.documents
    terms = statistics.terms
    postings = statistics.postings
    terms_per_document = documents == 0 ? 0 : Double(postings) / Double(documents)
    scale = statistics.scale
    truncated_documents = truncated
  }

  var text: String {
    "\(index): \(documents.grouped) documents, \(terms.grouped) terms, \(terms_per_document.fixed(1)) a document, "
      + "\(seconds.fixed(2)) s (\(Int(documents_per_second).grouped) documents/s)" + truncationNote(truncated_documents) + "\n"
  }
}
