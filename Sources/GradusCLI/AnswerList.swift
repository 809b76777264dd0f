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
      /// For a model that weighs fields: what it takes for the term frequency, the sum of the fields' parts.
      let normalized_frequency: Double?
      let fields: [Field]?
      let contribution: Double
    }

    struct Field: Encodable {
      let name: String
      let weight: Double
      let b: Double
      let term_frequency: Int
      let length: Int
      let average_length: Double
      let part: Double
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
    let hasFields = explained.terms.contains { !$0.fields.isEmpty }
    var table = TextTable(
      header: ["term", "weight", "df", "idf", "tf", "contribution"] + (hasFields ? ["by field"] : []),
      rightAligned: [1, 2, 3, 4, 5])
    for term in explained.terms {
      let row = [
        term.term, "\(Self.weight(term.queryWeight))", "\(term.documentFrequency)", term.inverseDocumentFrequency.fixed(4),
        "\(term.termFrequency)", term.contribution.fixed(4),
      ]
      table.append(row + (hasFields ? [Self.parts(term)] : []))
    }
    if explained.documentPart != 0 {
      table.append(["(length)", "", "", "", "", explained.documentPart.fixed(4)] + (hasFields ? [""] : []))
    }
    let head = "score \(explained.score) = sum of contributions; \(explained.documentLength) terms, "
      + "\(explained.averageLength.fixed(1)) on average; \(explained.model)\n"
    return (head + table.text).split(separator: "\n").map { Self.indent + $0 + "\n" }.joined()
  }

  /// How the fields that hold a term make up what stands for its frequency.
  private static func parts(_ term: ScoreExplanation.Term) -> String {
    let holding = term.fields.filter { $0.termFrequency > 0 }
    guard let sum = term.normalizedFrequency, !holding.isEmpty else { return "" }
    let parts = holding.map { field in
      "\(field.name) \(field.part.fixed(4)) (\(field.termFrequency) of \(field.length), weight \(weight(field.weight)))"
    }
    return "\(sum.fixed(4)) = \(parts.joined(separator: " + "))"
  }

  /// A count as it is, another weight with four digits.
  private static func weight(_ value: Double) -> String { value.fixed(value == value.rounded() ? 0 : 4) }

  private func terms(_ explained: ScoreExplanation) -> [Answer.Term] {
    explained.terms.map { term in
      let fields = term.fields.map {
        Answer.Field(
          name: $0.name, weight: $0.weight, b: $0.b, term_frequency: $0.termFrequency, length: $0.length,
          average_length: $0.averageLength, part: $0.part)
      }
      return Answer.Term(
        term: term.term, query_weight: term.queryWeight, document_frequency: term.documentFrequency,
        inverse_document_frequency: term.inverseDocumentFrequency, term_frequency: term.termFrequency,
        normalized_frequency: term.normalizedFrequency, fields: fields.isEmpty ? nil : fields,
        contribution: term.contribution)
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
