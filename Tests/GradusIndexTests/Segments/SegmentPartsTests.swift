import GradusCore
@testable import GradusIndex
import Testing

@Suite("Live documents and merge policy")
struct SegmentPartsTests {
  @Test("Ranks and places of live documents are what counting one by one gives", arguments: [0, 1, 63, 64, 65, 130, 1000])
  func liveDocuments(count: Int) throws {
    var generator = SeededGenerator(seed: UInt64(count) + 1)
    for share in [0, 1, 3, 10] {
      var deleted = DocumentSet(documents: count)
      for doc in 0..<count where generator.integer(below: 10) < share { deleted.insert(DocIndex(doc)) }
      let live = LiveDocuments(deleted: deleted)
      let numbers = (0..<count).filter { !deleted.contains(DocIndex($0)) }
      #expect(live.count == numbers.count && live.documents == count)
      for (rank, doc) in numbers.enumerated() {
        #expect(live.rank(doc) == rank && live.document(rank: rank) == doc && live.contains(doc))
      }
      // A filter over an index in which 70 documents come before and 5 after.
      var filter = DocumentSet(documents: 70 + numbers.count + 5)
      for number in 0..<filter.documents where generator.integer(below: 2) == 0 { filter.insert(DocIndex(number)) }
      let local = live.documents(in: filter, from: 70)
      let expected = numbers.indices.filter { filter.contains(DocIndex(70 + $0)) }.map { numbers[$0] }
      #expect(local.numbers().map(Int.init) == expected)
      var back = DocumentSet(documents: filter.documents)
      live.insert(local, into: &back, from: 70)
      #expect(back.numbers().allSatisfy { $0 >= 70 && $0 < 70 + numbers.count && filter.contains(DocIndex(rawValue: $0)) })
      #expect(back.count == local.count)
    }
  }

  private func select(_ sizes: [Int], deleted: [Int] = [], _ policy: MergePolicy) -> Range<Int>? {
    policy.selection(sizes.enumerated().map { MergePolicy.Size(live: $1, deleted: $0 < deleted.count ? deleted[$0] : 0) })
  }

  @Test("Neighbours of a tier are merged when there are enough of them, with the smaller ones between")
  func policy() {
    let policy = MergePolicy(segmentsPerTier: 3, smallest: 10)
    #expect(select([], policy) == nil)
    #expect(select([5, 5], policy) == nil)
    #expect(select([5, 1, 9], policy) == 0..<3)
    #expect(select([100, 5, 1, 9], policy) == 1..<4)
    #expect(select([5, 100, 5, 9], policy) == nil)
    #expect(select([40, 5, 50], policy) == nil)
    #expect(select([40, 5, 50, 45], policy) == 0..<4, "the small one between goes along")
    #expect(select([500, 40, 5, 50, 60, 3], policy) == 1..<6)
    #expect(select([100_000, 1, 2], policy) == nil, "a large one is not written again for some small ones")
    #expect(select([1000, 10, 5], deleted: [10, 11], policy) == 1..<2)
    #expect(select([1000, 10, 5], deleted: [10, 10], policy) == nil)
  }

  @Test("Documents that come in many small commits make few segments, and each is written a few times")
  func growth() {
    let policy = MergePolicy(segmentsPerTier: 8, smallest: 1)
    var sizes: [Int] = []
    var written = 0
    for _ in 0..<5000 {
      sizes.append(1)
      while let range = select(sizes, policy) {
        let sum = sizes[range].reduce(0, +)
        written += sum
        sizes.replaceSubrange(range, with: [sum])
      }
    }
    #expect(sizes.reduce(0, +) == 5000)
    // log8(5000) is 4.1.
    #expect(sizes.count <= 8 * 5)
    #expect(written <= 5000 * 5)
  }
}
