import CGradusKernels
import GradusCore

/// Working memory of one search at a time in an impact index: opens the lists of a query's terms, and has them evaluated.
///
/// Lists are opened from the term of the greatest bound down (``ImpactQuery``).
final class ImpactSearcher: @unchecked Sendable {
  // Unchecked: the index lends a searcher to one call at a time, under a lock.

  private let evaluator = ListEvaluator()

  /// The `k >= 1` best documents with a positive score, of those in `filter` where there is one, best first; valid until the
  /// next call.
  func search(
    _ terms: [ImpactQuery.Term], in index: ImpactIndex, k: Int, pruning: Pruning, filter: DocumentSet?
  ) throws -> UnsafeBufferPointer<grd_hit> {
    var lists = try open(terms, in: index)
    return try evaluator.best(k, of: &lists, pruning: pruning, filter: filter)
  }

  /// Scores of documents that ascend; 0 where a document holds no term of the query.
  func score(_ documents: [UInt32], _ terms: [ImpactQuery.Term], in index: ImpactIndex) throws -> [Double] {
    var lists = try open(terms, in: index)
    return try evaluator.scores(of: documents, in: &lists)
  }

  /// Impacts of each term in one document.
  func impacts(_ doc: UInt32, _ terms: [ImpactQuery.Term], in index: ImpactIndex) throws -> [UInt32] {
    let lists = try open(terms, in: index)
    return try terms.indices.map { try evaluator.frequency(in: doc, list: $0, of: lists).tf }
  }

  /// Puts a cursor at the start of each term's list.
  private func open(_ terms: [ImpactQuery.Term], in index: ImpactIndex) throws -> ListEvaluator.OpenLists {
    let cursors = evaluator.reserve(terms.count)
    var lists = ListEvaluator.OpenLists(
      count: terms.count, scorer: index.scorer, source: index.postings, ranks: index.docnos.ranks)
    for (number, term) in terms.enumerated() {
      var constants = grd_term(weight: term.weight)
      constants.largest_tf = Double(term.greatestImpact)
      try index.postings.open(cursors + number, at: term.entry, term: constants, scorer: &lists.scorer)
    }
    return lists
  }
}
