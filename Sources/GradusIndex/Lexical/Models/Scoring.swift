import CGradusKernels

/// A model, valid and bound to the counts of one index.
struct Scoring {
  let model: any WeightingModel
  let formula: ScoringFormula
  private let statistics: IndexStatistics
  private let averageLength: Double

  init(_ model: any WeightingModel, in index: InvertedIndex) throws {
    try model.validate()
    self.model = model
    formula = model.formula
    statistics = index.statistics
    averageLength = statistics.averageLength
  }

  /// The model as the kernels compute it over the documents of a segment.
  func scorer(in view: SegmentView) -> grd_scorer {
    let documents = view.segment.documentTable
    return grd_scorer(
      formula: formula.formula, basic: formula.basic, normalization: formula.normalization,
      has_after_effect: formula.hasAfterEffect ? 1 : 0, is_monotone: formula.isMonotone ? 1 : 0, base: formula.base,
      slope: averageLength > 0 ? formula.slopeTimesAverage / averageLength : 0, p: formula.p, q: formula.q,
      average_length: averageLength, lengths: documents.lengths.baseAddress,
      documents: UInt32(documents.count))
  }

  /// Scores of 0 and less are possible: documents that hold a term must be marked.
  var isSigned: Bool { formula.isSigned || formula.documentSmoothing != nil }

  /// Constants of a term, given its counts in the whole index.
  func term(documentFrequency: Int, collectionFrequency: UInt64, queryWeight: Double) -> grd_term {
    var term = formula.term(
      TermCounts(
        queryWeight: queryWeight, documentFrequency: Double(documentFrequency),
        collectionFrequency: Double(collectionFrequency), documents: Double(statistics.documents),
        tokens: Double(statistics.tokens), averageLength: averageLength))
    term.largest_tf = Double(collectionFrequency)
    return term
  }

  func term(_ term: QueryTerm, queryWeight: Double) -> grd_term {
    self.term(
      documentFrequency: term.documentFrequency, collectionFrequency: term.collectionFrequency, queryWeight: queryWeight)
  }

  /// What a document's length adds to its score, given the sum of the weights of the query's known terms; nil for most models.
  func lengthPart(queryWeight: Double) -> LengthPart? {
    formula.documentSmoothing.map { LengthPart(mu: $0, queryWeight: queryWeight) }
  }
}
