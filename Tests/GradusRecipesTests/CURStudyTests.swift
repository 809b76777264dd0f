import Foundation
import GradusCore
@testable import GradusRecipes
import Testing

@Suite("The study of ANNCUR")
struct CURStudyTests {
  private static func run(_ bench: TinyBench, _ changes: [(String, String)], seed: UInt64 = 1) throws -> StudyOutcome {
    let small = [
      ("data", "tiny"), ("model", bench.model.path), ("anchor-pool", "20"), ("anchor-queries", "12"), ("anchor-items", "6"),
      ("budget", "20"),
    ]
    return try CURStudy.run(
      try StudySettings(CURStudy.self, (small + changes).map { (name: $0.0, value: $0.1) }), seed: seed,
      context: StudyContext(home: bench.home))
  }

  @Test("A budget for all documents finds everything, whatever the method", arguments: ["maxsim", "cross-encoder"])
  func wholeBudget(scorer: String) throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    // 46 queries with three documents each.
    for changes in [[("method", "bm25")], [("method", "bi-encoder")], [], [("rounds", "3")], [("start", "bi-encoder")]] {
      let outcome = try Self.run(bench, [("scorer", scorer), ("budget", "138")] + changes)
      #expect(outcome.items.count == 8)
      for measure in CURStudy.measures.prefix(3) {
        #expect(outcome.values[measure.name]?.allSatisfy { $0 == 1 } == true, "\(changes) \(measure.name)")
      }
    }
  }

  @Test("Less finds less, seeds draw other anchors, first stages do not depend on them, and the kept scores change nothing")
  func budgets() throws {
    let bench = try TinyBench()
    defer { bench.remove() }
    let measure = CURStudy.measures[0].name
    func mean(_ outcome: StudyOutcome) -> Double {
      let values = outcome.values[measure] ?? []
      return values.reduce(0, +) / Double(max(1, values.count))
    }
    let first = try Self.run(bench, [])
    #expect(try Self.run(bench, []) == first, "read from the file")
    #expect(mean(first) < 1 && mean(first) > 0)
    #expect(try mean(Self.run(bench, [("budget", "80")])) > mean(first))
    #expect(try Self.run(bench, [], seed: 2).values != first.values)
    let stage = try Self.run(bench, [("method", "bi-encoder")])
    #expect(try Self.run(bench, [("method", "bi-encoder")], seed: 2).values == stage.values)
    // The spectrum descends from the largest, which is 1.
    let curve = try #require(first.curves.first)
    #expect(abs(curve.y[0]) < 1e-9 && curve.y == curve.y.sorted(by: >))
    let some = try Self.run(bench, [("documents", "40"), ("test-queries", "4")])
    #expect(some.items.count == 4)
    #expect(throws: (any Error).self) { try Self.run(bench, [("solver", "lu")]) }
  }
}
