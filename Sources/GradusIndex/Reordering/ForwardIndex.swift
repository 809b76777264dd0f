import GradusCore

/// The terms of each document, by numbers: posting lists turned round.
///
/// Terms of one document are left out, which wherever it goes cost the same, and beyond a limit the commonest.
final class ForwardIndex: @unchecked Sendable {
  // Unchecked: written in the initialiser alone.

  let documents: Int
  /// Terms that take part.
  private(set) var terms = 0
  private let numbers: UnsafeMutablePointer<UInt32>
  /// Where the terms of each document begin, and where the last end.
  private let starts: UnsafeMutablePointer<Int>

  /// - Parameters:
  ///   - largestBytes: For numbers of terms.
  ///   - forEachList: Calls its argument with each posting list, documents in the high 32 bits; always in the same order.
  init(
    documents: Int, largestBytes: Int,
    forEachList: ((UnsafeBufferPointer<UInt64>) throws -> Void) throws -> Void
  ) throws {
    self.documents = documents
    // By document frequency, the postings of all terms that have it.
    var postings = [Int](repeating: 0, count: documents + 1)
    try forEachList { list in postings[list.count] += list.count }
    let greatest = Self.greatestFrequency(postings, limit: max(0, largestBytes) / MemoryLayout<UInt32>.stride)
    let frequencies = 2..<max(2, greatest + 1)
    let count = frequencies.reduce(0) { $0 + postings[$1] }
    numbers = .allocate(capacity: count)
    starts = .allocate(capacity: documents + 2)
    starts.initialize(repeating: 0, count: documents + 2)
    try forEachList { list in
      guard frequencies.contains(list.count) else { return }
      for posting in list { starts[Int(posting >> 32) + 2] += 1 }
    }
    for doc in 0..<documents { starts[doc + 2] += starts[doc + 1] }
    // What was counted two places on is now where the next term goes, one place on; at the end it is where each begins.
    try forEachList { list in
      guard frequencies.contains(list.count) else { return }
      for posting in list {
        let doc = Int(posting >> 32)
        numbers[starts[doc + 1]] = UInt32(terms)
        starts[doc + 1] += 1
      }
      terms += 1
    }
  }

  deinit {
    numbers.deallocate()
    starts.deallocate()
  }

  /// In ascending order.
  func terms(of doc: UInt32) -> UnsafeBufferPointer<UInt32> {
    let start = starts[Int(doc)]
    return UnsafeBufferPointer(start: numbers + start, count: starts[Int(doc) + 1] - start)
  }

  /// The greatest document frequency of which, with all from 2 up to it, the postings keep to a limit.
  private static func greatestFrequency(_ postings: [Int], limit: Int) -> Int {
    var sum = 0
    for frequency in 2..<max(2, postings.count) {
      sum += postings[frequency]
      if sum > limit { return frequency - 1 }
    }
    return postings.count - 1
  }
}
