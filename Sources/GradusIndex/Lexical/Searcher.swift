import CGradusKernels
import GradusCore
import GradusText

/// A query term with its postings and weight.
struct ResolvedTerm {
  let entry: TermEntry
  /// Weight in the query (how often it stands there) times inverse document frequency.
  let weight: Double
  let queryWeight: Double
}

/// Working memory of one search at a time, and the search itself: documents in windows, terms one after the other within
/// a window.
///
/// Contributions are added in one fixed order, from the heaviest term down. MaxScore leaves out terms only from the light
/// end, so a pruned score is the very sum that an exhaustive search computes, bit for bit.
final class Searcher: @unchecked Sendable {
  // Unchecked: the index lends a searcher to one call at a time, under a lock.

  let analyzer: Analyzer
  private let scores: UnsafeMutablePointer<Double>
  private let values: UnsafeMutablePointer<Double>
  private let offsets: UnsafeMutablePointer<UInt32>
  private var cursors: UnsafeMutablePointer<grd_cursor>
  private var cursorCapacity = 16
  private var hits: UnsafeMutablePointer<grd_hit>
  private var hitCapacity = 1 << 10
  /// Per term, what it and the lighter ones can add to a score of the window, and its postings there at most.
  private var bounds: [Double] = []
  private var postings: [Int] = []

  /// Documents in a window: their scores fill 64 kB.
  private static let window = 1 << 13
  /// Documents between two looks at the k-th score while a window is read out.
  private static let stretch = 1 << 10
  /// Sums in another order than the scores' own may differ in the last bits: bounds are stretched by this.
  private static let slack = 1 - 0x1p-40
  /// Looking up one document in a list costs as much as scoring so many postings in a row.
  private static let lookupCost = 6

  init(analyzer: Analyzer) {
    self.analyzer = analyzer
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

  /// The `k >= 1` best documents, best first; valid until the next call.
  func search(
    _ terms: [ResolvedTerm], in index: InvertedIndex, scorer: inout grd_bm25, k: Int, pruning: Pruning
  ) throws -> UnsafeBufferPointer<grd_hit> {
    try open(terms, in: index, scorer: &scorer)
    let capacity = 2 * k + 256
    reserveHits(capacity)
    var top = grd_topk(
      hits: hits, spare: hits + capacity, count: 0, capacity: capacity, k: k, minimum: .leastNonzeroMagnitude)
    guard let ranks = index.documentTable.ranks.baseAddress else { throw index.postingsDamage }
    var from: UInt32 = 0
    while from < scorer.documents {
      let to = min(from + UInt32(Self.window), scorer.documents)
      let least = top.minimum * Self.slack
      var essential = terms.count
      if pruning == .blockMaxScore, top.minimum > .leastNonzeroMagnitude {
        essential = essentialCount(terms.count, scorer: &scorer, from: from, to: to, least: least)
      }
      var next = scorer.documents
      for term in 0..<essential { next = min(next, grd_cursor_candidate(cursors + term, &scorer, from)) }
      guard next < to else {
        from = essential == 0 ? to : max(to, next)
        continue
      }
      for term in 0..<essential {
        try check(grd_cursor_accumulate(cursors + term, &scorer, from, to, scores), index)
      }
      if essential == terms.count {
        collectAll(Int(to - from), from: from, ranks: ranks, top: &top)
      } else {
        try collectRefined(
          Int(to - from), from: from, terms: essential..<terms.count, least: least, scorer: &scorer, ranks: ranks, top: &top,
          index: index)
      }
      if top.count >= k, top.minimum == .leastNonzeroMagnitude || top.count - k > k / 4 { grd_topk_settle(&top) }
      from = to
    }
    grd_topk_settle(&top)
    grd_hits_sort(top.hits, top.spare, top.count)
    return UnsafeBufferPointer(start: hits, count: top.count)
  }

  /// Scores of documents that ascend, zeros where a document holds no term of the query.
  func score(
    _ documents: [UInt32], _ terms: [ResolvedTerm], in index: InvertedIndex, scorer: inout grd_bm25
  ) throws -> [Double] {
    var result = [Double](repeating: 0, count: documents.count)
    try open(terms, in: index, scorer: &scorer)
    for term in terms.indices {
      try check(grd_cursor_refine(cursors + term, &scorer, 0, documents, &result, documents.count), index)
    }
    return result
  }

  /// Occurrences of each term in one document.
  func termFrequencies(
    _ doc: UInt32, _ terms: [ResolvedTerm], in index: InvertedIndex, scorer: inout grd_bm25
  ) throws -> [UInt32] {
    try open(terms, in: index, scorer: &scorer)
    return try terms.indices.map { term in
      var tf: UInt32 = 0
      try check(grd_cursor_tf(cursors + term, doc, &tf), index)
      return tf
    }
  }

  private func open(_ terms: [ResolvedTerm], in index: InvertedIndex, scorer: inout grd_bm25) throws {
    if terms.count > cursorCapacity {
      cursors.deallocate()
      cursorCapacity = terms.count
      cursors = .allocate(capacity: cursorCapacity)
    }
    for (number, term) in terms.enumerated() {
      try index.open(cursors + number, at: term.entry, weight: term.weight, scorer: &scorer)
    }
  }

  /// How many terms, from the heaviest, a document of the window needs one of to reach `least`; fills `bounds` and `postings`.
  private func essentialCount(_ count: Int, scorer: inout grd_bm25, from: UInt32, to: UInt32, least: Double) -> Int {
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

  /// Offers all scores of a window.
  private func collectAll(_ count: Int, from: UInt32, ranks: UnsafePointer<UInt32>, top: inout grd_topk) {
    for start in stride(from: 0, to: count, by: Self.stretch) {
      let length = min(Self.stretch, count - start)
      let found = grd_take_scores(scores + start, length, top.minimum, offsets, values)
      grd_topk_push(&top, from + UInt32(start), offsets, values, found, ranks)
    }
  }

  /// Completes scores that may still reach the k-th, with the light terms that have not been read.
  private func collectRefined(
    _ count: Int, from: UInt32, terms: Range<Int>, least: Double, scorer: inout grd_bm25, ranks: UnsafePointer<UInt32>,
    top: inout grd_topk, index: InvertedIndex
  ) throws {
    let worthwhile = max(least - bounds[terms.lowerBound], .leastNonzeroMagnitude)
    var found = grd_take_scores(scores, count, worthwhile, offsets, values)
    let remaining = postings[terms].reduce(0, +)
    if found * Self.lookupCost * terms.count < remaining {
      for term in terms {
        var kept = 0
        for place in 0..<found {
          offsets[kept] = offsets[place]
          values[kept] = values[place]
          kept += values[place] + bounds[term] >= least ? 1 : 0
        }
        found = kept
        if found == 0 { return }
        try check(grd_cursor_refine(cursors + term, &scorer, from, offsets, values, found), index)
      }
    } else {
      // Too many to look up: score all postings, and read out only these documents.
      for place in 0..<found { scores[Int(offsets[place])] = values[place] }
      for term in terms { try check(grd_cursor_accumulate(cursors + term, &scorer, from, from + UInt32(count), scores), index) }
      for place in 0..<found { values[place] = scores[Int(offsets[place])] }
      scores.update(repeating: 0, count: count)
    }
    grd_topk_push(&top, from, offsets, values, found, ranks)
  }

  /// Room for hits and as much again to sort them in.
  private func reserveHits(_ count: Int) {
    guard 2 * count > hitCapacity else { return }
    hits.deallocate()
    hitCapacity = 2 * count
    hits = .allocate(capacity: hitCapacity)
  }

  private func check(_ status: grd_postings_status, _ index: InvertedIndex) throws {
    guard status == GRD_POSTINGS_OK else { throw index.postingsDamage }
  }
}
