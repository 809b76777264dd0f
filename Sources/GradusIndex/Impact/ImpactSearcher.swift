import CGradusKernels
import GradusCore

/// Working memory of one search in an impact index at a time, and the search itself: documents in windows, terms one after the
/// other within a window, as ``Searcher`` does for the models whose scores are positive.
///
/// Contributions are added from the term of the greatest bound down. MaxScore leaves out terms only from the other end, so a
/// pruned score is the very sum that an exhaustive search computes, bit for bit.
final class ImpactSearcher: @unchecked Sendable {
  // Unchecked: the index lends a searcher to one call at a time, under a lock.

  private let scores: UnsafeMutablePointer<Double>
  private let values: UnsafeMutablePointer<Double>
  private let offsets: UnsafeMutablePointer<UInt32>
  private var cursors: UnsafeMutablePointer<grd_cursor>
  private var cursorCapacity = 64
  private var hits: UnsafeMutablePointer<grd_hit>
  private var hitCapacity = 1 << 10
  /// Per term, what it and those after it can add to a score of the window, and its postings there at most.
  private var bounds: [Double] = []
  private var postings: [Int] = []

  /// Documents in a window: their scores fill 64 kB.
  private static let window = 1 << 13
  /// Documents between two looks at the k-th score while a window is read out.
  private static let stretch = 1 << 10
  /// Sums in another order than the scores' own may differ in the last bits: the k-th score is lowered by this part of it.
  private static let slack = 0x1p-40
  /// Looking up one document in a list costs as much as scoring so many postings in a row.
  private static let lookupCost = 6

  init() {
    scores = .allocate(capacity: Self.window)
    scores.initialize(repeating: 0, count: Self.window)
    values = .allocate(capacity: Self.window + 8)
    offsets = .allocate(capacity: Self.window + 8)
    cursors = .allocate(capacity: cursorCapacity)
    hits = .allocate(capacity: hitCapacity)
  }

  deinit {
    scores.deallocate()
    values.deallocate()
    offsets.deallocate()
    cursors.deallocate()
    hits.deallocate()
  }

  /// The `k >= 1` best documents with a positive score, best first; valid until the next call.
  func search(
    _ terms: [ImpactQuery.Term], in index: ImpactIndex, k: Int, pruning: Pruning
  ) throws -> UnsafeBufferPointer<grd_hit> {
    var scorer = index.scorer
    try open(terms, in: index, scorer: &scorer)
    let capacity = 2 * k + 256
    reserveHits(capacity)
    let lowest = Double.leastNonzeroMagnitude
    var top = grd_topk(hits: hits, spare: hits + capacity, count: 0, capacity: capacity, k: k, minimum: lowest)
    guard let ranks = index.docnos.ranks.baseAddress else { throw index.postingsDamage }
    var from: UInt32 = 0
    while from < scorer.documents {
      let to = min(from + UInt32(Self.window), scorer.documents)
      let isPruned = pruning == .blockMaxScore && top.minimum > lowest
      let least = isPruned ? top.minimum * (1 - Self.slack) : lowest
      let essential = isPruned ? essentialCount(terms.count, &scorer, from: from, to: to, least: least) : terms.count
      var next = scorer.documents
      for term in 0..<essential { next = min(next, grd_cursor_candidate(cursors + term, &scorer, from)) }
      guard next < to else {
        from = essential == 0 ? to : max(to, next)
        continue
      }
      for term in 0..<essential {
        try check(grd_cursor_accumulate(cursors + term, &scorer, from, to, scores, nil), index)
      }
      let count = Int(to - from)
      if essential == terms.count {
        for start in stride(from: 0, to: count, by: Self.stretch) {
          let found = grd_take_scores(scores + start, min(Self.stretch, count - start), top.minimum, offsets, values)
          grd_topk_push(&top, from + UInt32(start), offsets, values, found, ranks)
        }
      } else {
        let found = try refined(essential..<terms.count, &scorer, from: from, count: count, least: least, index)
        grd_topk_push(&top, from, offsets, values, found, ranks)
      }
      if top.count >= k, top.minimum == lowest || top.count - k > k / 4 { grd_topk_settle(&top) }
      from = to
    }
    grd_topk_settle(&top)
    grd_hits_sort(top.hits, top.spare, top.count)
    return UnsafeBufferPointer(start: hits, count: top.count)
  }

  /// Scores of documents that ascend; 0 where a document holds no term of the query.
  func score(_ documents: [UInt32], _ terms: [ImpactQuery.Term], in index: ImpactIndex) throws -> [Double] {
    var result = [Double](repeating: 0, count: documents.count)
    var scorer = index.scorer
    try open(terms, in: index, scorer: &scorer)
    for term in terms.indices {
      try check(grd_cursor_refine(cursors + term, &scorer, 0, documents, &result, documents.count), index)
    }
    return result
  }

  /// Impacts of each term in one document.
  func impacts(_ doc: UInt32, _ terms: [ImpactQuery.Term], in index: ImpactIndex) throws -> [UInt32] {
    var scorer = index.scorer
    try open(terms, in: index, scorer: &scorer)
    return try terms.indices.map { term in
      var impact: UInt32 = 0
      try check(grd_cursor_tf(cursors + term, doc, &impact), index)
      return impact
    }
  }

  /// Puts a cursor at the start of each term's list.
  private func open(_ terms: [ImpactQuery.Term], in index: ImpactIndex, scorer: inout grd_scorer) throws {
    if terms.count > cursorCapacity {
      cursors.deallocate()
      cursorCapacity = terms.count
      cursors = .allocate(capacity: cursorCapacity)
    }
    for (number, term) in terms.enumerated() { try index.open(cursors + number, term, scorer: &scorer) }
  }

  /// How many terms, from the first, a document of the window needs one of to reach `least`; fills `bounds` and `postings`.
  private func essentialCount(
    _ count: Int, _ scorer: inout grd_scorer, from: UInt32, to: UInt32, least: Double
  ) -> Int {
    if bounds.count < count {
      bounds = [Double](repeating: 0, count: count)
      postings = [Int](repeating: 0, count: count)
    }
    var sum = 0.0
    var essential = count
    for term in stride(from: count - 1, through: 0, by: -1) {
      sum += grd_cursor_bound(cursors + term, &scorer, from, to, &postings[term])
      bounds[term] = sum
      if sum < least { essential = term }
    }
    // Where there is little to leave out, leaving it out costs more than it saves.
    return essential > 0 && postings[essential..<count].reduce(0, +) < Int(to - from) / 2 ? count : essential
  }

  /// Completes scores that may still reach `least` with the terms that have not been read; lists them in `offsets` and `values`.
  private func refined(
    _ terms: Range<Int>, _ scorer: inout grd_scorer, from: UInt32, count: Int, least: Double, _ index: ImpactIndex
  ) throws -> Int {
    let worthwhile = max(least - bounds[terms.lowerBound], .leastNonzeroMagnitude)
    var found = grd_take_scores(scores, count, worthwhile, offsets, values)
    if found * Self.lookupCost * terms.count < postings[terms].reduce(0, +) {
      for term in terms where found > 0 {
        var kept = 0
        for place in 0..<found {
          offsets[kept] = offsets[place]
          values[kept] = values[place]
          kept += values[place] + bounds[term] >= least ? 1 : 0
        }
        found = kept
        try check(grd_cursor_refine(cursors + term, &scorer, from, offsets, values, found), index)
      }
      return found
    }
    // Too many to look up: score all postings, and read out only these documents.
    for place in 0..<found { scores[Int(offsets[place])] = values[place] }
    for term in terms {
      try check(grd_cursor_accumulate(cursors + term, &scorer, from, from + UInt32(count), scores, nil), index)
    }
    for place in 0..<found { values[place] = scores[Int(offsets[place])] }
    scores.update(repeating: 0, count: count)
    return found
  }

  /// Room for hits and as much again to sort them in.
  private func reserveHits(_ count: Int) {
    guard 2 * count > hitCapacity else { return }
    hits.deallocate()
    hitCapacity = 2 * count
    hits = .allocate(capacity: hitCapacity)
  }

  private func check(_ status: grd_postings_status, _ index: ImpactIndex) throws {
    guard status == GRD_POSTINGS_OK else { throw index.postingsDamage }
  }
}
