import Foundation
import GradusCore
import GradusRank
import Testing

@Suite("Fusion: formulas") struct FusionFormulaTests {
  /// What each method makes of the two lists of `Worked`. Candidates: a, b, c, d; b alone is in both.
  static let worked: [(FusionMethod, [String: Double])] = [
    (.combMIN, ["a": 1, "b": 0.5, "c": 0, "d": 0]),
    (.combMED, ["a": 1, "b": 0.75, "c": 0, "d": 0]),
    (.combMAX, ["a": 1, "b": 1, "c": 0, "d": 0]),
    (.combSUM, ["a": 1, "b": 1.5, "c": 0, "d": 0]),
    (.combANZ, ["a": 1, "b": 0.75, "c": 0, "d": 0]),
    (.combMNZ, ["a": 1, "b": 3, "c": 0, "d": 0]),
    (.combGMNZ(gamma: 2), ["a": 1, "b": 6, "c": 0, "d": 0]),
    (.rrf(k: 60), ["a": 1.0 / 61, "b": 1.0 / 62 + 1.0 / 61, "c": 1.0 / 63, "d": 1.0 / 62]),
    (.isr, ["a": 1, "b": 2.5, "c": 1.0 / 9, "d": 0.25]),
    (.logISR, ["a": 0, "b": 1.25 * 0.6931471805599453, "c": 0, "d": 0]),
    (.logNISR(sigma: 1), ["a": 0.6931471805599453, "b": 1.25 * 1.0986122886681098, "c": 0.6931471805599453 / 9,
      "d": 0.6931471805599453 / 4]),
    (.rbc(phi: 0.5), ["a": 0.5, "b": 0.75, "c": 0.125, "d": 0.25]),
    // Four points for the first; the first list leaves 1 point to d, the second 1.5 each to a and c.
    (.borda, ["a": 5.5, "b": 7, "c": 3.5, "d": 4]),
    // b beats c and d, a beats c; a-b, a-d and c-d are draws, where the Borda order stays.
    (.condorcet, ["b": 4, "a": 3, "d": 2, "c": 1]),
  ]

  @Test("Two lists by hand", arguments: worked)
  func byHand(method: FusionMethod, expected: [String: Double]) throws {
    let fused = try Fusion(method).fuse([Worked.first, Worked.second], qid: "q")
    let scores = Worked.scores(fused)
    #expect(scores.count == expected.count)
    for (docno, score) in expected { #expect(abs((scores[docno] ?? .nan) - score) < 1e-12, "\(method) \(docno)") }
    #expect(fused.documents == Ranking(qid: "q", documents: fused.documents).documents, "not in the order of the tie rule")
  }

  @Test("Equal scores stand by docno descending, by bytes")
  func ties() throws {
    let fused = try Fusion(.combSUM).fuse([Worked.first, Worked.second], qid: "q")
    #expect(fused.documents.map(\.docno) == ["b", "a", "d", "c"])
    // Ranks come from the tie rule as well: of two equal scores the later name is first.
    let tied = Ranking(qid: "q", alreadyOrdered: Worked.list([("a", 1), ("b", 1)]))
    #expect(try Fusion(.rrf()).fuse([tied], qid: "q").documents.map(\.docno) == ["b", "a"])
  }

  @Test("Weights: a linear combination; 0 leaves a list's scores out, not its documents")
  func weights() throws {
    let lists = [Worked.first, Worked.second]
    let half = Worked.scores(try Fusion(.combSUM, weights: [0.5, 2]).fuse(lists, qid: "q"))
    #expect(half == ["a": 0.5, "b": 2.25, "c": 0, "d": 0])
    let alone = try Fusion(.combSUM, weights: [1, 0]).fuse(lists, qid: "q")
    #expect(Worked.scores(alone) == ["a": 1, "b": 0.5, "c": 0, "d": 0])
    #expect(alone.documents.map(\.docno).filter { $0 != "d" } == Worked.first.documents.map(\.docno))
    let heavy = try Fusion(.condorcet, weights: [3, 1]).fuse(lists, qid: "q")
    #expect(heavy.documents.map(\.docno) == ["a", "b", "c", "d"], "the heavier list wins every vote")
    for method in [FusionMethod.combSUM, .rrf(), .borda] {
      let plain = try Fusion(method).fuse(lists, qid: "q")
      #expect(try Fusion(method, weights: [1, 1]).fuse(lists, qid: "q") == plain)
    }
  }

  @Test("One list keeps its order", arguments: [
    FusionMethod.rrf(), .isr, .rbc(), .borda, .condorcet, .combSUM, .combMNZ, .combMED,
  ])
  func oneList(method: FusionMethod) throws {
    let list = try #require(RandomRuns.make(1, queries: 2, documents: 40, seed: 3)[0].rankings.first)
    #expect(try Fusion(method).fuse([list], qid: list.qid).documents.map(\.docno) == list.documents.map(\.docno))
  }

  @Test("Special cases: GMNZ with 0 is the sum, with 1 it is MNZ; ANZ is sum over hits")
  func specialCases() throws {
    let runs = RandomRuns.make(4, queries: 5, documents: 30, seed: 8)
    func fused(_ method: FusionMethod) throws -> [Ranking] { try Fusion(method).fuse(runs).rankings }
    #expect(try fused(.combGMNZ(gamma: 0)) == fused(.combSUM))
    #expect(try fused(.combGMNZ(gamma: 1)) == fused(.combMNZ))
    for (sum, mnz) in zip(try fused(.combSUM), try fused(.combMNZ)) {
      let sums = Worked.scores(sum)
      for document in mnz.documents {
        let hits = Double(runs.count { $0[sum.qid]?.documents.contains { $0.docno == document.docno } ?? false })
        #expect(document.score == (sums[document.docno] ?? .nan) * hits)
      }
    }
  }
}

@Suite("Fusion: normalisation") struct ScoreNormalizationTests {
  @Test("Four scores by hand", arguments: [
    (.none, [4, 3, 2, 1]), (.minMax, [1, 2.0 / 3, 1.0 / 3, 0]), (.minMaxInverted, [0, 1.0 / 3, 2.0 / 3, 1]),
    (.max, [1, 0.75, 0.5, 0.25]), (.sum, [0.5, 1.0 / 3, 1.0 / 6, 0]),
    // Mean 2.5, variance 1.25.
    (.zScore, [1.5 / 1.25.squareRoot(), 0.5 / 1.25.squareRoot(), -0.5 / 1.25.squareRoot(), -1.5 / 1.25.squareRoot()]),
    (.rank, [1, 0.75, 0.5, 0.25]), (.borda, [1, 0.9, 0.8, 0.7]),
  ] as [(ScoreNormalization, [Double])])
  func byHand(normalization: ScoreNormalization, expected: [Double]) throws {
    let found = try #require(normalization.normalized([4, 3, 2, 1], candidates: 10))
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-15 }, "\(normalization): \(found)")
  }

  @Test("Constant scores, one score, none: no division by zero", arguments: ScoreNormalization.allCases)
  func constant(normalization: ScoreNormalization) throws {
    for scores in [[5.0, 5, 5], [0, 0], [0.1, 0.1, 0.1], [7], []] {
      let found = try #require(normalization.normalized(scores))
      #expect(found.count == scores.count && found.allSatisfy(\.isFinite))
      switch normalization {
      case .minMax, .minMaxInverted: #expect(found.allSatisfy { $0 == 1 })
      case .sum: #expect(scores.isEmpty || abs(found.reduce(0, +) - 1) < 1e-15)
      case .zScore: #expect(found.allSatisfy { $0 == 0 })
      default: break
      }
    }
  }

  @Test("Scores at the end of the numbers give the same as small ones", arguments: [
    ScoreNormalization.minMax, .minMaxInverted, .max, .sum, .zScore,
  ])
  func range(normalization: ScoreNormalization) throws {
    let plain = try #require(normalization.normalized([8, 2, 1]))
    for exponent in [1020, -1000] {
      let scale = Double(sign: .plus, exponent: exponent, significand: 1)
      #expect(normalization.normalized([8 * scale, 2 * scale, 1 * scale]) == plain)
    }
    let span = try #require(ScoreNormalization.minMax.normalized([Double.greatestFiniteMagnitude, -.greatestFiniteMagnitude]))
    #expect(span == [1, 0])
  }

  @Test("max refuses what it would turn around")
  func negativeMaximum() throws {
    #expect(ScoreNormalization.max.normalized([-1, -2]) == nil)
    #expect(ScoreNormalization.max.normalized([0, -2]) == nil)
    #expect(ScoreNormalization.max.normalized([0, 0]) == [0, 0])
    let negative = Ranking(qid: "q", documents: Worked.list([("a", -1), ("b", -2)]))
    #expect(throws: FusionError.maximumNotPositive(run: "2", qid: "q", found: -1)) {
      try Fusion(.combSUM, normalization: .max).fuse([Worked.first, negative], qid: "q")
    }
  }
}

@Suite("Fusion: what must not matter") struct FusionInvarianceTests {
  static let runs = RandomRuns.make(5, queries: 20, documents: 60, seed: 11)

  @Test("The order of the runs and of the lines", arguments: everyMethod)
  func order(method: FusionMethod) throws {
    for normalization in method.readsScores ? ScoreNormalization.allCases.filter({ $0 != .max }) : [.none] {
      let fusion = try Fusion(method, normalization: normalization)
      let expected = try fusion.fuse(Self.runs)
      var generator = SeededGenerator(seed: 5)
      for _ in 0..<3 {
        let shuffled = Self.runs.shuffled(using: &generator).map { run in
          Run(name: run.name, rankings: run.rankings.shuffled(using: &generator).map { ranking in
            Ranking(qid: ranking.qid, alreadyOrdered: ranking.documents.shuffled(using: &generator))
          })
        }
        #expect(try fusion.fuse(shuffled) == expected, "\(fusion)")
      }
    }
  }

  @Test("Weights may change places together with their runs", arguments: [FusionMethod.combSUM, .rrf(), .borda, .condorcet])
  func weightedOrder(method: FusionMethod) throws {
    let weights = [0.1, 0.7, 0.3, 0.3, 0.2]
    let expected = try Fusion(method, weights: weights).fuse(Self.runs)
    let turned = try Fusion(method, weights: weights.reversed()).fuse(Self.runs.reversed())
    #expect(turned == expected)
  }

  @Test("The number of threads", arguments: [1, 2, 8])
  func threads(count: Int) throws {
    let pool = WorkerPool(threads: count)
    defer { pool.stop() }
    for method in everyMethod {
      #expect(try Fusion(method).fuse(Self.runs, pool: pool) == Fusion(method).fuse(Self.runs, pool: WorkerPool(threads: 1)))
    }
  }

  @Test("Every candidate is there once, every query of any run too, by the tie rule", arguments: everyMethod)
  func complete(method: FusionMethod) throws {
    let fused = try Fusion(method).fuse(Self.runs)
    #expect(fused.qids == fused.qids.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(Set(fused.qids) == Set(Self.runs.flatMap(\.qids)))
    for ranking in fused.rankings {
      let candidates = Set(Self.runs.flatMap { ($0[ranking.qid]?.documents ?? []).map(\.docno) })
      #expect(ranking.documents.count == candidates.count && Set(ranking.documents.map(\.docno)) == candidates)
      #expect(ranking.documents == Ranking(qid: ranking.qid, documents: ranking.documents).documents)
      #expect(ranking.documents.allSatisfy { $0.score.isFinite })
    }
  }

  @Test("Every document beats or ties the next one in a Condorcet order")
  func condorcetPath() throws {
    let fused = try Fusion(.condorcet).fuse(Self.runs)
    for ranking in fused.rankings {
      let places = Self.runs.map { run in
        Dictionary(uniqueKeysWithValues: (run[ranking.qid]?.documents ?? []).enumerated().map { ($1.docno, $0) })
      }
      for (upper, lower) in zip(ranking.documents, ranking.documents.dropFirst()) {
        let votes = places.reduce(0) { votes, places in
          let (first, second) = (places[upper.docno] ?? .max, places[lower.docno] ?? .max)
          return votes + (first < second ? 1 : first > second ? -1 : 0)
        }
        #expect(votes >= 0, "\(ranking.qid): \(lower.docno) beats \(upper.docno)")
      }
    }
  }

  @Test("A circle of majorities stands together: above what it beats, below what beats it")
  func condorcetCircle() throws {
    // a > b > c > a, all of them under t and over z.
    let lists = [["t", "a", "b", "c", "z"], ["t", "b", "c", "a", "z"], ["t", "c", "a", "b", "z"]].map { names in
      Ranking(qid: "q", documents: names.enumerated().map { ScoredDocument(docno: $1, score: Double(9 - $0)) })
    }
    let order = try Fusion(.condorcet).fuse(lists, qid: "q").documents.map(\.docno)
    #expect(order.first == "t" && order.last == "z" && Set(order) == ["t", "a", "b", "c", "z"])
  }
}

@Suite("Fusion: odd input") struct FusionInputTests {
  @Test("Empty lists and queries that a run lacks are fine", arguments: everyMethod)
  func empty(method: FusionMethod) throws {
    let nothing = Ranking(qid: "q", documents: [])
    #expect(try Fusion(method).fuse([nothing, nothing], qid: "q").documents.isEmpty)
    let fused = try Fusion(method).fuse([nothing, Worked.first], qid: "q")
    #expect(Set(fused.documents.map(\.docno)) == ["a", "b", "c"] && fused.documents.allSatisfy { $0.score.isFinite })
    let other = Ranking(qid: "p", documents: Worked.second.documents)
    let runs = [Run(name: "x", rankings: [Worked.first]), Run(name: "y", rankings: [other])]
    let both = try Fusion(method).fuse(runs)
    #expect(both.qids == ["p", "q"] && both["p"]?.documents.count == 2 && both["q"]?.documents.count == 3)
    #expect(try Fusion(method).fuse([Run(name: "x")]).rankings.isEmpty)
  }

  @Test("Names that differ in their bytes are different documents, equivalent or not")
  func canonicalEquivalence() throws {
    let lists = ["e\u{301}", "\u{e9}"].map { Ranking(qid: "q", documents: [ScoredDocument(docno: $0, score: 1)]) }
    #expect(try Fusion(.rrf()).fuse(lists, qid: "q").documents.count == 2)
  }

  @Test("NaN, infinity, a document twice, no runs, wrong weights", arguments: [Double.nan, .infinity, -.infinity])
  func refused(score: Double) throws {
    let broken = Run(name: "r", rankings: [Ranking(qid: "q", alreadyOrdered: Worked.list([("a", 1), ("b", score)]))])
    #expect(throws: FusionError.notFinite(run: "r", qid: "q", docno: "b")) { try Fusion(.rrf()).fuse([broken]) }
    let twice = Run(name: "r", rankings: [Ranking(qid: "q", alreadyOrdered: Worked.list([("a", 3), ("b", 2), ("a", 1)]))])
    #expect(throws: FusionError.duplicate(run: "r", qid: "q", docno: "a")) { try Fusion(.combSUM).fuse([twice]) }
    #expect(throws: FusionError.noRuns) { try Fusion(.rrf()).fuse([]) }
    #expect(throws: FusionError.weightCount(found: 1, lists: 2)) {
      try Fusion(.rrf(), weights: [1]).fuse([Worked.first, Worked.second], qid: "q")
    }
    #expect(throws: FusionError.weight(-1)) { try Fusion(.rrf(), weights: [1, -1]) }
    #expect(throws: FusionError.weightsNotUsed(method: "isr", known: ["combsum", "rrf", "borda", "condorcet"])) {
      try Fusion(.isr, weights: [1])
    }
    #expect(throws: FusionError.normalizationNotUsed(method: "borda")) { try Fusion(.borda, normalization: .minMax) }
    #expect(throws: FusionError.outOfRange(parameter: "phi", value: 1, allowed: "between 0 and 1")) { try Fusion(.rbc(phi: 1)) }
  }

  @Test("Names are read and printed", arguments: [
    ("rrf", "rrf(k=60)"), ("RRF( k = 10 )", "rrf(k=10)"), ("sum", "combsum"), ("CombMNZ", "combmnz"), ("log_isr", "log-isr"),
    ("rbc(phi=0.95)", "rbc(phi=0.95)"), ("gmnz(gamma=0.5)", "combgmnz(gamma=0.5)"), ("bordafuse", "borda"),
    ("logn-isr()", "logn-isr(sigma=0.01)"), ("condorcet", "condorcet"),
  ])
  func names(text: String, name: String) throws {
    let method = try FusionMethod(parsing: text)
    #expect(method.description == name)
    #expect(try FusionMethod(parsing: name) == method)
  }

  @Test("Names that are none")
  func wrongNames() {
    #expect(throws: FusionError.unknownMethod("rff", nearest: "rrf", known: FusionMethod.knownNames)) {
      try FusionMethod(parsing: "rff")
    }
    #expect(throws: FusionError.unknownParameter("q", method: "rrf", known: ["k"])) { try FusionMethod(parsing: "rrf(q=1)") }
    #expect(throws: FusionError.unknownParameter("k", method: "isr", known: [])) { try FusionMethod(parsing: "isr(k=1)") }
    #expect(throws: FusionError.malformed("rrf(k=x)")) { try FusionMethod(parsing: "rrf(k=x)") }
    #expect(throws: FusionError.malformed("rrf(k=1")) { try FusionMethod(parsing: "rrf(k=1") }
    #expect(throws: FusionError.outOfRange(parameter: "k", value: -1, allowed: "a number from 0 up")) {
      try FusionMethod(parsing: "rrf(k=-1)")
    }
    #expect(throws: FusionError.needsTraining) { try FusionMethod(parsing: "bayesfuse") }
    let known = ScoreNormalization.allCases.map(\.rawValue)
    #expect(throws: FusionError.unknownNormalization("minmx", nearest: "min-max", known: known)) {
      try ScoreNormalization(parsing: "minmx")
    }
    #expect(throws: Never.self) { try ScoreNormalization(parsing: "ZMUV") }
    #expect((try? ScoreNormalization(parsing: "ZMUV")) == .zScore)
  }
}
