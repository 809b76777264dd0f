import CGradusKernels
import GradusCore
import GradusText

/// Working memory of one search at a time in a lexical index: opens the lists of a query's terms in a segment under a model,
/// and has them evaluated.
///
/// Lists are opened from the heaviest term down (``AnalyzedQuery``).
final class Searcher: @unchecked Sendable {
  // Unchecked: the index lends a searcher to one call at a time, under a lock.

  let analyzer: Analyzer
  private let evaluator = ListEvaluator()
  /// What the open cursors point to.
  private var blockBounds: [BlockBounds] = []

  init(analyzer: Analyzer) { self.analyzer = analyzer }

  /// The `k >= 1` best documents of a segment, of those in `filter` where there is one, best first; valid until the next call.
  ///
  /// - Parameters:
  ///   - filter: Of documents of the segment.
  ///   - floor: Documents with lower scores are not wanted.
  func search(
    _ query: AnalyzedQuery, in index: SegmentView, scoring: Scoring, k: Int, pruning: Pruning, filter: DocumentSet? = nil,
    floor: Double? = nil
  ) throws -> UnsafeBufferPointer<grd_hit> {
    let lists = try open(query, in: index, scoring: scoring, isBounded: pruning == .blockMaxScore)
    return try evaluator.best(k, of: lists, pruning: pruning, filter: filter, floor: floor)
  }

  /// Scores of documents of a segment that ascend; where a document holds no term of the query, the part of its length alone.
  func score(
    _ documents: [UInt32], _ query: AnalyzedQuery, in index: SegmentView, scoring: Scoring
  ) throws -> [Double] {
    try evaluator.scores(of: documents, in: try open(query, in: index, scoring: scoring, isBounded: false))
  }

  /// Occurrences of each term of a query in one document of a segment.
  func termFrequencies(
    _ doc: UInt32, _ query: AnalyzedQuery, in index: SegmentView, scoring: Scoring
  ) throws -> [UInt32] {
    let lists = try open(query, in: index, scoring: scoring, isBounded: false)
    var found = try evaluator.frequencies(in: doc, of: lists)[...]
    return query.terms.map { query.list(of: $0, in: index.number) == nil ? 0 : found.removeFirst() }
  }

  /// Puts a cursor at the start of each list of a segment.
  private func open(
    _ query: AnalyzedQuery, in index: SegmentView, scoring: Scoring, isBounded: Bool
  ) throws -> ListEvaluator.OpenLists {
    let segment = index.segment
    let cursors = evaluator.reserve(query.terms.count)
    var scorer = scoring.scorer(in: index)
    var count = 0
    var magnitude = 0.0
    blockBounds.removeAll(keepingCapacity: true)
    let needsBounds = isBounded && !scoring.formula.isMonotone
    let key = needsBounds ? scoring.model.description : ""
    for term in query.terms {
      guard let list = query.list(of: term, in: index.number) else { continue }
      let cursor = cursors + count
      var constants = scoring.term(term, queryWeight: term.queryWeight)
      if needsBounds {
        func read() throws -> BlockBounds {
          let unit = scoring.term(term, queryWeight: 1)
          try segment.open(cursor, at: list.entry, phrase: list.phrase, term: unit, scorer: &scorer)
          guard let bounds = BlockBounds(cursor, scorer: &scorer) else { throw segment.postingsDamage }
          return bounds
        }
        let bounds =
          list.phrase == nil
          ? try index.blockBounds.bounds(model: key, list: list.entry.textOffset, make: read) : try read()
        blockBounds.append(bounds)
        constants.bounds = bounds.maxima
        magnitude += term.queryWeight * bounds.magnitude
      } else if isBounded, scoring.isSigned {
        // Nothing exceeds what the most frequent term of the shortest document has.
        magnitude += abs(grd_contribution(&scorer, &constants, constants.largest_tf, 1))
      }
      try segment.open(cursor, at: list.entry, phrase: list.phrase, term: constants, scorer: &scorer)
      count += 1
    }
    let lengthPart = scoring.lengthPart(queryWeight: query.weight)
    if isBounded, let lengthPart { magnitude -= lengthPart.value(length: segment.longestLength) }
    return ListEvaluator.OpenLists(
      count: count, scorer: scorer, source: segment.postings, ranks: segment.documentTable.docnos.ranks,
      isSigned: scoring.isSigned, lengthPart: lengthPart, magnitude: magnitude)
  }
}
