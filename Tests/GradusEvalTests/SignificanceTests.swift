import Foundation
import GradusCore
import Testing

@testable import GradusEval

struct StatisticsGolden: Decodable {
  struct Case: Decodable {
    let differences: [Double]
    let t: Double
    let t_p: Double
    let ci95: [Double]
    let ci90: [Double]
    let sign_p: Double
    let wilcoxon: Double?
    let wilcoxon_p: Double?
    let randomization_p: Double?
    let dz: Double
    let g: Double?
    let detectable: Double?
  }
  struct Corrections: Decodable {
    let p: [Double]
    let bh: [Double]
    let bonferroni: [Double]
  }
  let cases: [String: Case]
  let student_two_sided: [[Double]]
  let student_quantile: [[Double]]
  let normal_quantile: [[Double]]
  let incomplete_beta: [[Double]]
  let corrections: Corrections

  static func load() throws -> StatisticsGolden {
    try JSONDecoder().decode(StatisticsGolden.self, from: Data(Fixture.text("statistics.json").utf8))
  }
}

@Suite("Significance against SciPy and mpmath")
struct SignificanceGoldenTests {
  @Test("Tails of Student's t, from 1e-280 to 1, to ten digits")
  func student() throws {
    for row in try StatisticsGolden.load().student_two_sided {
      let p = SpecialFunctions.studentTwoSided(row[1], degreesOfFreedom: row[0])
      #expect(isClose(p, row[2], relative: 1e-10, absolute: 0), "df \(row[0]), t \(row[1]): \(p), expected \(row[2])")
    }
  }

  @Test("Incomplete beta function and quantiles")
  func functions() throws {
    let golden = try StatisticsGolden.load()
    for row in golden.incomplete_beta {
      let found = SpecialFunctions.incompleteBeta(x: row[2], y: 1 - row[2], a: row[0], b: row[1])
      #expect(isClose(found, row[3], relative: 1e-11), "I_\(row[2])(\(row[0]), \(row[1])): \(found), expected \(row[3])")
    }
    for row in golden.student_quantile {
      #expect(isClose(SpecialFunctions.studentQuantile(row[1], degreesOfFreedom: row[0]), row[2], relative: 1e-9), "\(row)")
    }
    for row in golden.normal_quantile {
      #expect(isClose(SpecialFunctions.normalQuantile(row[0]), row[1], relative: 1e-11), "\(row)")
    }
  }

  @Test("Tests, intervals, effect sizes and detectable differences")
  func cases() throws {
    for (name, golden) in try StatisticsGolden.load().cases.sorted(by: { $0.key < $1.key }) {
      let differences = golden.differences
      let t = try PairedTest.t.test(differences: differences)
      #expect(isClose(t.statistic, golden.t, relative: 1e-11), "\(name)")
      #expect(isClose(t.p, golden.t_p, relative: 1e-10), "\(name): \(t.p), expected \(golden.t_p)")
      for (level, ends) in [(0.95, golden.ci95), (0.9, golden.ci90)] {
        let interval = try #require(try ConfidenceInterval.ofMean(differences, level: level))
        #expect(isClose(interval.lower, ends[0], relative: 1e-9, absolute: 1e-12), "\(name)")
        #expect(isClose(interval.upper, ends[1], relative: 1e-9, absolute: 1e-12), "\(name)")
      }
      #expect(isClose(try PairedTest.sign.test(differences: differences).p, golden.sign_p, relative: 1e-11), "\(name)")
      if let p = golden.wilcoxon_p, let statistic = golden.wilcoxon {
        let result = try PairedTest.wilcoxon.test(differences: differences)
        #expect(result.statistic == statistic, "\(name)")
        #expect(isClose(result.p, p, relative: 1e-10), "\(name): \(result.p), expected \(p)")
      }
      if let p = golden.randomization_p {
        #expect(isClose(try PairedTest.randomization().test(differences: differences).p, p, relative: 1e-12), "\(name)")
      }
      let effect = try EffectSize(differences: differences)
      #expect(isClose(try #require(effect.cohensDz), golden.dz, relative: 1e-11), "\(name)")
      if let g = golden.g { #expect(isClose(try #require(effect.hedgesG), g, relative: 1e-11), "\(name)") }
      if let detectable = golden.detectable {
        let found = try #require(try PairedPower.smallestDetectableDifference(differences))
        #expect(isClose(found, detectable, relative: 1e-7), "\(name): \(found), expected \(detectable)")
      }
    }
  }

  @Test("Corrections")
  func corrections() throws {
    let golden = try StatisticsGolden.load().corrections
    for (found, expected) in [
      (try MultipleTesting.benjaminiHochberg.adjust(golden.p), golden.bh),
      (try MultipleTesting.bonferroni.adjust(golden.p), golden.bonferroni),
      // In order of size: .005*6 .01*5 .03*4 .04*3 .04*2 .2*1, never falling: .03 .05 .12 .12 .12 .2
      (try MultipleTesting.holm.adjust(golden.p), [0.05, 0.12, 0.12, 0.03, 0.2, 0.12]),
      (try MultipleTesting.none.adjust(golden.p), golden.p),
    ] { for (a, b) in zip(found, expected) { #expect(isClose(a, b, relative: 1e-12)) } }
    #expect(try MultipleTesting.holm.adjust([]) == [])
    #expect(try MultipleTesting.holm.adjust([0.9, 0.8]) == [1, 1])
    #expect(throws: SignificanceError.pValue(1.5)) { try MultipleTesting.holm.adjust([0.1, 1.5]) }
  }
}

@Suite("Significance: edges and invariants")
struct SignificanceEdgeTests {
  static let tests: [PairedTest] = [.t, .randomization(permutations: 999, seed: 3), .sign, .wilcoxon]

  @Test("No pairs, one pair, no difference: p is 1 and the note says why", arguments: tests)
  func degenerate(test: PairedTest) throws {
    let nothing = PairedTestResult(statistic: 0, p: 1, count: 0, meanDifference: 0, note: .tooFewPairs)
    #expect(try test.test(differences: []) == nothing)
    let single = try test.test(differences: [0.3])
    #expect(single.p == 1)
    #expect(single.note == (test == .t ? .tooFewPairs : .none))
    let equal = try test.test(differences: [0, 0, 0])
    #expect(equal.p == 1)
    #expect(equal.note == .noDifference)
    #expect(try test.test(differences: [0.25, 0.25, 0.25, 0.25]).statistic.isNaN == false)
  }

  @Test("Equal differences: the t-test says that it cannot estimate a variance, the others count signs")
  func constant() throws {
    // 0.1 three times has a mean that is not exactly 0.1: a naive variance would be some 1e-34 and not 0.
    let t = try PairedTest.t.test(differences: [0.1, 0.1, 0.1])
    #expect(t.note == .noVariance)
    #expect(t.p == 0)
    #expect(t.statistic == .infinity)
    // 2 of the 2^3 signs are as extreme.
    for test in [PairedTest.randomization(), .sign, .wilcoxon] {
      #expect(try test.test(differences: [0.1, 0.1, 0.1]).p == 0.25)
    }
  }

  @Test("Swapping the runs turns the sign and keeps p", arguments: tests)
  func symmetry(test: PairedTest) throws {
    let first = [0.1, 0.5, 0.3, 0.9, 0.2]
    let second = [0.2, 0.4, 0.6, 0.95, 0.2]
    let forward = try test.compare(first, second)
    let backward = try test.compare(second, first)
    #expect(isClose(forward.meanDifference, -backward.meanDifference))
    #expect(isClose(forward.p, backward.p))
  }

  @Test("Values that do not pair or are not finite are refused", arguments: tests)
  func refused(test: PairedTest) {
    #expect(throws: SignificanceError.lengths(first: 1, second: 2)) { try test.compare([1], [1, 2]) }
    #expect(throws: SignificanceError.notFinite(position: 1)) { try test.compare([1, .nan], [1, 2]) }
    #expect(throws: SignificanceError.notFinite(position: 0)) { try test.test(differences: [.infinity]) }
    #expect(throws: SignificanceError.permutations(0)) { try PairedTest.randomization(permutations: 0).test(differences: [1]) }
  }

  @Test("The sampled randomisation test comes near the t-test, is never 0, and repeats with its seed for any threads")
  func sampled() throws {
    var generator = SeededGenerator(seed: 12)
    let differences = (0..<60).map { _ in 0.03 + 0.1 * generator.normal() }
    let test = PairedTest.randomization(permutations: 20_000, seed: 5)
    let pool = WorkerPool(threads: 3)
    defer { pool.stop() }
    let result = try test.test(differences: differences)
    #expect(try test.test(differences: differences, pool: pool) == result)
    #expect(abs(result.p - (try PairedTest.t.test(differences: differences).p)) < 0.02)
    let gains = (0..<40).map { 1 + Double($0) / 100 }
    let certain = try PairedTest.randomization(permutations: 500, seed: 5).test(differences: gains)
    #expect(certain.p == 1.0 / 501)
  }

  @Test("Under the null hypothesis p is below 0.05 in 5 % of samples, for every test")
  func calibration() throws {
    let trials = 600
    var rejections = [0, 0, 0]
    var generator = SeededGenerator(seed: 77)
    for trial in 0..<trials {
      let differences = (0..<25).map { _ in 0.1 * generator.normal() }
      let tests: [PairedTest] = [.t, .randomization(permutations: 999, seed: UInt64(trial)), .wilcoxon]
      for (index, test) in tests.enumerated() where try test.test(differences: differences).p < 0.05 { rejections[index] += 1 }
    }
    // Binomial(600, 0.05): mean 30, deviation 5.3; three and a half deviations either way.
    for count in rejections { #expect((12...49).contains(count), "\(count) of \(trials)") }
  }

  @Test("The power that the smallest detectable difference promises is reached: 80 % of samples are significant")
  func power() throws {
    var generator = SeededGenerator(seed: 31)
    // Differences with standard deviation 1 exactly: scaled samples of 20.
    let template = (0..<20).map { Double($0) - 9.5 }
    let spread = (template.reduce(0) { $0 + $1 * $1 } / 19).squareRoot()
    let detectable = try #require(try PairedPower.smallestDetectableDifference(template.map { $0 / spread }))
    let trials = 1000
    var found = 0
    for _ in 0..<trials {
      let sample = (0..<20).map { _ in detectable + generator.normal() }
      if try PairedTest.t.test(differences: sample).p < 0.05 { found += 1 }
    }
    // Binomial(1000, 0.8): deviation 12.6.
    #expect((755...845).contains(found), "\(found)")
  }
}

@Suite("Intervals and seeds")
struct IntervalTests {
  @Test("Bootstrap intervals hold the mean of the population about as often as they say", arguments: Bootstrap.Method.allCases)
  func coverage(method: Bootstrap.Method) throws {
    var generator = SeededGenerator(seed: 40)
    let trials = 400
    var held = 0
    for trial in 0..<trials {
      // Skewed: squares of uniform numbers, mean 1/3.
      let sample = (0..<40).map { _ -> Double in
        let u = generator.uniform()
        return u * u
      }
      let interval = try #require(try Bootstrap(samples: 600, method: method, seed: UInt64(trial)).interval(ofMean: sample))
      if interval.contains(1.0 / 3) { held += 1 }
    }
    // 95 % of 400 is 380, deviation 4.4; the bootstrap of 40 values covers a little less than it says.
    #expect((356...396).contains(held), "\(held) of \(trials)")
  }

  @Test("Bootstrap intervals repeat with their seed, for any threads, and differ between seeds")
  func reproducible() throws {
    let values = (0..<30).map { Double($0 * $0 % 17) / 17 }
    let bootstrap = Bootstrap(samples: 2000, seed: 3)
    let pool = WorkerPool(threads: 4)
    defer { pool.stop() }
    let reference = try bootstrap.interval(ofMean: values)
    #expect(try bootstrap.interval(ofMean: values, pool: pool) == reference)
    #expect(try Bootstrap(samples: 2000, seed: 4).interval(ofMean: values) != reference)
    // For a symmetric sample of this size both kinds of interval come near Student's.
    let student = try #require(try ConfidenceInterval.ofMean(values))
    let interval = try #require(reference)
    #expect(abs(interval.lower - student.lower) < 0.02)
    #expect(abs(interval.upper - student.upper) < 0.02)
  }

  @Test("The median has an interval too, inside the sample")
  func anyStatistic() throws {
    let values = [1.0, 2, 3, 4, 5, 6, 7, 8, 100]
    let interval = try #require(try Bootstrap(samples: 1000).interval(of: values) { $0.sorted()[$0.count / 2] })
    #expect(interval.contains(5))
    #expect(interval.upper <= 100)
    #expect(interval.lower >= 1)
  }

  @Test("Fewer than two values have no interval; equal ones have none of width")
  func degenerate() throws {
    for values in [[], [0.5]] {
      #expect(try ConfidenceInterval.ofMean(values) == nil)
      #expect(try Bootstrap().interval(ofMean: values) == nil)
      #expect(try PairedPower.smallestDetectableDifference(values) == nil)
      #expect(try EffectSize(differences: values).cohensDz == nil)
    }
    let equal = [0.1, 0.1, 0.1]
    let mean = equal.reduce(0, +) / 3
    #expect(try ConfidenceInterval.ofMean(equal) == ConfidenceInterval(lower: mean, upper: mean))
    #expect(try Bootstrap().interval(ofMean: equal) == ConfidenceInterval(lower: mean, upper: mean))
    #expect(try PairedPower.smallestDetectableDifference(equal) == 0)
    #expect(try EffectSize(differences: equal) == EffectSize(differences: []))
    #expect(throws: SignificanceError.level(1)) { try ConfidenceInterval.ofMean(equal, level: 1) }
    #expect(throws: SignificanceError.samples(1)) { try Bootstrap(samples: 1).interval(ofMean: equal) }
  }

  @Test("Seeds are averaged before queries are tested, and tested on their own")
  func seeds() throws {
    let comparison = try SeedComparison(first: [[0.5, 0.4], [0.6, 0.4]], second: [[0.6, 0.5], [0.6, 0.6]])
    // Query 1: (0.1 + 0) / 2; query 2: (0.1 + 0.2) / 2. Seed 1: 0.1; seed 2: 0.1.
    for (found, expected) in zip(comparison.queryDifferences, [0.05, 0.15]) { #expect(isClose(found, expected)) }
    for found in comparison.seedDifferences { #expect(isClose(found, 0.1)) }
    #expect(isClose(comparison.overQueries.meanDifference, 0.1))
    #expect(comparison.overQueries.count == 2)
    #expect(comparison.overSeeds.count == 2)
    #expect(try #require(comparison.interval).contains(0.1))
  }

  @Test("Seeds: one seed, none, and numbers that do not fit")
  func seedEdges() throws {
    let one = try SeedComparison(first: [[0.1, 0.2, 0.3]], second: [[0.2, 0.2, 0.5]])
    #expect(one.overSeeds.note == .tooFewPairs)
    #expect(one.overQueries == (try PairedTest.t.compare([0.1, 0.2, 0.3], [0.2, 0.2, 0.5])))
    let none = try SeedComparison(first: [], second: [])
    #expect(none.overQueries.p == 1)
    #expect(none.interval == nil)
    #expect(throws: SignificanceError.queriesPerSeed(seed: 1, expected: 2, found: 1)) {
      try SeedComparison(first: [[1, 2], [1]], second: [[1, 2], [1, 2]])
    }
    #expect(throws: SignificanceError.lengths(first: 1, second: 0)) { try SeedComparison(first: [[1]], second: []) }
  }
}
