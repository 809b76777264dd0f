/// Merges runs: each term once, in byte order, with its postings by ascending document.
///
/// What comes out depends on the documents alone, not on how they were spread over the runs.
struct PostingsMerger {
  /// A binary heap: the run with the smallest term at the top.
  private var heap: [any PostingsRun] = []
  private var term: [UInt8] = []
  private var postings: [UInt64] = []
  private var gaps: [UInt32] = []
  private var fields: [UInt32] = []
  /// Nil where documents keep their numbers.
  private let numbers: [UInt32]?

  /// - Parameter numbers: By document of the runs, the number that it gets.
  init(_ runs: [any PostingsRun], numbers: [UInt32]? = nil) {
    self.numbers = numbers
    heap = runs.filter { $0.term != nil }
    for place in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(place) }
  }

  /// Calls `body` for each term, with postings as document number and, in the low 32 bits, tf, and with the gaps between its
  /// positions, as many as the sum of the tfs, where positions are held, and its frequencies in the fields but the text, as many
  /// for each posting, where fields are held.
  mutating func forEach(
    _ body: (
      _ term: UnsafeBufferPointer<UInt8>, _ postings: UnsafeBufferPointer<UInt64>, _ gaps: UnsafeBufferPointer<UInt32>,
      _ fields: UnsafeBufferPointer<UInt32>
    ) throws -> Void
  ) throws {
    while let first = heap.first?.term {
      term.removeAll(keepingCapacity: true)
      term.append(contentsOf: first)
      postings.removeAll(keepingCapacity: true)
      gaps.removeAll(keepingCapacity: true)
      fields.removeAll(keepingCapacity: true)
      var sources = 0
      while let top = heap.first, let next = top.term, term.withUnsafeBufferPointer({ bytesAreEqual($0, next) }) {
        try top.takePostings(into: &postings, gaps: &gaps, fields: &fields)
        sources += 1
        if top.term == nil {
          heap[0] = heap[heap.count - 1]
          heap.removeLast()
        }
        siftDown(0)
      }
      if let numbers {
        for place in postings.indices {
          postings[place] = UInt64(numbers[Int(postings[place] >> 32)]) << 32 | postings[place] & 0xFFFF_FFFF
        }
      }
      if sources > 1 || numbers != nil { sort() }
      try term.withUnsafeBufferPointer { term in
        try postings.withUnsafeBufferPointer { postings in
          try gaps.withUnsafeBufferPointer { gaps in
            try fields.withUnsafeBufferPointer { fields in try body(term, postings, gaps, fields) }
          }
        }
      }
    }
  }

  /// Puts the postings of several runs in order, each with its gaps and frequencies in fields.
  private mutating func sort() {
    guard !gaps.isEmpty || !fields.isEmpty else { return postings.sort() }
    let fieldCount = fields.count / postings.count
    var start = 0
    var places: [(posting: UInt64, start: Int, number: Int)] = []
    places.reserveCapacity(postings.count)
    for (number, posting) in postings.enumerated() {
      places.append((posting, start, number))
      start += gaps.isEmpty ? 0 : Int(posting & 0xFFFF_FFFF)
    }
    places.sort { $0.posting < $1.posting }
    var orderedGaps: [UInt32] = []
    var orderedFields: [UInt32] = []
    orderedGaps.reserveCapacity(gaps.count)
    orderedFields.reserveCapacity(fields.count)
    for (number, place) in places.enumerated() {
      postings[number] = place.posting
      if !gaps.isEmpty {
        orderedGaps.append(contentsOf: gaps[place.start..<place.start + Int(place.posting & 0xFFFF_FFFF)])
      }
      orderedFields.append(contentsOf: fields[place.number * fieldCount..<(place.number + 1) * fieldCount])
    }
    gaps = orderedGaps
    fields = orderedFields
  }

  private mutating func siftDown(_ start: Int) {
    var root = start
    while 2 * root + 1 < heap.count {
      var child = 2 * root + 1
      if child + 1 < heap.count, precedes(heap[child + 1], heap[child]) { child += 1 }
      guard precedes(heap[child], heap[root]) else { return }
      heap.swapAt(root, child)
      root = child
    }
  }

  private func precedes(_ first: any PostingsRun, _ second: any PostingsRun) -> Bool {
    guard let left = first.term, let right = second.term else { return first.term != nil }
    return compareBytes(left, right) < 0
  }
}
