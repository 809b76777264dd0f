import ArgumentParser
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import Gradus

struct DenseSearchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dense",
    abstract: "Search a collection by vectors, exactly, or store its vectors as an index.",
    discussion: """
      Encodes all documents and queries with a sentence encoder and compares every query with every document; gives a run \
      in TREC's format:

        gradus dense faq --topics faq --split test --model minilm-l6 -k 100 --out dense.run
        gradus evaluate faq dense.run

      CORPUS and topics are what 'gradus index' and 'gradus search' take. Nothing is stored: each call encodes the corpus \
      again, at the rate that 'gradus bench encode' shows, and keeps the vectors in memory. With --index the vectors and \
      the documents are stored in a folder instead, under a graph (HNSW) or flat, for 'gradus search' to answer from:

        gradus dense faq --index faq.vectors --model minilm-l6
        gradus search faq.vectors --query "how do I sort a hash by value"

      Searches may filter by metadata (--filter): at once by what --columns names here, as 'gradus index' has it, and by reading \
      the stored documents for the rest.

      An index grows and shrinks; what changes is visible at once, in one step:

        gradus dense more.jsonl --index faq.vectors --add
        gradus dense gone.txt --index faq.vectors --delete

      --add encodes as the index's vectors were (--replace also takes documents that are there already, in their new form); \
      --delete takes a file with one docno a line. Deleted vectors stay in the files until --compact writes the others anew. \
      Token vectors that are added are stored by the centroids that are there: when far more of their numbers are clipped than \
      of the first documents' (both shares are printed), build the index anew.

      With --late-interaction every token has a vector, as in ColBERT, and a document's score is the sum over the query's \
      tokens of the best cosine with one of its tokens (MaxSim); an index then holds the nearest of some centroids for each \
      token and what is left in --nbits a number:

        gradus dense faq --late-interaction --index faq.tokens --model minilm-l6
        gradus search faq.tokens --topics faq --split test --nprobe 4 --out maxsim.run

      MODEL may then be a trained ColBERT, in the layout of stanford-futuredata/ColBERT or of PyLate: its markers, [MASK] \
      tokens, skip list, lengths and projection are used.
      """)

  @Argument(help: ArgumentHelp("A collection's name, a folder or a file; '-' is standard input.", valueName: "corpus"))
  var corpus: String

  @Option(help: ArgumentHelp("Topics file or collection.", valueName: "file"))
  var topics: String?

  @Option(help: ArgumentHelp("Store the vectors in this folder instead of searching.", valueName: "dir"))
  var index: String?

  @Flag(help: "A vector for every token of a text, compared by MaxSim.")
  var lateInteraction = false

  @Option(
    help: ArgumentHelp(
      "With --index, of a new one: metadata to filter by, such as year:date,lang:keyword,price:number.",
      valueName: "name:kind,..."))
  var columns: String?

  @OptionGroup(title: "With --index") var change: IndexChange
  @OptionGroup(title: "With --index, of a new one") var storage: VectorStorageOptions
  @OptionGroup(title: "With --late-interaction and --index") var tokenStorage: TokenStorageOptions

  @Option(help: ArgumentHelp("Only the queries of this split's judgements (train, dev, test).", valueName: "split"))
  var split: String?

  @Option(help: ArgumentHelp("Part of TREC topics: title, description or narrative.", valueName: "field"))
  var field: TopicField = .title

  @Option(
    name: [.customShort("m"), .customLong("model")],
    help: ArgumentHelp(
      "Sentence encoder: name or folder; default: minilm-l6, or that of the index with --add.", valueName: "model"))
  var encoder: String?

  @Option(name: .customShort("k"), help: ArgumentHelp("Documents for each query.", valueName: "k"))
  var depth = 100

  @Option(name: .shortAndLong, help: ArgumentHelp("Run file to write; standard output by default.", valueName: "run"))
  var out: String?

  @Option(help: ArgumentHelp("Name of the run, its last column.", valueName: "tag"))
  var tag = "gradus-dense"

  @Option(help: ArgumentHelp("Tokens of a text that are read; default: as the model's folder says.", valueName: "n"))
  var maximumTokens: Int?

  @Option(help: ArgumentHelp("Model's prompt before queries; default: 'query', else the folder's default.", valueName: "name"))
  var queryPrompt: String?

  @Option(help: ArgumentHelp("Prompt before documents; default: 'document' or 'passage', else the default.", valueName: "name"))
  var documentPrompt: String?

  @OptionGroup var arithmetic: PrecisionOption
  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard depth >= 1 else { throw ValidationError("-k must be at least 1, found \(depth)") }
    if let maximumTokens, maximumTokens < 3 {
      throw ValidationError("--maximum-tokens must be at least 3 (a token between [CLS] and [SEP]), found \(maximumTokens)")
    }
    try RunChecks.check(tag: tag)
    guard (topics == nil) != (index == nil) else {
      throw ValidationError("give either --topics FILE to search or --index DIR to store the vectors")
    }
    guard !change.isGiven || index != nil else {
      throw ValidationError("--add, --replace, --delete and --compact go with --index")
    }
    guard columns == nil || (index != nil && !change.isGiven) else {
      throw ValidationError("--columns goes with --index, of a new one")
    }
    guard !tokenStorage.isGiven || (lateInteraction && index != nil && !change.isGiven) else {
      throw ValidationError("--nbits, --centroids and --kmeans-iterations go with --late-interaction and --index, of a new one")
    }
    if lateInteraction, queryPrompt != nil || documentPrompt != nil {
      throw ValidationError("--late-interaction takes the prompts that the model's folder names; leave the prompt options out")
    }
    if index != nil {
      let ofSearches = [("--split", split != nil), ("--out", out != nil), ("--query-prompt", queryPrompt != nil)]
      for (name, isGiven) in ofSearches where isGiven {
        throw ValidationError("\(name) goes with --topics, not with --index")
      }
      return
    }
    if corpus == "-", topics == "-" { throw ValidationError("corpus and topics cannot both be standard input") }
    try RunChecks.checkSummary(output, out: out)
  }

  /// The encoder by name: what was asked for, else the one whose vectors are added to, else the standard one.
  var model: String {
    if let encoder { return encoder }
    guard change.adds, let index else { return "minilm-l6" }
    let tokens = try? TokenIndex(path: index).configuration.encoder
    return (try? VectorIndex(path: index).configuration.encoder)?.name ?? tokens?.name ?? "minilm-l6"
  }

  func run() throws {
    let threadCount = threads.apply()
    // What is there says what it holds: --late-interaction need not be repeated.
    var changesTokens = false
    if let index, change.isGiven {
      guard InputNames.exists(index) else { throw FileError(.open, path: index, code: ENOENT) }
      let holdsTokens = TokenIndex.isPresent(at: index)
      guard holdsTokens || (VectorIndex.isPresent(at: index) && !lateInteraction) else {
        throw UsageError("\(index) is no index of \(lateInteraction ? "token " : "")vectors; 'gradus dense' changes no other")
      }
      changesTokens = holdsTokens
      if !change.adds { return try delete(from: index, tokens: holdsTokens, threadCount) }
    }
    let folder = ModelFolder(path: try InputNames.model(model).folder)
    let isTrained = InputNames.exists(folder.path + "/" + ModelManifest.fileName)
    let makesVectors = try !isTrained || ModelManifest(folder: folder).architecture == .biEncoder
    guard makesVectors, !folder.isSequenceClassifier else {
      throw UsageError("\(model) is a trained re-ranker, which makes no vectors; use it with 'gradus rerank'")
    }
    let limits = maximumTokens.map { TokenLimits(maximumTokens: $0) }
    let precision = try arithmetic.resolved().precision
    if lateInteraction || changesTokens {
      let tokens = try LateInteractionEncoder(folder: folder, limits: limits).prepared(for: precision)
      return try LateInteraction(
        corpus: corpus, encoder: tokens, model: model, folder: folder, threads: threadCount, printsJSON: output.json
      ).run(self)
    }
    let encoder = try BiEncoder(folder: folder, limits: limits).prepared(for: precision)
    if let index { return try store(in: index, encoder: encoder, folder: folder, precision: precision, threadCount) }
    guard let topics else { return }
    let queries = try InputNames.queries(topics, split: split, field: field)
    let documents = try CorpusReader(path: try InputNames.corpus(corpus)).readAll()
    let clock = ContinuousClock()
    let start = clock.now
    let progress = Progress("encoding", total: documents.count, unit: "documents")
    let retriever = try DenseRetriever(
      encoder: encoder, documents: documents, queryPrompt: queryPrompt.map(PromptChoice.named) ?? .query,
      documentPrompt: documentPrompt.map(PromptChoice.named) ?? .document
    ) { progress.advance(by: $0) }
    progress.finish()
    let encoded = clock.now
    let run = try retriever.run(queries, depth: depth, name: tag)
    let end = clock.now
    try TrecRunWriter.write(run, to: out ?? "-")
    let summary = Summary(
      corpus: corpus, out: out ?? "-", model: model, precision: precision.rawValue, documents: documents.count,
      truncated_documents: retriever.truncatedDocuments, queries: queries.count,
      retrieved: run.rankings.reduce(0) { $0 + $1.documents.count }, threads: threadCount,
      encoding_seconds: (encoded - start).inSeconds,
      search_seconds: (end - encoded).inSeconds)
    if output.json { return try printJSON(summary) }
    printToStandardError(summary.text)
  }

  /// Deletes the documents that the file lists which stands for the corpus.
  private func delete(from index: String, tokens: Bool, _ threadCount: Int) throws {
    if tokens {
      let writer = try TokenIndexWriter(updating: index, encoder: TokenIndex(path: index).configuration.encoder)
      return try change.delete(corpus, from: writer, of: index, output) {
        let left = try TokenIndex(path: index)
        return (left.count, left.deletedCount)
      }
    }
    let writer = try VectorIndexWriter(
      updating: index, encoder: VectorIndex(path: index).configuration.encoder, memoryBudgetBytes: storage.memory << 20,
      threads: threadCount)
    try change.delete(corpus, from: writer, of: index, output) {
      let left = try VectorIndex(path: index)
      return (left.count, left.deletedCount)
    }
  }

  /// What `--columns` names.
  func metadataColumns() throws -> [MetadataColumn] { try columns.map { try MetadataColumn.parse($0) } ?? [] }

  /// Encodes piece by piece, so that memory does not grow with the corpus.
  private func store(
    in index: String, encoder: BiEncoder, folder: ModelFolder, precision: NumericPrecision, _ threadCount: Int
  ) throws {
    let prompt = documentPrompt.map(PromptChoice.named) ?? .document
    let model = model
    let fingerprint = try EncoderFingerprint(name: model, folder: folder, encoder: encoder)
    let pieces = try CorpusPieces(of: corpus)
    try Folder.create(index)
    let writer: VectorIndexWriter
    if change.adds {
      writer = try VectorIndexWriter(
        updating: index, encoder: fingerprint, memoryBudgetBytes: storage.memory << 20, threads: threadCount)
    } else {
      writer = try VectorIndexWriter(
        creating: index,
        configuration: storage.configuration(
          dimension: encoder.dimension, metric: encoder.isNormalized ? .cosine : .dot, encoder: fingerprint,
          columns: try metadataColumns()),
        storesDocuments: true, memoryBudgetBytes: storage.memory << 20, threads: threadCount)
    }
    let configuration = writer.configuration
    var documents = 0, replaced = 0, truncated = 0
    let encodingSeconds = try seconds {
      documents = try pieces.forEach(1024) { piece in
        let encoded = try encoder.encode(piece.map(\.contents), prompt: prompt)
        for (document, vector) in zip(piece, encoded.vectors) {
          if try change.makesRoom(for: document.docno, in: writer) { replaced += 1 }
          try writer.add(document, vector: vector)
        }
        truncated += encoded.truncatedTokens.count { $0 > 0 }
      }
    }
    let linking = Progress("linking", total: documents, unit: "vectors")
    let linkingSeconds = try seconds { try change.finish(writer) { linking.advance(by: $0) } }
    linking.finish()
    let report = IndexReport(
      index: index, corpus: corpus, model: model, precision: precision.rawValue, documents: documents,
      truncated_documents: truncated, replaced: change.replace ? replaced : nil,
      total: change.adds ? try VectorIndex(path: index).count : nil, dimension: encoder.dimension,
      storage: configuration.encoding.rawValue,
      graph: configuration.graph.map { "hnsw(M=\($0.M),efConstruction=\($0.efConstruction),seed=\($0.seed))" },
      threads: threadCount, encoding_seconds: encodingSeconds, linking_seconds: linkingSeconds)
    if output.json { return try printJSON(report) }
    try printOutput(report.text)
  }

  /// Names are those of the JSON object.
  private struct IndexReport: Encodable {
    let index: String
    let corpus: String
    let model: String
    let precision: String
    let documents: Int
    let truncated_documents: Int
    /// With --replace: of the documents, those that were there before.
    let replaced: Int?
    /// With --add: what the index holds now.
    let total: Int?
    let dimension: Int
    let storage: String
    let graph: String?
    let threads: Int
    let encoding_seconds: Double
    let linking_seconds: Double

    var text: String {
      let change = (total.map { "; \($0.grouped) in all" } ?? "") + (replaced.map { ", \($0.grouped) replaced" } ?? "")
      return "\(index): \(documents.grouped) vectors of \(dimension) numbers (\(storage), \(graph ?? "flat")), encoded in "
        + "\(encoding_seconds.fixed(1)) s (\(precision)), linked and written in \(linking_seconds.fixed(1)) s\(change)"
        + truncationNote(truncated_documents) + "\n"
    }
  }

  /// Names are those of the JSON object.
  private struct Summary: Encodable {
    let corpus: String
    let out: String
    let model: String
    let precision: String
    let documents: Int
    let truncated_documents: Int
    let queries: Int
    let retrieved: Int
    let threads: Int
    let encoding_seconds: Double
    let search_seconds: Double

    var text: String {
      "gradus: \(documents.grouped) documents encoded in \(encoding_seconds.fixed(1)) s (\(precision)), "
        + "\(queries.grouped) queries encoded and answered in \(search_seconds.fixed(1)) s" + truncationNote(truncated_documents)
    }
  }
}
