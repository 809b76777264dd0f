import Gradus

/// The answers to one query from a vector index. Names are those of the JSON object.
struct VectorAnswers: Encodable {
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
  /// Vectors, or documents of token vectors, that the query was compared with.
  let scored_vectors: Int
  let documents: [Hit]

  static func hits(_ documents: [ScoredDocument], _ document: (String) throws -> Document?) throws -> [Hit] {
    try documents.enumerated().map { position, hit in
      let document = try document(hit.docno)
      return Hit(
        rank: position + 1, docno: hit.docno, score: hit.score, title: document?.title, text: document?.text,
        metadata: document?.metadata)
    }
  }

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
