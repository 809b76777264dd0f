import Gradus

/// The answers to one query, for people and for machines.
struct AnswerList {
  let query: String
  let result: SearchResult
  let index: InvertedIndex
  let model: any WeightingModel
  var syntax = QuerySyntax.words
  /// What feedback made of the query.
  var expanded: PseudoRelevanceFeedback.ExpandedQuery?
  let isExplained: Bool

  private static let snippetLines = 3
  private static let indent = "    "

  /// Numbered answers: score, docno, source, title, and the stretch of the passage that the query found.
  func text(_ terminal: Terminal) throws -> String {
    var output = ""
    if isExplained, let expanded {
      let terms = expanded.terms.map { "\($0.term) \($0.weight.fixed(4))" }.joined(separator: ", ")
      output += "Query after feedback from \(expanded.feedbackDocnos.joined(separator: ", ")):\n\(Self.indent)\(terms)\n"
    }
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
      expanded_query: expanded.map { $0.terms.map { Answer.Weight(term: $0.term, weight: $0.weight) } },
      feedback_documents: expanded?.feedbackDocnos,
      documents: try result.documents.enumerated().map { position, hit in
        let document = try document(hit)
        let explained = isExplained ? try explanation(of: hit) : nil
        return Answer.Hit(
          rank: position + 1, docno: hit.docno, score: hit.score, title: document.title, text: document.text,
          metadata: document.metadata, explanation: explained.map(terms), document_part: explained?.documentPart)
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

    struct Weight: Encodable {
      let term: String
      let weight: Double
    }

    struct Hit: Encodable {
      let rank: Int
      let docno: String
      let score: Double
      let title: String
      let text: String
      let metadata: [String: String]
      let explanation: [Term]?
      /// What the document's length adds to the terms' contributions.
      let document_part: Double?
    }

    let query: String
    let model: String
    let unknown_terms: [String]
    /// What feedback made of the query, and from which documents.
    let expanded_query: [Weight]?
    let feedback_documents: [String]?
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

  private func explanation(of hit: ScoredDocument) throws -> ScoreExplanation {
    if let expanded { return try index.explain(terms: expanded.terms, docno: hit.docno, model: model) }
    return try index.explain(query, syntax: syntax, docno: hit.docno, model: model)
  }

  private func explanation(_ hit: ScoredDocument) throws -> String {
    let explained = try explanation(of: hit)
    var table = TextTable(header: ["term", "weight", "df", "idf", "tf", "contribution"], rightAligned: [1, 2, 3, 4, 5])
    for term in explained.terms {
      table.append([
        term.term, "\(Self.weight(term.queryWeight))", "\(term.documentFrequency)", term.inverseDocumentFrequency.fixed(4),
        "\(term.termFrequency)", term.contribution.fixed(4),
      ])
    }
    if explained.documentPart != 0 {
      table.append(["(length)", "", "", "", "", explained.documentPart.fixed(4)])
    }
    let head = "score \(explained.score) = sum of contributions; \(explained.documentLength) terms, "
      + "\(explained.averageLength.fixed(1)) on average; \(explained.model)\n"
    return (head + table.text).split(separator: "\n").map { Self.indent + $0 + "\n" }.joined()
  }

  /// A count as it is, another weight with four digits.
  private static func weight(_ value: Double) -> String { value.fixed(value == value.rounded() ? 0 : 4) }

  private func terms(_ explained: ScoreExplanation) -> [Answer.Term] {
    explained.terms.map {
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
