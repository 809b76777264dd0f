import CGradusKernels
import GradusCore
import GradusText

/// Working memory of one search at a time, and the search itself: documents in windows, terms one after the other within
/// a window.
///
/// Contributions are added in one fixed order, from the heaviest term down, and the part of the document's length last.
/// MaxScore leaves out terms only from the light end, so a pruned score is the very sum that an exhaustive search computes,
/// bit for bit.
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
  /// What the open cursors point to.
  private var blockBounds: [BlockBounds] = []
  /// Whether a document of the window holds a term that was read, for models whose scores may be 0 or less.
  private var marks: UnsafeMutablePointer<UInt8>?
  /// Working space of the cursors, one after the other, for models that weigh fields.
  private var fieldFrequencies: UnsafeMutablePointer<UInt32>?
  private var fieldCapacity = 0
  /// Of the query that is open.
  private var current = OpenQuery()

  private struct OpenQuery {
    /// Sum of the terms' weights, those included that the segment does not hold.
    var weight = 0.0
    /// The greatest magnitude that a sum of contributions can reach on the way.
    var magnitude = 0.0
  }

  /// Documents in a window: their scores fill 64 kB.
  private static let window = 1 << 13
  /// Documents between two looks at the k-th score while a window is read out.
  private static let stretch = 1 << 10
  /// Sums in another order than the scores' own may differ in the last bits: bounds are stretched by this part of the greatest
  /// number on the way, which is far more than rounding can make.
  private static let slack = 0x1p-40
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
    marks?.deallocate()
    fieldFrequencies?.deallocate()
  }

  /// The `k >= 1` best documents of a segment, of those in `filter` where there is one, best first; valid until the next call.
  ///
  /// - Parameters:
  ///   - filter: Of documents of the segment.
  ///   - floor: Documents with lower scores are not wanted.
  func search(
    _ query: AnalyzedQuery, in index: SegmentView, scoring: Scoring, k: Int, pruning: Pruning, filter: DocumentSet? = nil,
    floor: Double? = nil
  ) throws -> UnsafeBufferPointer<grd_hit> {
    let terms = query.lists[index.number]
    var scorer = scoring.scorer(in: index)
    try open(query, in: index, scoring: scoring, scorer: &scorer, isBounded: pruning == .blockMaxScore)
    let marks = scoring.isSigned ? signedMarks() : nil
    let capacity = 2 * k + 256
    reserveHits(capacity)
    let lowest = scoring.isSigned ? -Double.infinity : .leastNonzeroMagnitude
    var top = grd_topk(hits: hits, spare: hits + capacity, count: 0, capacity: capacity, k: k, minimum: floor ?? lowest)
    guard let ranks = index.segment.documentTable.ranks.baseAddress else { throw index.segment.postingsDamage }
    var from: UInt32 = 0
    while from < scorer.documents {
      let to = min(from + UInt32(Self.window), scorer.documents)
      if let filter, filter.isEmpty(in: Int(from)..<Int(to)) {
        from = to
        continue
      }
      // Documents of which the k best are known to have more need not be looked at.
      let isPruned = pruning == .blockMaxScore && top.minimum > lowest
      let ceiling = isPruned ? documentCeiling(scoring, scorer, from..<to) : 0
      let least = isPruned ? top.minimum - Self.slack * (abs(top.minimum) + current.magnitude) - ceiling : lowest
      var essential = terms.count
      if isPruned {
        essential = essentialCount(terms.count, scorer: &scorer, from: from, to: to, least: least)
      }
      var next = scorer.documents
      for term in 0..<essential { next = min(next, grd_cursor_candidate(cursors + term, &scorer, from)) }
      guard next < to else {
        from = essential == 0 ? to : max(to, next)
        continue
      }
      for term in 0..<essential {
        try check(grd_cursor_accumulate(cursors + term, &scorer, from, to, scores, marks), index)
      }
      if let filter { remove(Int(to - from), from: from, notIn: filter, marks: marks) }
      let window = Window(from: from, count: Int(to - from), least: least, marks: marks, ranks: ranks)
      if essential == terms.count {
        collectAll(window, scoring, scorer, top: &top)
      } else {
        try collectRefined(window, terms: essential..<terms.count, scoring, scorer: &scorer, top: &top, index: index)
      }
      if top.count >= k, top.minimum == lowest || top.count - k > k / 4 { grd_topk_settle(&top) }
      from = to
    }
    grd_topk_settle(&top)
    grd_hits_sort(top.hits, top.spare, top.count)
    return UnsafeBufferPointer(start: hits, count: top.count)
  }

  /// Scores of documents of a segment that ascend; where a document holds no term of the query, the part of its length alone.
  func score(
    _ documents: [UInt32], _ query: AnalyzedQuery, in index: SegmentView, scoring: Scoring
  ) throws -> [Double] {
    var result = [Double](repeating: 0, count: documents.count)
    var scorer = scoring.scorer(in: index)
    try open(query, in: index, scoring: scoring, scorer: &scorer, isBounded: false)
    for term in query.lists[index.number].indices {
      try check(grd_cursor_refine(cursors + term, &scorer, 0, documents, &result, documents.count), index)
    }
    for (place, document) in documents.enumerated() {
      result[place] += scoring.documentPart(length: scorer.lengths[Int(document)], queryWeight: current.weight)
    }
    return result
  }

  /// Occurrences of each term of a query in one document of a segment, and for models that weigh fields in each of the fields.
  func termFrequencies(
    _ doc: UInt32, _ query: AnalyzedQuery, in index: SegmentView, scoring: Scoring
  ) throws -> [(tf: UInt32, fields: [UInt32])] {
    var scorer = scoring.scorer(in: index)
    try open(query, in: index, scoring: scoring, scorer: &scorer, isBounded: false)
    let fieldCount = scorer.fields.count
    var frequencies = [(tf: UInt32, fields: [UInt32])](
      repeating: (0, [UInt32](repeating: 0, count: fieldCount)), count: query.terms.count)
    for (number, term) in query.lists[index.number].enumerated() {
      try check(grd_cursor_tf(cursors + number, doc, &frequencies[term.place].tf), index)
      guard fieldCount > 0, frequencies[term.place].tf > 0, let rows = cursors[number].field_tfs else { continue }
      try check(grd_cursor_decode_fields(cursors + number, fieldCount), index)
      let place = cursors[number].position
      for field in 0..<fieldCount { frequencies[term.place].fields[field] = rows[field * Int(GRD_BLOCK) + place] }
    }
    return frequencies
  }

  /// Puts a cursor at the start of each list of a segment.
  private func open(
    _ query: AnalyzedQuery, in index: SegmentView, scoring: Scoring, scorer: inout grd_scorer, isBounded: Bool
  ) throws {
    let terms = query.lists[index.number]
    if terms.count > cursorCapacity {
      cursors.deallocate()
      cursorCapacity = terms.count
      cursors = .allocate(capacity: cursorCapacity)
    }
    current = OpenQuery(weight: query.weight)
    blockBounds.removeAll(keepingCapacity: true)
    let needsBounds = isBounded && !scoring.formula.isMonotone
    let key = needsBounds ? scoring.model.description : ""
    let segment = index.segment
    reserveFieldFrequencies(scoring.usesFields ? terms.count * (segment.fields?.bufferCount ?? 0) : 0)
    for (number, list) in terms.enumerated() {
      var constants = scoring.term(list.term, queryWeight: list.term.queryWeight)
      if needsBounds {
        func read() throws -> BlockBounds {
          let unit = scoring.term(list.term, queryWeight: 1)
          try open(number, list, in: segment, term: unit, scorer: &scorer)
          return try BlockBounds(cursors + number, scorer: &scorer, in: segment)
        }
        let bounds =
          list.phrase == nil
          ? try index.blockBounds.bounds(model: key, list: list.entry.textOffset, make: read) : try read()
        blockBounds.append(bounds)
        constants.bounds = bounds.maxima
        current.magnitude += list.term.queryWeight * bounds.magnitude
      } else if isBounded, scoring.isSigned {
        // Nothing exceeds what the most frequent term of the shortest document has.
        current.magnitude += abs(grd_contribution(&scorer, &constants, constants.largest_tf, 1))
      }
      try open(number, list, in: segment, term: constants, scorer: &scorer)
    }
    if isBounded, scoring.formula.documentSmoothing != nil {
      current.magnitude -= scoring.documentPart(length: segment.longestLength, queryWeight: current.weight)
    }
  }

  /// Puts a cursor at the start of a list.
  private func open(
    _ number: Int, _ list: ResolvedTerm, in segment: LexicalSegment, term: grd_term, scorer: inout grd_scorer
  ) throws {
    try segment.open(cursors + number, at: list.entry, phrase: list.phrase, term: term, scorer: &scorer)
    guard scorer.fields.count > 0, let fields = segment.fields, let buffer = fieldFrequencies, let term = list.number else {
      return
    }
    try fields.attach(to: cursors + number, term: term, buffer: buffer + number * fields.bufferCount)
  }

  /// The greatest part that a document's length can have in a window.
  private func documentCeiling(_ scoring: Scoring, _ scorer: grd_scorer, _ window: Range<UInt32>) -> Double {
    guard scoring.formula.documentSmoothing != nil else { return 0 }
    var shortest = UInt32.max
    for doc in window { shortest = min(shortest, scorer.lengths[Int(doc)]) }
    return scoring.documentPart(length: shortest, queryWeight: current.weight)
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

  /// How many terms, from the heaviest, a document of the window needs one of to reach `least`; fills `bounds` and `postings`.
  private func essentialCount(_ count: Int, scorer: inout grd_scorer, from: UInt32, to: UInt32, least: Double) -> Int {
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

  /// Documents that are scored together.
  private struct Window {
    let from: UInt32
    let count: Int
    /// Sums of contributions below it cannot become one of the k best.
    let least: Double
    let marks: UnsafeMutablePointer<UInt8>?
    let ranks: UnsafePointer<UInt32>
  }

  /// Lists the scores of at least `minimum` in `offsets` and `values` and empties the window.
  private func take(_ window: Window, start: Int, count: Int, minimum: Double) -> Int {
    if let marks = window.marks {
      return grd_take_marked(scores + start, marks + start, count, minimum, offsets, values)
    }
    return grd_take_scores(scores + start, count, minimum, offsets, values)
  }

  /// Adds the parts that depend on lengths to `values` and offers them.
  private func push(_ count: Int, from: UInt32, _ window: Window, _ scoring: Scoring, _ scorer: grd_scorer, top: inout grd_topk) {
    if scoring.formula.documentSmoothing != nil {
      for place in 0..<count {
        values[place] += scoring.documentPart(
          length: scorer.lengths[Int(from + offsets[place])], queryWeight: current.weight)
      }
    }
    grd_topk_push(&top, from, offsets, values, count, window.ranks)
  }

  /// Offers all scores of a window.
  private func collectAll(_ window: Window, _ scoring: Scoring, _ scorer: grd_scorer, top: inout grd_topk) {
    for start in stride(from: 0, to: window.count, by: Self.stretch) {
      let length = min(Self.stretch, window.count - start)
      let found = take(window, start: start, count: length, minimum: window.marks == nil ? top.minimum : window.least)
      push(found, from: window.from + UInt32(start), window, scoring, scorer, top: &top)
    }
  }

  /// Completes scores that may still reach the k-th, with the light terms that have not been read.
  private func collectRefined(
    _ window: Window, terms: Range<Int>, _ scoring: Scoring, scorer: inout grd_scorer, top: inout grd_topk,
    index: SegmentView
  ) throws {
    let from = window.from, count = window.count, least = window.least
    let worthwhile = least - bounds[terms.lowerBound]
    var found = take(
      window, start: 0, count: count, minimum: window.marks == nil ? max(worthwhile, .leastNonzeroMagnitude) : worthwhile)
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
      for term in terms {
        try check(grd_cursor_accumulate(cursors + term, &scorer, from, from + UInt32(count), scores, nil), index)
      }
      for place in 0..<found { values[place] = scores[Int(offsets[place])] }
      scores.update(repeating: 0, count: count)
    }
    push(found, from: from, window, scoring, scorer, top: &top)
  }

  /// Room for hits and as much again to sort them in.
  private func reserveHits(_ count: Int) {
    guard 2 * count > hitCapacity else { return }
    hits.deallocate()
    hitCapacity = 2 * count
    hits = .allocate(capacity: hitCapacity)
  }

  private func reserveFieldFrequencies(_ count: Int) {
    guard count > fieldCapacity else { return }
    fieldFrequencies?.deallocate()
    fieldCapacity = count
    fieldFrequencies = .allocate(capacity: count)
  }

  private func check(_ status: grd_postings_status, _ index: SegmentView) throws {
    guard status == GRD_POSTINGS_OK else { throw index.segment.damage(status) }
  }
}
