/// For one partition at a time: how many documents of its halves hold each term, and what one more or less changes.
final class TermDegrees {
  struct Term {
    /// Documents of the left and of the right half.
    var left: UInt32 = 0
    var right: UInt32 = 0
    /// Bits that a document saves by taking the term to the right half, or to the left one.
    var gainToRight = 0.0
    var gainToLeft = 0.0
  }

  private let terms: UnsafeMutablePointer<Term>
  /// Terms that are held.
  private var held: [UInt32] = []

  init(terms count: Int) {
    terms = .allocate(capacity: count)
    terms.initialize(repeating: Term(), count: count)
  }

  deinit { terms.deallocate() }

  /// Where a document stands before it changes sides.
  enum Side {
    case left, right
  }

  /// Bits that a document of some terms saves by changing sides.
  func gain(_ terms: UnsafeBufferPointer<UInt32>, from side: Side) -> Double {
    var sum = 0.0
    switch side {
    case .left: for term in terms { sum += self.terms[Int(term)].gainToRight }
    case .right: for term in terms { sum += self.terms[Int(term)].gainToLeft }
    }
    return sum
  }

  /// Counts the terms of the halves of a partition and what exchanges would gain.
  func count(
    left: UnsafeMutableBufferPointer<UInt32>, right: UnsafeMutableBufferPointer<UInt32>, in index: ForwardIndex,
    _ logarithms: BinaryLogarithms
  ) {
    reset()
    for doc in left {
      for term in index.terms(of: doc) {
        if terms[Int(term)].left == 0 { held.append(term) }
        terms[Int(term)].left += 1
      }
    }
    for doc in right {
      for term in index.terms(of: doc) {
        if terms[Int(term)].left == 0, terms[Int(term)].right == 0 { held.append(term) }
        terms[Int(term)].right += 1
      }
    }
    for term in held {
      let (here, there) = (Int(terms[Int(term)].left), Int(terms[Int(term)].right))
      let now = logarithms.bits(here, of: left.count) + logarithms.bits(there, of: right.count)
      if here > 0 {
        terms[Int(term)].gainToRight =
          now - (logarithms.bits(here - 1, of: left.count) + logarithms.bits(there + 1, of: right.count))
      }
      if there > 0 {
        terms[Int(term)].gainToLeft =
          now - (logarithms.bits(here + 1, of: left.count) + logarithms.bits(there - 1, of: right.count))
      }
    }
  }

  private func reset() {
    for term in held { terms[Int(term)] = Term() }
    held.removeAll(keepingCapacity: true)
  }
}
