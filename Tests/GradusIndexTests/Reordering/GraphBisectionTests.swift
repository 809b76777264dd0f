import GradusCore
@testable import GradusIndex
import Testing

@Suite("Recursive graph bisection")
struct GraphBisectionTests {
  /// A forward index of posting lists given as document numbers.
  static func forwardIndex(_ lists: [[UInt64]], documents: Int, largestBytes: Int = 1 << 20) throws -> ForwardIndex {
    try ForwardIndex(documents: documents, largestBytes: largestBytes) { body in
      for list in lists { try list.map { $0 << 32 | 1 }.withUnsafeBufferPointer { try body($0) } }
    }
  }

  /// Documents 0, 1 and 3 hold terms a and b, documents 2, 4 and 5 hold c and d.
  private static let lists: [[UInt64]] = [[0, 1, 3], [0, 1, 3], [2, 4, 5], [2, 4, 5]]

  @Test("Gains of one cut, by hand")
  func gains() throws {
    let index = try Self.forwardIndex(Self.lists, documents: 6)
    let degrees = TermDegrees(terms: index.terms)
    var documents: [UInt32] = [0, 1, 2, 3, 4, 5]
    documents.withUnsafeMutableBufferPointer { documents in
      degrees.count(
        left: UnsafeMutableBufferPointer(rebasing: documents[..<3]),
        right: UnsafeMutableBufferPointer(rebasing: documents[3...]), in: index, BinaryLogarithms(greatest: 8))
    }
    // a: 2 of the left half and 1 of the right, 2 log2(3 / 3) + log2(3 / 2) = 0.585 bits. Joined by document 3 on the left:
    // 3 log2(3 / 4) = -1.245 bits. Left by document 0: as much as before, with the halves exchanged. The same of b, and of c
    // and d with the halves exchanged.
    let saved = 2 * (0.5849625007211562 + 1.2451124978365313)
    let expected = [0, 0, saved, saved, 0, 0]
    for doc in 0..<6 {
      let gain = degrees.gain(index.terms(of: UInt32(doc)), from: doc < 3 ? .left : .right)
      #expect(abs(gain - expected[doc]) < 1e-12, "document \(doc)")
    }
  }

  @Test("One bisection by hand: documents 2 and 3 change places, and then nothing does")
  func byHand() throws {
    let index = try Self.forwardIndex(Self.lists, documents: 6)
    for threads in [1, 4] {
      #expect(GraphBisection(smallestPartition: 3).order(of: index, threads: threads) == [0, 1, 3, 2, 4, 5])
    }
    // Without a round nothing moves.
    #expect(GraphBisection(iterations: 0, smallestPartition: 3).order(of: index, threads: 1) == [0, 1, 2, 3, 4, 5])
    #expect(GraphBisection(smallestPartition: 6).order(of: index, threads: 1) == [0, 1, 2, 3, 4, 5])
  }

  @Test("Logarithms of the gaps, by hand: the first gap is from before the first document")
  func gapBits() {
    func mean(_ lists: [[UInt64]]) -> Double {
      var bits = GapBits(documents: 6)
      for list in lists { list.map { $0 << 32 | 7 }.withUnsafeBufferPointer { bits.add($0) } }
      return bits.mean
    }
    // Gaps 1, 1, 2 and 3, 2, 1, each twice; in the better order 1, 1, 1 and 4, 1, 1.
    #expect(abs(mean(Self.lists) - (1 + 1.584962500721156 + 1) / 6) < 1e-12)
    #expect(mean([[0, 1, 2], [0, 1, 2], [3, 4, 5], [3, 4, 5]]) == 2.0 / 6)
    #expect(mean([]) == 0)
  }

  @Test("A forward index leaves terms of one document out, and beyond its limit the commonest")
  func forwardIndexTerms() throws {
    let lists: [[UInt64]] = [[0, 2], [1], [0, 1, 2], [1, 2], [0, 1, 2, 3]]
    func terms(_ bytes: Int) throws -> [[UInt32]] {
      let index = try Self.forwardIndex(lists, documents: 5, largestBytes: bytes)
      return (0..<5).map { Array(index.terms(of: $0)) }
    }
    #expect(try terms(1 << 20) == [[0, 1, 3], [1, 2, 3], [0, 1, 2, 3], [3], []])
    // 11 postings take 44 bytes; without the list of four, 28; without that of three, 16.
    #expect(try terms(44) == terms(1 << 20))
    #expect(try terms(43) == [[0, 1], [1, 2], [0, 1, 2], [], []])
    #expect(try terms(27) == [[0], [1], [0, 1], [], []])
    #expect(try terms(15) == [[], [], [], [], []])
    #expect(try terms(0) == terms(15))
    #expect(try Self.forwardIndex([], documents: 0).terms == 0)
  }

  /// Documents of one of several subjects in random order, each with some of the subject's words and some of all.
  static func subjects(_ documents: Int, subjects: Int, seed: UInt64) -> [[UInt64]] {
    var generator = SeededGenerator(seed: seed)
    var lists = [Set<UInt64>](repeating: [], count: 40 * subjects + 50)
    for doc in 0..<UInt64(documents) {
      let subject = generator.integer(below: subjects)
      for _ in 0..<12 { lists[40 * subject + generator.integer(below: 40)].insert(doc) }
      for _ in 0..<4 { lists[40 * subjects + generator.integer(below: 50)].insert(doc) }
    }
    return lists.map { $0.sorted() }
  }

  private func bits(_ lists: [[UInt64]], _ order: [UInt32]) -> Double {
    var places = [UInt64](repeating: 0, count: order.count)
    for (place, doc) in order.enumerated() { places[Int(doc)] = UInt64(place) }
    var bits = GapBits(documents: order.count)
    for list in lists { list.map { places[Int($0)] << 32 }.sorted().withUnsafeBufferPointer { bits.add($0) } }
    return bits.mean
  }

  @Test("Documents of a subject come together: gaps become small")
  func cost() throws {
    let lists = Self.subjects(1500, subjects: 16, seed: 5)
    let index = try Self.forwardIndex(lists, documents: 1500)
    let order = GraphBisection().order(of: index, threads: 2)
    #expect(order.sorted() == (0..<1500).map { UInt32($0) })
    let (before, after) = (bits(lists, (0..<1500).map { UInt32($0) }), bits(lists, order))
    // A word of a subject is in one of 61 documents, and in one of four of its subject.
    #expect(before > 4.3 && after < 2.6, "\(before) -> \(after)")
    #expect(bits(lists, GraphBisection(iterations: 1).order(of: index, threads: 2)) > after)
  }

  @Test("Threads change no place", arguments: [2, 3, 8])
  func threads(threads: Int) throws {
    let index = try Self.forwardIndex(Self.subjects(1200, subjects: 9, seed: 6), documents: 1200)
    let bisection = GraphBisection(smallestPartition: 4)
    #expect(bisection.order(of: index, threads: threads) == bisection.order(of: index, threads: 1))
  }

  @Test("Documents without terms and few documents stay where they are", arguments: [0, 1, 2, 3, 40])
  func fewDocuments(count: Int) throws {
    let index = try Self.forwardIndex([], documents: count)
    let order = GraphBisection(smallestPartition: 1).order(of: index, threads: 3)
    #expect(order == (0..<count).map { UInt32($0) })
  }
}
