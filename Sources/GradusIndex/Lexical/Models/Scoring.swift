import CGradusKernels

/// A model, valid and bound to the counts of one index.
struct Scoring {
  let model: any WeightingModel
  let formula: ScoringFormula
  let scorer: grd_scorer
  private let statistics: IndexStatistics
  private let averageLength: Double

  init(_ model: any WeightingModel, in index: InvertedIndex) throws {
    try model.validate()
    self.model = model
    formula = model.formula
    statistics = index.statistics
    averageLength = statistics.averageLength
    scorer = grd_scorer(
      formula: formula.formula, basic: formula.basic, normalization: formula.normalization,
      has_after_effect: formula.hasAfterEffect ? 1 : 0, is_monotone: formula.isMonotone ? 1 : 0, base: formula.base,
      slope: averageLength > 0 ? formula.slopeTimesAverage / averageLength : 0, p: formula.p, q: formula.q,
      average_length: averageLength, lengths: index.documentTable.lengths.baseAddress,
      documents: UInt32(index.documentTable.count))
  }

  /// Scores of 0 and less are possible: documents that hold a term must be marked.
  var isSigned: Bool { formula.isSigned || formula.documentSmoothing != nil }

  func term(_ entry: TermEntry, queryWeight: Double) -> grd_term {
    var term = formula.term(
      TermCounts(
        queryWeight: queryWeight, documentFrequency: Double(entry.documentFrequency),
        collectionFrequency: Double(entry.collectionFrequency), documents: Double(statistics.documents),
        tokens: Double(statistics.tokens), averageLength: averageLength))
    term.largest_tf = Double(entry.collectionFrequency)
    return term
  }

  /// What a document's length adds to its score, given the sum of the weights of the query's known terms; 0 for most models.
  func documentPart(length: UInt32, queryWeight: Double) -> Double {
    guard let mu = formula.documentSmoothing else { return 0 }
    return queryWeight * logarithm(mu / (mu + Double(length)))
  }
}
