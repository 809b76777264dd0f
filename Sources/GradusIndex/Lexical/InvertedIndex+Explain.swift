import CGradusKernels
import GradusCore
import GradusText

/// How a document's score comes about.
public struct ScoreExplanation: Sendable, Equatable, CustomStringConvertible {
  /// One query term's part.
  public struct Term: Sendable, Equatable {
    /// What a field adds to a term's normalised frequency, for ``BM25F``.
    public struct Field: Sendable, Equatable {
      public let name: String
      public let weight: Double
      public let b: Double
      /// Occurrences in the field of the document.
      public let termFrequency: Int
      /// Tokens of the document in the field, and of all documents on average.
      public let length: Int
      public let averageLength: Double
      /// `weight * tf / (1 - b + b * length / average)`; 0 where the field does not hold the term.
      public let part: Double
    }

    /// A term, or a phrase in quotation marks.
    public let term: String
    /// How often the term stands in the query, or its weight there.
    public let queryWeight: Double
    public let documentFrequency: Int
    /// Occurrences in all documents.
    public let collectionFrequency: Int
    /// `ln(1 + (N - df + 0.5) / (df + 0.5))`: how rare the term is, whatever the model makes of that.
    public let inverseDocumentFrequency: Double
    /// Occurrences in the document.
    public let termFrequency: Int
    /// In the order of the index, for a model that weighs fields; empty for others.
    public let fields: [Field]
    /// What the model's formula gives for the term; 0 where the document does not hold it.
    public let contribution: Double

    /// The sum of the fields' parts in their order: what ``BM25F`` takes for the term frequency. Nil for other models.
    public var normalizedFrequency: Double? { fields.isEmpty ? nil : fields.reduce(0) { $0 + $1.part } }
  }

  public let docno: String
  /// In the order in which the contributions are added; terms that the document does not hold included.
  public let terms: [Term]
  public let unknownTerms: [String]
  public let documentLength: Int
  public let averageLength: Double
  public let documents: Int
  /// Name and parameters of the model.
  public let model: String
  /// What the document's length adds after the terms' contributions, for models that have such a part; 0 otherwise.
  public let documentPart: Double
  /// The sum of the contributions in their order and then the document's part, the same bits as in a search.
  public let score: Double

  public var description: String {
    var lines = ["\(docno): \(score) by \(model); length \(documentLength), average \(averageLength), \(documents) documents"]
    for term in terms {
      lines.append(
        "  \(term.contribution)  \(term.term): query weight \(term.queryWeight), df \(term.documentFrequency), "
          + "idf \(term.inverseDocumentFrequency), tf \(term.termFrequency)")
      guard let sum = term.normalizedFrequency else { continue }
      let parts = term.fields.map { field in
        "\(field.name) \(field.part) (tf \(field.termFrequency), weight \(field.weight), b \(field.b), length \(field.length), "
          + "average \(field.averageLength))"
      }
      lines.append("    normalised tf \(sum) = \(parts.joined(separator: " + "))")
    }
    if documentPart != 0 { lines.append("  \(documentPart)  for the length of the document") }
    if !unknownTerms.isEmpty { lines.append("  not in the index: \(unknownTerms.joined(separator: ", "))") }
    return lines.joined(separator: "\n")
  }
}

extension InvertedIndex {
  /// Term by term, why a document has its score for a query.
  ///
  /// - Throws: ``IndexError/unknownDocno(_:)``.
  public func explain(_ query: String, docno: String, model: any WeightingModel = BM25()) throws -> ScoreExplanation {
    try explain(try withSearcher { try AnalyzedQuery(query, in: self, analyzer: $0.analyzer) }, docno: docno, model: model)
  }

  /// Term by term, why a document has its score for weighted terms.
  public func explain(
    terms: [WeightedTerm], docno: String, model: any WeightingModel = BM25()
  ) throws -> ScoreExplanation {
    try explain(try AnalyzedQuery(terms, in: self), docno: docno, model: model)
  }

  func explain(_ analyzed: AnalyzedQuery, docno: String, model: any WeightingModel) throws -> ScoreExplanation {
    guard let (view, doc) = try place(of: docno) else { throw IndexError.unknownDocno(docno) }
    let scoring = try Scoring(model, in: self, for: analyzed)
    var scorer = scoring.scorer(in: view)
    let frequencies = try withSearcher {
      try $0.termFrequencies(UInt32(doc), analyzed, in: view, scoring: scoring)
    }
    let length = view.segment.documentTable.lengths[doc]
    var score = 0.0
    var terms: [ScoreExplanation.Term] = []
    for (term, (frequency, fieldFrequencies)) in zip(analyzed.terms, frequencies) {
      let fields = try explainFields(fieldFrequencies, of: doc, in: view, scoring.formula.fieldModel)
      var contribution = 0.0
      if frequency > 0 {
        var constants = scoring.term(term, queryWeight: term.queryWeight)
        let tf = fields.isEmpty ? Double(frequency) : fields.reduce(0) { $0 + $1.part }
        contribution = grd_contribution(&scorer, &constants, tf, Double(length))
      }
      score += contribution
      terms.append(
        ScoreExplanation.Term(
          term: analyzed.text(of: term), queryWeight: term.queryWeight, documentFrequency: term.documentFrequency,
          collectionFrequency: Int(clamping: term.collectionFrequency),
          inverseDocumentFrequency: BM25.inverseDocumentFrequency(
            documentFrequency: term.documentFrequency, documents: statistics.documents),
          termFrequency: Int(frequency), fields: fields, contribution: contribution))
    }
    let documentPart = scoring.lengthPart(queryWeight: analyzed.weight)?.value(length: length) ?? 0
    score += documentPart
    return ScoreExplanation(
      docno: docno, terms: terms, unknownTerms: analyzed.unknownTerms, documentLength: Int(length),
      averageLength: statistics.averageLength, documents: statistics.documents, model: model.description,
      documentPart: documentPart, score: score)
  }

  /// What each field of a document adds to a term's normalised frequency; empty without a model of fields.
  private func explainFields(
    _ frequencies: [UInt32], of doc: Int, in view: SegmentView, _ model: BM25F?
  ) throws -> [ScoreExplanation.Term.Field] {
    guard let model, let table = view.segment.fields else { return [] }
    return try zip(model.resolved(in: self), zip(frequencies, table.lengths(of: doc))).map { field, counts in
      ScoreExplanation.Term.Field(
        name: field.name, weight: field.weight, b: field.b, termFrequency: Int(counts.0), length: Int(counts.1),
        averageLength: field.averageLength, part: field.part(tf: counts.0, length: counts.1))
    }
  }

  /// Where the words of a text stand whose terms occur in a query, in the order of the text: for showing them in colour.
  ///
  ///     for range in try index.highlight("flowing air", in: text) { print(text[range]) }
  public func highlight(_ query: String, in text: String) throws -> [Range<String.Index>] {
    try withSearcher { searcher in
      let wanted = Set(searcher.analyzer.terms(query))
      var text = text
      var ranges: [Range<Int>] = []
      text.withUTF8 { utf8 in
        searcher.analyzer.analyze(utf8) { term, token in
          if wanted.contains(String(decoding: term, as: UTF8.self)) { ranges.append(token.range) }
        }
      }
      return ranges.map { range in
        text.utf8.index(text.startIndex, offsetBy: range.lowerBound)
          ..< text.utf8.index(text.startIndex, offsetBy: range.upperBound)
      }
    }
  }
}
