import Gradus

/// A stored document among the answers to a query, for people and for machines. Names are those of the JSON object.
struct StoredHit: Encodable {
  /// What one term of a query of weighted terms adds to a score.
  struct Term: Encodable {
    let term: String
    let query_weight: Double
    let document_weight: Double
    let contribution: Double
  }

  let rank: Int
  let docno: String
  let score: Double
  let title: String?
  let text: String?
  let metadata: [String: String]?
  /// Greatest contribution first; nil where it was not asked for, and for vectors.
  let explanation: [Term]?

  private static let indent = "    "
  private static let lines = 3
  private static let explainedTerms = 10

  /// - Parameter document: Nil for one that is not stored.
  static func hits(
    _ documents: [ScoredDocument], document: (String) throws -> Document?,
    explanation: (String) throws -> [Term]? = { _ in nil }
  ) throws -> [StoredHit] {
    try documents.enumerated().map { position, hit in
      let document = try document(hit.docno)
      return StoredHit(
        rank: position + 1, docno: hit.docno, score: hit.score, title: document?.title, text: document?.text,
        metadata: document?.metadata, explanation: try explanation(hit.docno))
    }
  }

  /// Rank, docno, score and source on one line, then the beginning of the passage.
  func text(_ terminal: Terminal) -> String {
    let width = terminal.width - Self.indent.count
    var result = "\(rank). \(terminal.bold(docno))  \(score.fixed(4))"
    if let source = metadata?["source"] ?? metadata?["url"] { result += "  " + terminal.dim(source) }
    result += "\n"
    for (text, limit) in [(title ?? "", 1), (text ?? "", Self.lines)] where !text.isEmpty {
      let snippet = Snippet(text, matches: [], width: max(20, width * limit - 8 * limit))
      result += snippet.lines(width: width, terminal: terminal).map { Self.indent + $0 + "\n" }.joined()
    }
    if let explanation { result += Self.table(explanation) }
    return result
  }

  private static func table(_ explanation: [Term]) -> String {
    var table = TextTable(header: ["term", "query", "document", "contribution"], rightAligned: [1, 2, 3])
    for term in explanation.prefix(explainedTerms) {
      table.append([
        term.term, term.query_weight.fixed(4), term.document_weight.fixed(4), term.contribution.fixed(4),
      ])
    }
    let rest = explanation.dropFirst(explainedTerms)
    if !rest.isEmpty {
      table.append(["(\(rest.count) others)", "", "", rest.reduce(0) { $0 + $1.contribution }.fixed(4)])
    }
    return table.text.split(separator: "\n").map { indent + $0 + "\n" }.joined()
  }
}
