import CGradusKernels
import GradusCore

/// Finds the best documents of several posting lists: documents in windows, lists one after the other within a window.
///
/// The same for every index of postings: what a posting contributes, a model's formula of term frequency and length or a
/// quantised weight, is the kernels' affair, which look at the formula once for each block of 128 postings.
///
/// Contributions are added in one fixed order, from the first list to the last, and the part of the document's length at the
/// end. MaxScore leaves lists out only from the end, so a pruned score is the very sum that an exhaustive search computes, bit
/// for bit.
///
/// Working memory of one search at a time: ``reserve(_:)``, open the cursors, then one of the other methods.
final class ListEvaluator: @unchecked Sendable {
  // Unchecked: an index lends it to one call at a time, under a lock.

  private let scores: UnsafeMutablePointer<Double>
  private let values: UnsafeMutablePointer<Double>
  private let offsets: UnsafeMutablePointer<UInt32>
  private var cursors: UnsafeMutablePointer<grd_cursor>
  private var cursorCapacity = 16
  private var hits: UnsafeMutablePointer<grd_hit>
  private var hitCapacity = 1 << 10
  /// Per list, what it and those after it can add to a score of the window, and a 0 at the end; and its postings there at most.
  private var bounds: UnsafeMutablePointer<Double>
  private var postings: UnsafeMutablePointer<Int>
  /// Whether a document of the window holds a term that was read, for models whose scores may be 0 or less.
  private var marks: UnsafeMutablePointer<UInt8>?

  /// Documents in a window: their scores fill 64 kB.
  private static let window = 1 << 13
  /// Documents between two looks at the k-th score while a window is read out.
  private static let stretch = 1 << 10
  /// Sums in another order than the scores' own may differ in the last bits: bounds are stretched by this part of the greatest
  /// number on the way, which is far more than rounding can make.
  private static let slack = 0x1p-40
  /// Looking up one document in a list costs as much as scoring so many postings in a row.
  private static let lookupCost = 6

  init() {
    scores = .allocate(capacity: Self.window)
    scores.initialize(repeating: 0, count: Self.window)
    values = .allocate(capacity: Self.window + 8)
    offsets = .allocate(capacity: Self.window + 8)
    cursors = .allocate(capacity: cursorCapacity)
    bounds = .allocate(capacity: cursorCapacity + 1)
    postings = .allocate(capacity: cursorCapacity)
    hits = .allocate(capacity: hitCapacity)
  }

  deinit {
    scores.deallocate()
    values.deallocate()
    offsets.deallocate()
    cursors.deallocate()
    bounds.deallocate()
    postings.deallocate()
    hits.deallocate()
    marks?.deallocate()
  }

  /// Room for the cursors of a query's lists, which the caller opens.
  func reserve(_ lists: Int) -> UnsafeMutablePointer<grd_cursor> {
    if lists > cursorCapacity {
      cursors.deallocate()
      bounds.deallocate()
      postings.deallocate()
      cursorCapacity = lists
      cursors = .allocate(capacity: cursorCapacity)
      bounds = .allocate(capacity: cursorCapacity + 1)
      postings = .allocate(capacity: cursorCapacity)
    }
    return cursors
  }

  /// The `k >= 1` best documents, of those in `filter` where there is one, best first; valid until the next call.
  ///
  /// - Parameters:
  ///   - lists: Whose cursors are at their starts.
  ///   - floor: Documents with lower scores are not wanted.
  func best(
    _ k: Int, of lists: inout OpenLists, pruning: Pruning, filter: DocumentSet? = nil, floor: Double? = nil
  ) throws -> UnsafeBufferPointer<grd_hit> {
    let documents = lists.scorer.documents
    let marks = lists.isSigned ? signedMarks() : nil
    let capacity = 2 * k + 256
    reserveHits(capacity)
    let lowest = lists.isSigned ? -Double.infinity : .leastNonzeroMagnitude
    var top = grd_topk(hits: hits, spare: hits + capacity, count: 0, capacity: capacity, k: k, minimum: floor ?? lowest)
    guard let ranks = lists.ranks.baseAddress, let lengths = lists.scorer.lengths else { throw lists.source.damage }
    var from: UInt32 = 0
    while from < documents {
      let to = min(from + UInt32(Self.window), documents)
      if let filter, filter.isEmpty(in: Int(from)..<Int(to)) {
        from = to
        continue
      }
      // Documents of which the k best are known to have more need not be looked at.
      let isPruned = pruning == .blockMaxScore && top.minimum > lowest
      let ceiling = isPruned ? lengthCeiling(lists, from..<to) : 0
      let least = isPruned ? top.minimum - Self.slack * (abs(top.minimum) + lists.magnitude) - ceiling : lowest
      var essential = lists.count
      if isPruned {
        essential = essentialCount(lists.count, scorer: &lists.scorer, from: from, to: to, least: least)
      }
      var next = documents
      for list in 0..<essential { next = min(next, grd_cursor_candidate(cursors + list, &lists.scorer, from)) }
      guard next < to else {
        from = essential == 0 ? to : max(to, next)
        continue
      }
      for list in 0..<essential {
        try check(grd_cursor_accumulate(cursors + list, &lists.scorer, from, to, scores, marks), lists.source)
      }
      if let filter { remove(Int(to - from), from: from, notIn: filter, marks: marks) }
      if top.count == 0, essential == lists.count, lists.isPositive {
        // Where no hit has been seen yet, a look at the scores saves most of them from becoming one.
        _ = grd_topk_expect(&top, scores, Int(to - from))
      }
      let window = Window(
        from: from, count: Int(to - from), least: least, marks: marks, ranks: ranks, lengths: lengths,
        lengthPart: lists.lengthPart)
      if essential == lists.count {
        collectAll(window, top: &top)
      } else {
        try collectRefined(
          window, lists: essential..<lists.count, scorer: &lists.scorer, top: &top, source: lists.source)
      }
      if top.count >= k, top.minimum == lowest || top.count - k > k / 4 { grd_topk_settle(&top) }
      from = to
    }
    grd_topk_settle(&top)
    grd_hits_sort(top.hits, top.spare, top.count)
    return UnsafeBufferPointer(start: hits, count: top.count)
  }

  /// Scores of documents that ascend; where a document is in no list, the part of its length alone.
  func scores(of documents: [UInt32], in lists: inout OpenLists) throws -> [Double] {
    var result = [Double](repeating: 0, count: documents.count)
    for list in 0..<lists.count {
      try check(grd_cursor_refine(cursors + list, &lists.scorer, 0, documents, &result, documents.count), lists.source)
    }
    if let part = lists.lengthPart {
      for (place, document) in documents.enumerated() {
        result[place] += part.value(length: lists.scorer.lengths[Int(document)])
      }
    }
    return result
  }

  /// What stands in a list for one document: occurrences, for models that weigh fields those in each of them too, or a quantised
  /// weight; 0 where the document is not there. To be asked for once for each of the open lists.
  func frequency(in document: UInt32, list: Int, of lists: OpenLists) throws -> (tf: UInt32, fields: [UInt32]) {
    let cursor = cursors + list
    let fieldCount = lists.scorer.fields.count
    var tf: UInt32 = 0
    var fields = [UInt32](repeating: 0, count: fieldCount)
    try check(grd_cursor_tf(cursor, document, &tf), lists.source)
    if fieldCount > 0, tf > 0, let rows = cursor.pointee.field_tfs {
      try check(grd_cursor_decode_fields(cursor, fieldCount), lists.source)
      let place = cursor.pointee.position
      for field in 0..<fieldCount { fields[field] = rows[field * Int(GRD_BLOCK) + place] }
    }
    return (tf, fields)
  }

  /// The greatest part that a document's length can have in a window.
  private func lengthCeiling(_ lists: OpenLists, _ window: Range<UInt32>) -> Double {
    guard let part = lists.lengthPart, let lengths = lists.scorer.lengths else { return 0 }
    var shortest = UInt32.max
    for doc in window { shortest = min(shortest, lengths[Int(doc)]) }
    return part.value(length: shortest)
  }

  /// Empties the places of documents that are not in a set.
  private func remove(_ count: Int, from: UInt32, notIn filter: DocumentSet, marks: UnsafeMutablePointer<UInt8>?) {
    for start in stride(from: 0, to: count, by: 64) {
      let bits = filter.bits(from: Int(from) + start)
      if bits == .max { continue }
      for place in start..<min(start + 64, count) where bits >> UInt64(place - start) & 1 == 0 {
        scores[place] = 0
        marks?[place] = 0
      }
    }
  }

  private func signedMarks() -> UnsafeMutablePointer<UInt8> {
    if let marks { return marks }
    let new = UnsafeMutablePointer<UInt8>.allocate(capacity: Self.window)
    new.initialize(repeating: 0, count: Self.window)
    marks = new
    return new
  }

  /// How many lists, from the first, a document of the window needs one of to reach `least`; fills `bounds` and `postings`.
  private func essentialCount(_ count: Int, scorer: inout grd_scorer, from: UInt32, to: UInt32, least: Double) -> Int {
    sumBounds(count, scorer: &scorer, from: from, to: to)
    var essential = count
    while essential > 0, bounds[essential - 1] < least { essential -= 1 }
    // Where there is little to leave out, leaving it out costs more than it saves.
    return essential > 0 && sumOfPostings(essential..<count) < Int(to - from) / 2 ? count : essential
  }

  /// Fills `bounds` and `postings`.
  private func sumBounds(_ count: Int, scorer: inout grd_scorer, from: UInt32, to: UInt32) {
    var sum = 0.0
    bounds[count] = 0
    for list in stride(from: count - 1, through: 0, by: -1) {
      sum += grd_cursor_bound(cursors + list, &scorer, from, to, postings + list)
      bounds[list] = sum
    }
  }

  private func sumOfPostings(_ lists: Range<Int>) -> Int { lists.reduce(0) { $0 + postings[$1] } }

  /// Documents that are scored together.
  private struct Window {
    let from: UInt32
    let count: Int
    /// Sums of contributions below it cannot become one of the k best.
    let least: Double
    let marks: UnsafeMutablePointer<UInt8>?
    let ranks: UnsafePointer<UInt32>
    let lengths: UnsafePointer<UInt32>
    let lengthPart: LengthPart?
  }

  /// Lists the scores of at least `minimum` in `offsets` and `values` and empties the window.
  private func take(_ window: Window, start: Int, count: Int, minimum: Double) -> Int {
    if let marks = window.marks {
      return grd_take_marked(scores + start, marks + start, count, minimum, offsets, values)
    }
    return grd_take_scores(scores + start, count, minimum, offsets, values)
  }

  /// Adds the parts that depend on lengths to `values` and offers them.
  private func push(_ count: Int, from: UInt32, _ window: Window, top: inout grd_topk) {
    if let part = window.lengthPart {
      for place in 0..<count { values[place] += part.value(length: window.lengths[Int(from + offsets[place])]) }
    }
    grd_topk_push(&top, from, offsets, values, count, window.ranks)
  }

  /// Offers all scores of a window.
  private func collectAll(_ window: Window, top: inout grd_topk) {
    for start in stride(from: 0, to: window.count, by: Self.stretch) {
      let length = min(Self.stretch, window.count - start)
      let found = take(window, start: start, count: length, minimum: window.marks == nil ? top.minimum : window.least)
      push(found, from: window.from + UInt32(start), window, top: &top)
    }
  }

  /// Completes scores that may still reach the k-th, with the last lists, which have not been read.
  private func collectRefined(
    _ window: Window, lists: Range<Int>, scorer: inout grd_scorer, top: inout grd_topk, source: PostingLists
  ) throws {
    let from = window.from, count = window.count, least = window.least
    let worthwhile = least - bounds[lists.lowerBound]
    var found = take(
      window, start: 0, count: count, minimum: window.marks == nil ? max(worthwhile, .leastNonzeroMagnitude) : worthwhile)
    let remaining = sumOfPostings(lists)
    if found * Self.lookupCost * lists.count < remaining {
      for list in lists where found > 0 {
        try check(
          grd_cursor_refine_best(cursors + list, &scorer, from, offsets, values, &found, bounds[list + 1], least), source)
      }
    } else {
      // Too many to look up: score all postings, and read out only these documents.
      for place in 0..<found { scores[Int(offsets[place])] = values[place] }
      for list in lists {
        try check(grd_cursor_accumulate(cursors + list, &scorer, from, from + UInt32(count), scores, nil), source)
      }
      for place in 0..<found { values[place] = scores[Int(offsets[place])] }
      scores.update(repeating: 0, count: count)
    }
    push(found, from: from, window, top: &top)
  }

  /// Room for hits and as much again to sort them in.
  private func reserveHits(_ count: Int) {
    guard 2 * count > hitCapacity else { return }
    hits.deallocate()
    hitCapacity = 2 * count
    hits = .allocate(capacity: hitCapacity)
  }

  private func check(_ status: grd_postings_status, _ source: PostingLists) throws {
    guard status == GRD_POSTINGS_OK else { throw source.damage(status) }
  }
}
