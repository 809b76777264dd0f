import CGradusKernels
import GradusCore
import GradusText

/// How a document's score comes about.
public struct ScoreExplanation: Sendable, Equatable, CustomStringConvertible {
  /// One query term's part.
  public struct Term: Sendable, Equatable {
    public let term: String
    /// How often the term stands in the query, or its weight there.
    public let queryWeight: Double
    public let documentFrequency: Int
    public let inverseDocumentFrequency: Double
    /// Occurrences in the document.
    public let termFrequency: Int
    /// `queryWeight * inverseDocumentFrequency * tf / (tf + k1 (1 - b + b |d| / avgdl))`.
    public let contribution: Double
  }

  public let docno: String
  /// In the order in which the contributions are added; terms that the document does not hold included.
  public let terms: [Term]
  public let unknownTerms: [String]
  public let documentLength: Int
  public let averageLength: Double
  public let documents: Int
  public let model: BM25
  /// The sum of the contributions, the same bits as in a search.
  public let score: Double

  public var description: String {
    var lines = ["\(docno): \(score) by \(model); length \(documentLength), average \(averageLength), \(documents) documents"]
    for term in terms {
      lines.append(
        "  \(term.contribution)  \(term.term): query weight \(term.queryWeight), df \(term.documentFrequency), "
          + "idf \(term.inverseDocumentFrequency), tf \(term.termFrequency)")
    }
    if !unknownTerms.isEmpty { lines.append("  not in the index: \(unknownTerms.joined(separator: ", "))") }
    return lines.joined(separator: "\n")
  }
}

extension InvertedIndex {
  /// Term by term, why a document has its score for a query.
  ///
  /// - Throws: ``IndexError/unknownDocno(_:)``.
  public func explain(_ query: String, docno: String, model: BM25 = BM25()) throws -> ScoreExplanation {
    guard let doc = try docIndex(of: docno) else { throw IndexError.unknownDocno(docno) }
    var scorer = try scorer(model)
    let (analyzed, frequencies) = try withSearcher { searcher in
      let analyzed = try AnalyzedQuery(query, in: self, analyzer: searcher.analyzer)
      return (analyzed, try searcher.termFrequencies(doc.rawValue, analyzed.terms, in: self, scorer: &scorer))
    }
    var score = 0.0
    var terms: [ScoreExplanation.Term] = []
    for (term, frequency) in zip(analyzed.terms, frequencies) {
      var contribution = 0.0
      if frequency > 0 {
        grd_bm25_contributions(&scorer, term.weight, [doc.rawValue], [frequency], 1, &contribution)
      }
      score += contribution
      let documentFrequency = Int(term.entry.documentFrequency)
      terms.append(
        ScoreExplanation.Term(
          term: String(decoding: try self.terms.bytes(of: term.entry), as: UTF8.self), queryWeight: term.queryWeight,
          documentFrequency: documentFrequency,
          inverseDocumentFrequency: BM25.inverseDocumentFrequency(
            documentFrequency: documentFrequency, documents: statistics.documents),
          termFrequency: Int(frequency), contribution: contribution))
    }
    return ScoreExplanation(
      docno: docno, terms: terms, unknownTerms: analyzed.unknownTerms, documentLength: try length(doc),
      averageLength: statistics.averageLength, documents: statistics.documents, model: model, score: score)
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
