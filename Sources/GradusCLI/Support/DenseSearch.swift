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
  private let arguments: VectorSearchArguments

  init(index path: String, _ arguments: VectorSearchArguments) throws {
    self.arguments = arguments
    index = try VectorIndex(path: path)
    let name = arguments.encoder ?? index.configuration.encoder.name
    let folder = ModelFolder(path: try InputNames.model(name).folder)
    let encoder = try BiEncoder(folder: folder)
    let fingerprint = try EncoderFingerprint(name: name, folder: folder, encoder: encoder)
    let options = VectorSearchOptions(
      efSearch: arguments.efSearch ?? 64, strategy: arguments.exact ? .exact : .automatic)
    retriever = try VectorRetriever(
      encoder: encoder.prepared(for: .fp32), fingerprint: fingerprint, index: index,
      options: options, feedback: arguments.vectorFeedback.map { RocchioFeedback.average(positives: $0) })
  }

  /// The search as a text: what made the vectors and how they were looked through.
  var description: String {
    let way = arguments.exact || !index.hasGraph ? "exact" : "hnsw(efSearch=\(arguments.efSearch ?? 64))"
    return "dense(\(index.configuration.encoder.name), \(way))" + (
      arguments.vectorFeedback.map { " with feedback of \($0)" } ?? "")
  }

  func answers(_ query: String, k: Int) throws -> Answers {
    let result = try retriever.search([Query(qid: "1", text: query)], depth: k)[0]
    return Answers(
      query: query, model: description, exact: result.isExact, scored_vectors: result.scoredVectors,
      documents: try result.documents.enumerated().map { position, hit in
        let document = try index.document(docno: hit.docno)
        return Answers.Hit(
          rank: position + 1, docno: hit.docno, score: hit.score, title: document?.title, text: document?.text,
          metadata: document?.metadata)
      })
  }

  /// Names are those of the JSON object.
  struct Answers: Encodable {
    struct Hit: Encodable {
      let rank: Int
      let docno: String
      let score: Double
      let title: String?
      let text: String?
      let metadata: [String: String]?
    }

    let query: String
    let model: String
    let exact: Bool
    let scored_vectors: Int
    let documents: [Hit]

    private static let indent = "    "
    private static let lines = 3

    func text(_ terminal: Terminal) -> String {
      guard !documents.isEmpty else { return "No answer: the index is empty.\n" }
      let width = terminal.width - Self.indent.count
      var result = ""
      for hit in documents {
        result += "\(hit.rank). \(terminal.bold(hit.docno))  \(hit.score.fixed(4))"
        if let source = hit.metadata?["source"] ?? hit.metadata?["url"] { result += "  " + terminal.dim(source) }
        result += "\n"
        for (text, limit) in [(hit.title ?? "", 1), (hit.text ?? "", Self.lines)] where !text.isEmpty {
          let snippet = Snippet(text, matches: [], width: max(20, width * limit - 8 * limit))
          result += snippet.lines(width: width, terminal: terminal).map { Self.indent + $0 + "\n" }.joined()
        }
      }
      return result
    }
  }
}
