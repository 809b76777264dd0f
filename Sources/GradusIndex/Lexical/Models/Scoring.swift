import CGradusKernels

/// A model, valid and bound to the counts of one index.
struct Scoring {
  let model: any WeightingModel
  let formula: ScoringFormula
  private let statistics: IndexStatistics
  private let averageLength: Double
  /// Without lengths, which are a segment's; empty for models that know no fields.
  private let fields: grd_fields

  init(_ model: any WeightingModel, in index: InvertedIndex) throws {
    try model.validate()
    self.model = model
    formula = model.formula
    statistics = index.statistics
    averageLength = statistics.averageLength
    fields = try formula.fieldModel?.kernelFields(in: index) ?? grd_fields()
  }

  /// For one query.
  ///
  /// - Throws: ``IndexError/invalidQuery(_:)`` where the model cannot score what is in the query.
  init(_ model: any WeightingModel, in index: InvertedIndex, for query: AnalyzedQuery) throws {
    try self.init(model, in: index)
    if usesFields, query.hasPhrases {
      throw IndexError.invalidQuery(
        "\(model): a phrase has no field to weigh it by; leave out phrases and the dependence syntax, or take another model")
    }
  }

  /// Whether the model weighs fields.
  var usesFields: Bool { formula.fieldModel != nil }

  /// The model as the kernels compute it over the documents of a segment.
  func scorer(in view: SegmentView) -> grd_scorer {
    let documents = view.segment.documentTable
    var fields = fields
    if usesFields { view.segment.fields?.setLengths(of: &fields) }
    return grd_scorer(
      formula: formula.formula, basic: formula.basic, normalization: formula.normalization,
      has_after_effect: formula.hasAfterEffect ? 1 : 0, is_monotone: formula.isMonotone ? 1 : 0, base: formula.base,
      slope: averageLength > 0 ? formula.slopeTimesAverage / averageLength : 0, p: formula.p, q: formula.q,
      average_length: averageLength, lengths: documents.lengths.baseAddress,
      documents: UInt32(documents.count), fields: fields)
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
