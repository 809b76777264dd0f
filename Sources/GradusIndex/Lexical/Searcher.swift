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
  /// Working space of the cursors, one after the other, for models that weigh fields.
  private var fieldFrequencies: UnsafeMutablePointer<UInt32>?
  private var fieldCapacity = 0

  init(analyzer: Analyzer) { self.analyzer = analyzer }

  deinit { fieldFrequencies?.deallocate() }

  /// The `k >= 1` best documents of a segment, of those in `filter` where there is one, best first; valid until the next call.
  ///
  /// - Parameters:
  ///   - filter: Of documents of the segment.
  ///   - floor: Documents with lower scores are not wanted.
  func search(
    _ query: AnalyzedQuery, in index: SegmentView, scoring: Scoring, k: Int, pruning: Pruning, filter: DocumentSet? = nil,
    floor: Double? = nil
  ) throws -> UnsafeBufferPointer<grd_hit> {
    var lists = try open(query, in: index, scoring: scoring, isBounded: pruning == .blockMaxScore)
    return try evaluator.best(k, of: &lists, pruning: pruning, filter: filter, floor: floor)
  }

  /// Scores of documents of a segment that ascend; where a document holds no term of the query, the part of its length alone.
  func score(
    _ documents: [UInt32], _ query: AnalyzedQuery, in index: SegmentView, scoring: Scoring
  ) throws -> [Double] {
    var lists = try open(query, in: index, scoring: scoring, isBounded: false)
    return try evaluator.scores(of: documents, in: &lists)
  }

  /// Occurrences of each term of a query in one document of a segment, and for models that weigh fields in each of the fields.
  func termFrequencies(
    _ doc: UInt32, _ query: AnalyzedQuery, in index: SegmentView, scoring: Scoring
  ) throws -> [(tf: UInt32, fields: [UInt32])] {
    let lists = try open(query, in: index, scoring: scoring, isBounded: false)
    var number = 0
    return try query.terms.map { term in
      guard query.list(of: term, in: index.number) != nil else {
        return (0, [UInt32](repeating: 0, count: lists.scorer.fields.count))
      }
      defer { number += 1 }
      return try evaluator.frequency(in: doc, list: number, of: lists)
    }
  }

  /// Puts a cursor at the start of each list of a segment.
  private func open(
    _ query: AnalyzedQuery, in index: SegmentView, scoring: Scoring, isBounded: Bool
  ) throws -> ListEvaluator.OpenLists {
    let segment = index.segment
    let cursors = evaluator.reserve(query.terms.count)
    var lists = ListEvaluator.OpenLists(
      scorer: scoring.scorer(in: index), source: segment.postings, ranks: segment.documentTable.docnos.ranks,
      isSigned: scoring.isSigned, lengthPart: scoring.lengthPart(queryWeight: query.weight))
    blockBounds.removeAll(keepingCapacity: true)
    let needsBounds = isBounded && !scoring.formula.isMonotone
    let key = needsBounds ? scoring.model.description : ""
    if scoring.usesFields { reserveFieldFrequencies(query.terms.count * (segment.fields?.bufferCount ?? 0)) }
    for term in query.terms {
      guard let list = query.list(of: term, in: index.number) else { continue }
      let number = lists.count
      var constants = scoring.term(term, queryWeight: term.queryWeight)
      if needsBounds {
        func read() throws -> BlockBounds {
          let unit = scoring.term(term, queryWeight: 1)
          try open(cursors + number, number, list, in: segment, term: unit, scorer: &lists.scorer)
          return try BlockBounds(cursors + number, scorer: &lists.scorer, in: segment)
        }
        let bounds =
          list.phrase == nil
          ? try index.blockBounds.bounds(model: key, list: list.entry.textOffset, make: read) : try read()
        blockBounds.append(bounds)
        constants.bounds = bounds.maxima
        lists.magnitude += term.queryWeight * bounds.magnitude
      } else if isBounded, lists.isSigned {
        // Nothing exceeds what the most frequent term of the shortest document has.
        let greatest = constants.largest_tf
        lists.magnitude += abs(grd_contribution(&lists.scorer, &constants, greatest, 1))
      }
      try open(cursors + number, number, list, in: segment, term: constants, scorer: &lists.scorer)
      lists.count += 1
    }
    if isBounded, let lengthPart = lists.lengthPart {
      lists.magnitude -= lengthPart.value(length: segment.longestLength)
    }
    return lists
  }

  /// Puts a cursor at the start of a list.
  private func open(
    _ cursor: UnsafeMutablePointer<grd_cursor>, _ number: Int, _ list: AnalyzedQuery.ListPlace, in segment: LexicalSegment,
    term: grd_term, scorer: inout grd_scorer
  ) throws {
    try segment.open(cursor, at: list.entry, phrase: list.phrase, term: term, scorer: &scorer)
    guard scorer.fields.count > 0, let fields = segment.fields, let buffer = fieldFrequencies, let term = list.number else {
      return
    }
    try fields.attach(to: cursor, term: term, buffer: buffer + number * fields.bufferCount)
  }

  private func reserveFieldFrequencies(_ count: Int) {
    guard count > fieldCapacity else { return }
    fieldFrequencies?.deallocate()
    fieldCapacity = count
    fieldFrequencies = .allocate(capacity: count)
  }
}
