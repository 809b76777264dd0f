import GradusCore
import Synchronization

/// Recursive graph bisection: an order of the documents in which those that share terms are neighbours, so that the gaps in
/// posting lists are small (Dhulipala et al., KDD 2016, with the schedule of Mackenzie et al., ECIR 2019).
///
///     let builder = try IndexBuilder(directory: "idx", analyzer: .english, reordering: GraphBisection())
///
/// The documents, at first in the order in which they came, are cut into halves of n1 and n2. A term that d1 documents of the one
/// and d2 of the other hold costs about
///
///     d1 log2(n1 / (d1 + 1)) + d2 log2(n2 / (d2 + 1))
///
/// bits, and what a document gains by changing sides is the sum over its terms of what that takes from their costs. The
/// documents of each half are sorted by their gains, and the first of both change places, then the second, and so on while a pair
/// gains anything; this is done again until no pair does. Then each half is cut in the same way. Documents of a part that is too
/// small to be cut stay in the order in which they came.
///
/// Gains are sums in a fixed order, and among equal ones the earlier document comes first: the order depends on the documents
/// and these options alone, not on the number of threads.
///
/// Blocks of 128 postings take advantage of smaller gaps as far as the few wide ones, from group to group, can be kept apart: as
/// exceptions, or in their groups of 16 (`grd_encode_values`). On SciFact (5183 documents) the mean of log2 of the gaps falls from
/// 4.18 to 3.57 bits, the blocks of postings shrink by 2.7 % and the packed texts by 3 %; on Vaswani (11,429) the blocks shrink by
/// 5.4 %.
///
/// Memory: at most ``largestForwardIndexBytes`` for the documents' terms, 36 bytes per document, and 28 bytes per term and
/// thread; terms of one document do not count. Time: O(``iterations`` × postings × log documents).
public struct GraphBisection: Sendable, Equatable {
  /// Rounds of exchanges for each cut, at most.
  public var iterations: Int
  /// Parts of so many documents are not cut; at least 1.
  public var smallestPartition: Int
  /// For the numbers of the documents' terms, 4 bytes each. Beyond it the commonest terms take no part: they take the most
  /// memory, and say the least about what belongs together.
  public var largestForwardIndexBytes: Int

  public init(iterations: Int = 20, smallestPartition: Int = 16, largestForwardIndexBytes: Int = 1 << 30) {
    self.iterations = iterations
    self.smallestPartition = smallestPartition
    self.largestForwardIndexBytes = largestForwardIndexBytes
  }

  /// The documents in their new order.
  ///
  /// - Parameter threads: At most as many as `WorkerPool.shared` has take part.
  func order(of index: ForwardIndex, threads: Int) -> [UInt32] {
    var order = (0..<UInt32(index.documents)).map { $0 }
    let splitter = PartitionSplitter(index, iterations: iterations)
    let scratch = (0..<max(1, threads)).map { _ in TermDegrees(terms: index.terms) }
    order.withUnsafeMutableBufferPointer { order in
      var parts = [0..<order.count]
      while !parts.isEmpty {
        for part in parts where !isSplit(part) { order[part].sort() }
        parts.removeAll { !isSplit($0) }
        let next = Atomic<Int>(0)
        // One part alone is split by all threads, of several each by one.
        WorkerPool.shared.forEach(count: min(scratch.count, parts.count)) { worker in
          while true {
            let number = next.add(1, ordering: .relaxed).oldValue
            guard number < parts.count else { return }
            splitter.split(UnsafeMutableBufferPointer(rebasing: order[parts[number]]), scratch[worker])
          }
        }
        parts = parts.flatMap { part in
          let middle = part.lowerBound + PartitionSplitter.leftCount(of: part.count)
          return [part.lowerBound..<middle, middle..<part.upperBound]
        }
      }
    }
    return order
  }

  private func isSplit(_ part: Range<Int>) -> Bool { part.count > max(1, smallestPartition) }
}
