import ArgumentParser
import Gradus

struct DenseSearchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dense",
    abstract: "Search a collection by vectors: exact dense retrieval for a topic set.",
    discussion: """
      Encodes all documents and queries with a sentence encoder and compares every query with every document; gives a run \
      in TREC's format:

        gradus dense faq --topics faq --split test --model minilm-l6 -k 100 --out dense.run
        gradus evaluate faq dense.run

      CORPUS and topics are what 'gradus index' and 'gradus search' take. Nothing is stored: each call encodes the corpus \
      again, at the rate that 'gradus bench encode' shows, and keeps the vectors in memory.
      """)

  @Argument(help: ArgumentHelp("A collection's name, a folder or a file; '-' is standard input.", valueName: "corpus"))
  var corpus: String

  @Option(help: ArgumentHelp("Topics file or collection.", valueName: "file"))
  var topics: String

  @Option(help: ArgumentHelp("Only the queries of this split's judgements (train, dev, test).", valueName: "split"))
  var split: String?

  @Option(help: ArgumentHelp("Part of TREC topics: title, description or narrative.", valueName: "field"))
  var field: TopicField = .title

  @Option(name: .shortAndLong, help: ArgumentHelp("Sentence encoder: name or folder.", valueName: "model"))
  var model = "minilm-l6"

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
    guard !tag.isEmpty, !tag.contains(where: \.isWhitespace) else {
      throw ValidationError("--tag must not be empty or hold white space: it is a column of the run")
    }
    if corpus == "-", topics == "-" { throw ValidationError("corpus and topics cannot both be standard input") }
    if output.json, out == nil || out == "-" {
      throw ValidationError("--json prints a summary and needs --out FILE for the run itself")
    }
  }

  func run() throws {
    let threadCount = threads.apply()
    let folder = ModelFolder(path: try InputNames.model(model).folder)
    let isTrained = InputNames.exists(folder.path + "/" + ModelManifest.fileName)
    let makesVectors = try !isTrained || ModelManifest(folder: folder).architecture == .biEncoder
    guard makesVectors, !folder.isSequenceClassifier else {
      throw UsageError("\(model) is a trained re-ranker, which makes no vectors; use it with 'gradus rerank'")
    }
    let limits = maximumTokens.map { TokenLimits(maximumTokens: $0) }
    let loaded = try BiEncoder(folder: folder, limits: limits)
    let precision = try arithmetic.resolved(for: loaded.encoder.configuration)
    let encoder = try loaded.prepared(for: precision)
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
      encoding_seconds: (encoded - start).seconds,
      search_seconds: (end - encoded).seconds)
    if output.json { return try printJSON(summary) }
    printToStandardError(summary.text)
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
      let cut = truncated_documents > 0 ? "; \(truncated_documents.grouped) documents were longer than the model reads" : ""
      return "gradus: \(documents.grouped) documents encoded in \(encoding_seconds.fixed(1)) s (\(precision)), "
        + "\(queries.grouped) queries encoded and answered in \(search_seconds.fixed(1)) s\(cut)"
    }
  }
}

extension Duration {
  fileprivate var seconds: Double { Double(components.seconds) + 1e-18 * Double(components.attoseconds) }
}
