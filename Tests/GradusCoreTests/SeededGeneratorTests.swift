import GradusCore
import Testing

@Suite struct SeededGeneratorTests {
  @Test("xoshiro256** from SplitMix64(0) gives the published sequence")
  func publishedSequence() {
    // Computed with the authors' C reference for the state that SplitMix64 makes of seed 0.
    var generator = SeededGenerator(seed: 0)
    #expect(generator.next() == 0x99EC_5F36_CB75_F2B4)
    #expect(generator.next() == 0xBF6E_1F78_4956_452A)
    #expect(generator.next() == 0x1A5F_849D_4933_E6E0)
  }

  @Test("Streams do not depend on each other's use, and differ by name and index")
  func streamsAreIndependent() {
    let root = SeededGenerator(seed: 42)
    var first = root.stream("dropout")
    var used = root
    var other = used.stream("sampler")
    _ = other.next()
    var again = used.stream("dropout")
    #expect(first.next() == again.next())
    var second = root.stream("dropout", 1)
    #expect(first.next() != second.next())
    _ = used.next()
  }

  @Test("Bounded integers are uniform", arguments: [1, 2, 3, 7, 10])
  func boundedIntegers(bound: Int) {
    var generator = SeededGenerator(seed: 5)
    var counts = [Int](repeating: 0, count: bound)
    for _ in 0..<(bound * 2000) { counts[generator.integer(below: bound)] += 1 }
    // Five standard deviations of a binomial count with mean 2000.
    #expect(counts.allSatisfy { abs($0 - 2000) < 225 })
  }

  @Test("A permutation holds every index once")
  func permutation() {
    var generator = SeededGenerator(seed: 9)
    #expect(generator.permutation(100).sorted() == Array(0..<100))
    #expect(generator.permutation(0).isEmpty)
  }

  @Test("Normal values have mean 0 and variance 1")
  func normalMoments() {
    var generator = SeededGenerator(seed: 3)
    let values = (0..<20_000).map { _ in generator.normal() }
    let mean = values.reduce(0, +) / 20_000
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
    #expect(abs(mean) < 0.036)  // Five standard errors.
    #expect(abs(variance - 1) < 0.05)
  }
}
