import CGradusKernels
import GradusCore

/// Working memory of one search at a time in a segment of an impact index: opens the lists of a query's terms, and has them
/// evaluated.
///
/// Lists are opened from the term of the greatest bound down (``ImpactQuery``).
final class ImpactSearcher: @unchecked Sendable {
  // Unchecked: the index lends a searcher to one call at a time, under a lock.

  private let evaluator = ListEvaluator()

  /// The `k >= 1` best documents with a positive score, of those in `filter` where there is one, best first; valid until the
  /// next call.
  ///
  /// - Parameters:
  ///   - number: Of the segment in the index.
  ///   - filter: Of documents of the segment.
  ///   - floor: Documents with lower scores are not wanted.
  func search(
    _ terms: [ImpactQuery.Term], in segment: ImpactSegment, _ number: Int, k: Int, pruning: Pruning, filter: DocumentSet?,
    floor: Double?
  ) throws -> UnsafeBufferPointer<grd_hit> {
    var lists = try open(terms, in: segment, number)
    return try evaluator.best(k, of: &lists, pruning: pruning, filter: filter, floor: floor)
  }

  /// Scores of documents that ascend; 0 where a document holds no term of the query.
  func score(
    _ documents: [UInt32], _ terms: [ImpactQuery.Term], in segment: ImpactSegment, _ number: Int
  ) throws -> [Double] {
    var lists = try open(terms, in: segment, number)
    return try evaluator.scores(of: documents, in: &lists)
  }

  /// Impacts of each term in one document.
  func impacts(
    _ doc: UInt32, _ terms: [ImpactQuery.Term], in segment: ImpactSegment, _ number: Int
  ) throws -> [UInt32] {
    let lists = try open(terms, in: segment, number)
    var list = 0
    return try terms.map { term in
      guard term.numbers[number] != nil else { return 0 }
      defer { list += 1 }
      return try evaluator.frequency(in: doc, list: list, of: lists).tf
    }
  }

  /// Puts a cursor at the start of the list of each term that the segment holds.
  private func open(
    _ terms: [ImpactQuery.Term], in segment: ImpactSegment, _ number: Int
  ) throws -> ListEvaluator.OpenLists {
    let cursors = evaluator.reserve(terms.count)
    var lists = ListEvaluator.OpenLists(scorer: segment.scorer, source: segment.postings, ranks: segment.docnos.ranks)
    for term in terms {
      guard let place = term.numbers[number] else { continue }
      var constants = grd_term(weight: term.weight)
      constants.largest_tf = Double(segment.greatestStoredImpact(place))
      try segment.postings.open(cursors + lists.count, at: segment.terms[place], term: constants, scorer: &lists.scorer)
      lists.count += 1
    }
    return lists
  }
}
