import GradusCore

/// Splits parts of the documents into halves that share few terms.
final class PartitionSplitter: @unchecked Sendable {
  // Unchecked: `gains` has a place for each document, and a document is in one part only.

  private let index: ForwardIndex
  private let iterations: Int
  private let logarithms: BinaryLogarithms
  /// By document: bits that are saved if it changes sides.
  private let gains: UnsafeMutablePointer<Double>

  /// Documents whose gains a thread adds up at a time.
  private static let grain = 512

  init(_ index: ForwardIndex, iterations: Int) {
    self.index = index
    self.iterations = iterations
    // One more than all documents of a half is looked up where a document joins it.
    logarithms = BinaryLogarithms(greatest: index.documents + 2)
    gains = .allocate(capacity: index.documents)
    gains.initialize(repeating: 0, count: index.documents)
  }

  deinit { gains.deallocate() }

  /// Documents of the left half.
  static func leftCount(of documents: Int) -> Int { documents / 2 }

  /// Puts the documents of the left half first, each half in any order.
  func split(_ documents: UnsafeMutableBufferPointer<UInt32>, _ degrees: TermDegrees) {
    let middle = Self.leftCount(of: documents.count)
    let left = UnsafeMutableBufferPointer(rebasing: documents[..<middle])
    let right = UnsafeMutableBufferPointer(rebasing: documents[middle...])
    for _ in 0..<max(0, iterations) {
      degrees.count(left: left, right: right, in: index, logarithms)
      addGains(left, degrees, from: .left)
      addGains(right, degrees, from: .right)
      for var half in [left, right] {
        half.sort { first, second in
          let (one, other) = (gains[Int(first)], gains[Int(second)])
          return one != other ? one > other : first < second
        }
      }
      var pair = 0
      while pair < left.count, pair < right.count, gains[Int(left[pair])] + gains[Int(right[pair])] > 0 {
        (left[pair], right[pair]) = (right[pair], left[pair])
        pair += 1
      }
      if pair == 0 { return }
    }
  }

  private func addGains(
    _ documents: UnsafeMutableBufferPointer<UInt32>, _ degrees: TermDegrees, from side: TermDegrees.Side
  ) {
    WorkerPool.shared.forEachRange(count: documents.count, grain: Self.grain) { range in
      for place in range { gains[Int(documents[place])] = degrees.gain(index.terms(of: documents[place]), from: side) }
    }
  }
}
