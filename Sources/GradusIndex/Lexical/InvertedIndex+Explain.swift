import CGradusKernels
import GradusCore
import GradusText

/// How a document's score comes about.
public struct ScoreExplanation: Sendable, Equatable, CustomStringConvertible {
  /// One query term's part.
  public struct Term: Sendable, Equatable {
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
    /// What the model's formula gives for the term; 0 where the document does not hold it.
    public let contribution: Double
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
    let scoring = try Scoring(model, in: self)
    var scorer = scoring.scorer(in: view)
    let frequencies = try withSearcher {
      try $0.termFrequencies(UInt32(doc), analyzed, in: view, scoring: scoring)
    }
    let length = view.segment.documentTable.lengths[doc]
    var score = 0.0
    var terms: [ScoreExplanation.Term] = []
    for (term, frequency) in zip(analyzed.terms, frequencies) {
      var contribution = 0.0
      if frequency > 0 {
        var constants = scoring.term(term, queryWeight: term.queryWeight)
        contribution = grd_contribution(&scorer, &constants, Double(frequency), Double(length))
      }
      score += contribution
      terms.append(
        ScoreExplanation.Term(
          term: analyzed.text(of: term), queryWeight: term.queryWeight, documentFrequency: term.documentFrequency,
          collectionFrequency: Int(clamping: term.collectionFrequency),
          inverseDocumentFrequency: BM25.inverseDocumentFrequency(
            documentFrequency: term.documentFrequency, documents: statistics.documents),
          termFrequency: Int(frequency), contribution: contribution))
    }
    let documentPart = scoring.lengthPart(queryWeight: analyzed.weight)?.value(length: length) ?? 0
    score += documentPart
    return ScoreExplanation(
      docno: docno, terms: terms, unknownTerms: analyzed.unknownTerms, documentLength: Int(length),
      averageLength: statistics.averageLength, documents: statistics.documents, model: model.description,
      documentPart: documentPart, score: score)
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
