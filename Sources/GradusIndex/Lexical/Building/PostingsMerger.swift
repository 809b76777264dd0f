/// Merges runs: each term once, in byte order, with its postings by ascending document.
///
/// What comes out depends on the documents alone, not on how they were spread over the runs.
struct PostingsMerger {
  /// A binary heap: the run with the smallest term at the top.
  private var heap: [any PostingsRun] = []
  private var term: [UInt8] = []
  private var postings: [UInt64] = []

  init(_ runs: [any PostingsRun]) {
    heap = runs.filter { $0.term != nil }
    for place in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(place) }
  }

  /// Calls `body` for each term, with postings as document number and, in the low 32 bits, tf.
  mutating func forEach(
    _ body: (_ term: UnsafeBufferPointer<UInt8>, _ postings: UnsafeBufferPointer<UInt64>) throws -> Void
  ) throws {
    while let first = heap.first?.term {
      term.removeAll(keepingCapacity: true)
      term.append(contentsOf: first)
      postings.removeAll(keepingCapacity: true)
      var sources = 0
      while let top = heap.first, let next = top.term, term.withUnsafeBufferPointer({ bytesAreEqual($0, next) }) {
        top.takePostings(into: &postings)
        sources += 1
        if top.term == nil {
          heap[0] = heap[heap.count - 1]
          heap.removeLast()
        }
        siftDown(0)
      }
      if sources > 1 { postings.sort() }
      try term.withUnsafeBufferPointer { term in
        try postings.withUnsafeBufferPointer { postings in try body(term, postings) }
      }
    }
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
