import ArgumentParser
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
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

      An index grows and shrinks; what changes is visible at once, in one step, and scores are those of an index that is built \
      anew:

        gradus sparse more.jsonl --out faq.impacts --add
        gradus sparse gone.txt --out faq.impacts --delete

      --add weighs as the index's documents were, or reads --import (--replace also takes documents that are there already, in \
      their new form); --delete takes a file with one docno a line. Deleted documents stay in the files until --compact writes \
      the others anew. The steps stay those of the first documents: greater weights that are added are cut to their greatest, \
      and counted in what is printed. Where many are, build the index anew, or with room: --greatest-weight.
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

  @Option(
    help: ArgumentHelp(
      "Of a new index: the weight that is stored as 255, greater ones are cut to it; default: the greatest of all.",
      valueName: "weight"))
  var greatestWeight: Float?

  @OptionGroup(title: "Of an index that is there") var change: IndexChange

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
    if let greatestWeight, !(greatestWeight > 0 && greatestWeight.isFinite) {
      throw ValidationError("--greatest-weight must be above 0, found \(greatestWeight)")
    }
    guard change.isGiven else { return }
    let ofNew = [
      ("--columns", columns != nil), ("--rounding", rounding != nil), ("--greatest-weight", greatestWeight != nil),
    ]
    for (name, isGiven) in ofNew where isGiven { throw ValidationError("\(name) goes with a new index") }
    guard importPath == nil || change.adds else { throw ValidationError("--delete takes a file of docnos, not --import") }
  }

  func run() throws {
    _ = threads.apply()
    if change.isGiven {
      guard InputNames.exists(out) else { throw FileError(.open, path: out, code: ENOENT) }
      guard ImpactIndex.isPresent(at: out) else {
        throw UsageError("\(out) is no index of term weights; 'gradus sparse' changes no other")
      }
      if !change.adds { return try delete() }
    }
    var report: SparseReport?
    let elapsed = try seconds { report = try importPath.map(imported) ?? encoded() }
    guard var report else { return }
    report.seconds = elapsed
    report.documents_per_second = elapsed > 0 ? Double(report.added ?? report.documents) / elapsed : 0
    if output.json { return try printJSON(report) }
    try printOutput(report.text)
  }

  /// Deletes the documents that the file lists which stands for the corpus.
  private func delete() throws {
    let writer = try ImpactIndexWriter(
      updating: out, source: ImpactIndex(path: out).configuration, memoryBudgetBytes: memory << 20)
    try change.delete(corpus ?? "", from: writer, of: out, output) {
      let left = try ImpactIndex(path: out)
      return (left.statistics.documents, left.deletedCount)
    }
  }

  private func target(_ configuration: ImpactIndexConfiguration) throws -> ImpactTarget {
    if change.adds {
      return .changed(
        try ImpactIndexWriter(updating: out, source: configuration, memoryBudgetBytes: memory << 20), change)
    }
    let metadata = try columns.map { text throws in try MetadataColumn.parse(text) } ?? []
    try Folder.create(out)
    return .new(
      try ImpactIndexBuilder(
        creating: out, configuration: configuration, columns: metadata, greatestWeight: greatestWeight,
        memoryBudgetBytes: memory << 20))
  }

  private func imported(_ path: String) throws -> SparseReport {
    let reader = try SparseVectorReader(path: path)
    let target = try target(ImpactIndexConfiguration(quantization: rounding ?? .nearest))
    var counts = SparseReport.Counts()
    let progress = Progress("indexing", total: nil, unit: "documents")
    defer { progress.finish() }
    while let record = try reader.next() {
      try target.add(
        Document(docno: record.name, text: record.content),
        terms: record.terms.map { WeightedTerm($0.term, weight: $0.weight) }, &counts)
      progress.advance(part: reader.partRead)
    }
    return try target.finish(counts, index: out, model: nil)
  }

  private func encoded() throws -> SparseReport {
    // Weights that are added are made as those of the index.
    let own = change.adds ? try ImpactIndex(path: out).configuration.encoder?.name : nil
    let name = model ?? own ?? "splade-tiny"
    let encoder = try SparseDocumentEncoder(model: name, maximumTokens: maximumTokens)
    var configuration = encoder.configuration
    if let rounding { configuration.quantization = rounding }
    let pieces = try CorpusPieces(of: corpus ?? "")
    let target = try target(configuration)
    let writer = try vectors.map { path throws in try SparseVectorWriter(path: path) }
    var counts = SparseReport.Counts()
    _ = try pieces.forEach(256) { piece in
      let encoded = try encoder.encode(piece.map(\.contents))
      counts.truncated += encoded.truncatedTokens.count { $0 > 0 }
      for (document, terms) in zip(piece, encoded.terms) {
        try target.add(document, terms: terms, &counts)
        try writer?.write(document.docno, terms.map { ($0.term, Float($0.weight)) })
      }
    }
    try writer?.commit()
    return try target.finish(counts, index: out, model: name)
  }
}

extension ImpactQuantization: ExpressibleByArgument {}
