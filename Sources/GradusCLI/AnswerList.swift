import Gradus

/// The answers to one query, for people and for machines.
struct AnswerList {
  let query: String
  let result: SearchResult
  let index: InvertedIndex
  let model: BM25
  let isExplained: Bool

  private static let snippetLines = 3
  private static let indent = "    "

  /// Numbered answers: score, docno, source, title, and the stretch of the passage that the query found.
  func text(_ terminal: Terminal) throws -> String {
    var output = ""
    let numberWidth = String(result.documents.count).count
    for (position, hit) in result.documents.enumerated() {
      let document = try document(hit)
      let number = String(position + 1)
      let rank = String(repeating: " ", count: numberWidth - number.count) + number
      output += "\(rank). \(terminal.bold(hit.docno))  \(hit.score.fixed(4))"
      if let source = Self.source(of: document) { output += "  " + terminal.dim(Self.plain(source)) }
      output += "\n"
      let width = terminal.width - Self.indent.count
      if !document.title.isEmpty {
        output += try lines(of: document.title, width: width, limit: 1, terminal)
      }
      output += try lines(of: document.text, width: width, limit: Self.snippetLines, terminal)
      if isExplained { output += try explanation(hit) }
    }
    return output + notes
  }

  func json() throws -> Answer {
    Answer(
      query: query, model: model.description, unknown_terms: result.unknownTerms,
      documents: try result.documents.enumerated().map { position, hit in
        let document = try document(hit)
        return Answer.Hit(
          rank: position + 1, docno: hit.docno, score: hit.score, title: document.title, text: document.text,
          metadata: document.metadata, explanation: isExplained ? try terms(hit) : nil)
      })
  }

  /// Names are those of the JSON object.
  struct Answer: Encodable {
    struct Term: Encodable {
      let term: String
      let query_weight: Double
      let document_frequency: Int
      let inverse_document_frequency: Double
      let term_frequency: Int
      let contribution: Double
    }

    struct Hit: Encodable {
      let rank: Int
      let docno: String
      let score: Double
      let title: String
      let text: String
      let metadata: [String: String]
      let explanation: [Term]?
    }

    let query: String
    let model: String
    let unknown_terms: [String]
    let documents: [Hit]
  }

  private func document(_ hit: ScoredDocument) throws -> Document {
    guard let document = try index.document(docno: hit.docno) else { throw IndexError.unknownDocno(hit.docno) }
    return document
  }

  private func lines(of text: String, width: Int, limit: Int, _ terminal: Terminal) throws -> String {
    let matches = try index.highlight(query, in: text)
    // Room for the dots on both sides and for lines that end before a long word.
    let snippet = Snippet(text, matches: matches, width: max(20, width * limit - 8 * limit))
    return snippet.lines(width: width, terminal: terminal).map { Self.indent + $0 + "\n" }.joined()
  }

  private func explanation(_ hit: ScoredDocument) throws -> String {
    let explained = try index.explain(query, docno: hit.docno, model: model)
    var table = TextTable(header: ["term", "weight", "df", "idf", "tf", "contribution"], rightAligned: [1, 2, 3, 4, 5])
    for term in explained.terms {
      table.append([
        term.term, "\(term.queryWeight.fixed(0))", "\(term.documentFrequency)", term.inverseDocumentFrequency.fixed(4),
        "\(term.termFrequency)", term.contribution.fixed(4),
      ])
    }
    let head = "score \(explained.score) = sum of contributions; \(explained.documentLength) terms, "
      + "\(explained.averageLength.fixed(1)) on average; \(explained.model)\n"
    return (head + table.text).split(separator: "\n").map { Self.indent + $0 + "\n" }.joined()
  }

  private func terms(_ hit: ScoredDocument) throws -> [Answer.Term] {
    try index.explain(query, docno: hit.docno, model: model).terms.map {
      Answer.Term(
        term: $0.term, query_weight: $0.queryWeight, document_frequency: $0.documentFrequency,
        inverse_document_frequency: $0.inverseDocumentFrequency, term_frequency: $0.termFrequency,
        contribution: $0.contribution)
    }
  }

  /// What the query lost on the way, and why nothing was found.
  private var notes: String {
    if result.queryLength == 0 { return "No answer: the query is empty or holds stop words only.\n" }
    if !result.hasKnownTerms {
      return "No answer: no document holds any of the terms \(result.unknownTerms.joined(separator: ", ")).\n"
    }
    return result.unknownTerms.isEmpty ? "" : "Not in the index: \(result.unknownTerms.joined(separator: ", ")).\n"
  }

  private static func source(of document: Document) -> String? { document.metadata["source"] ?? document.metadata["url"] }

  /// One line without control characters.
  private static func plain(_ text: String) -> String {
    String(text.map { $0.unicodeScalars.contains { $0.properties.generalCategory == .control } ? " " : $0 })
  }
}
