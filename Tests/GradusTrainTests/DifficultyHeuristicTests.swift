import GradusCore
import GradusTrain
import Testing

@Suite("Difficulty heuristics")
struct DifficultyHeuristicTests {
  static let heuristics: [any DifficultyHeuristic] = [
    ReciprocalRankDifficulty(), NormalizedScoreDifficulty(), KDEScoreDifficulty(),
  ]

  /// Expected signals of a, b, c, d, e, computed with SciPy 1.17 (`gaussian_kde`, default bandwidth) and by hand.
  static let expected: [[Double]] = [
    [1, 1.0 / 2, 1.0 / 3, 1.0 / 5, 1.0 / 4],
    [1, 0.571429, 0.142857, 0, 0],
    [0.881560, 0.685932, 0.387941, 0.272284, 0.272284],
  ]

  @Test("Signals of the worked run", arguments: 0..<3)
  func signals(number: Int) throws {
    let statistics = try WorkedRun.statistics()
    for (position, docno) in ["a", "b", "c", "d", "e"].enumerated() {
      let phi = try Self.heuristics[number].signal(qid: "q", docno: docno, in: statistics)
      #expect(approximately(phi, Self.expected[number][position]), "\(docno): \(phi)")
    }
  }

  @Test("A hard pair, an easy pair, and a judged document either way", arguments: [
    (0, 0.25, 0.9, 0.5), (1, 0.285714, 1.0, 0.571429), (2, 0.402186, 0.804638, 0.685932),
  ])
  func easiness(number: Int, hard: Double, easy: Double, relevant: Double) throws {
    let statistics = try WorkedRun.statistics()
    func easiness(_ sample: TrainingSample) throws -> Double {
      try Self.heuristics[number].easiness(of: sample, in: statistics)
    }
    #expect(approximately(try easiness(.pairwise(qid: "q", positive: "b", negatives: ["a"])), hard))
    #expect(approximately(try easiness(.pairwise(qid: "q", positive: "a", negatives: ["d"])), easy))
    let positive = TrainingSample.pointwise(qid: "q", docno: "b", label: 3, isPositive: true)
    #expect(approximately(try easiness(positive), relevant))
    // Label 1 on a scale where the cut is above it: negative, although the label is above 0.
    let negative = TrainingSample.pointwise(qid: "q", docno: "b", label: 1, isPositive: false)
    #expect(approximately(try easiness(negative), 1 - relevant))
  }

  @Test("Swapping a pair gives 1 - D; equal signals give 0.5", arguments: 0..<3)
  func identities(number: Int) throws {
    let statistics = try WorkedRun.statistics()
    let heuristic = Self.heuristics[number]
    for first in ["a", "b", "c", "d", "e"] {
      for second in ["a", "b", "c", "d", "e"] {
        let forth = try heuristic.easiness(of: .pairwise(qid: "q", positive: first, negatives: [second]), in: statistics)
        let back = try heuristic.easiness(of: .pairwise(qid: "q", positive: second, negatives: [first]), in: statistics)
        #expect(approximately(forth + back, 1, within: 1e-15))
        if first == second { #expect(forth == 0.5) }
      }
    }
  }

  @Test("Several negatives: the hardest decides", arguments: 0..<3)
  func severalNegatives(number: Int) throws {
    let statistics = try WorkedRun.statistics()
    let heuristic = Self.heuristics[number]
    let all = try heuristic.easiness(of: .pairwise(qid: "q", positive: "b", negatives: ["d", "a", "c"]), in: statistics)
    #expect(all == (try heuristic.easiness(of: .pairwise(qid: "q", positive: "b", negatives: ["a"]), in: statistics)))
  }

  @Test("Normalised scores and KDE ignore positive affine maps; reciprocal rank ignores monotone ones")
  func invariance() throws {
    let plain = try WorkedRun.statistics()
    let affine = try WorkedRun.statistics { 3.7 * $0 - 41 }
    let monotone = try WorkedRun.statistics { $0 * $0 * $0 }
    for docno in ["a", "b", "c", "d", "e"] {
      for heuristic in Self.heuristics[1...] {
        let before = try heuristic.signal(qid: "q", docno: docno, in: plain)
        #expect(approximately(before, try heuristic.signal(qid: "q", docno: docno, in: affine), within: 1e-12))
      }
      let recip = ReciprocalRankDifficulty()
      #expect(
        try recip.signal(qid: "q", docno: docno, in: plain) == recip.signal(qid: "q", docno: docno, in: monotone))
    }
  }

  @Test("Bandwidth rules: Silverman's is narrower than Scott's by (4/3)^(1/5); a fixed one is taken as it is")
  func bandwidths() throws {
    let statistics = try WorkedRun.statistics()
    let scott = try KDEScoreDifficulty(bandwidth: .fixed(2.210281)).signal(qid: "q", docno: "c", in: statistics)
    #expect(approximately(scott, 0.387941, within: 1e-6))
    let silverman = try KDEScoreDifficulty(bandwidth: .silverman).signal(qid: "q", docno: "c", in: statistics)
    let same = try KDEScoreDifficulty(bandwidth: .fixed(2.210281 * 1.059224)).signal(qid: "q", docno: "c", in: statistics)
    #expect(approximately(silverman, same, within: 1e-6))
    #expect(silverman != scott)
  }

  @Test("A query whose scores all tie, or with one candidate, says nothing: signal 0.5, pairs 0.5")
  func constantScores() throws {
    let tied = try WorkedRun.statistics { _ in 4 }
    let single = try FirstStageStatistics(
      run: Run(name: "r", rankings: [Ranking(qid: "q", documents: [ScoredDocument(docno: "a", score: 1)])]),
      outsideScorer: { _, _ in -7 })
    for heuristic in Self.heuristics[1...] {
      #expect(try heuristic.signal(qid: "q", docno: "c", in: tied) == 0.5)
      #expect(try heuristic.easiness(of: .pairwise(qid: "q", positive: "a", negatives: ["b"]), in: tied) == 0.5)
      #expect(try heuristic.signal(qid: "q", docno: "elsewhere", in: single) == 0.5)
    }
    let quarter = try NormalizedScoreDifficulty(constantValue: 0.25)
    #expect(try quarter.signal(qid: "q", docno: "c", in: tied) == 0.25)
    // Reciprocal rank needs no spread: the tie rule orders the documents e, d, c, b, a.
    #expect(try ReciprocalRankDifficulty().signal(qid: "q", docno: "e", in: tied) == 1)
    #expect(try ReciprocalRankDifficulty().signal(qid: "q", docno: "a", in: tied) == 0.2)
  }

  @Test("Documents outside the run: rank 1000, or the first stage's score clamped into the run's range")
  func outsideTheRun() throws {
    let statistics = try FirstStageStatistics(run: WorkedRun.run()) { qid, docno in
      #expect(qid == "q")
      return docno == "low" ? -3 : 30
    }
    #expect(try ReciprocalRankDifficulty().signal(qid: "q", docno: "low", in: statistics) == 0.001)
    #expect(try ReciprocalRankDifficulty(missingRank: 50).signal(qid: "q", docno: "low", in: statistics) == 0.02)
    #expect(try NormalizedScoreDifficulty().signal(qid: "q", docno: "low", in: statistics) == 0)
    #expect(try NormalizedScoreDifficulty().signal(qid: "q", docno: "high", in: statistics) == 1)
    let low = try KDEScoreDifficulty().signal(qid: "q", docno: "low", in: statistics)
    #expect(low > 0 && low < 0.01)
    #expect(try KDEScoreDifficulty().signal(qid: "q", docno: "high", in: statistics) <= 1)
    // The run's own score goes first: the outside scorer would say 30 for c.
    #expect(approximately(try NormalizedScoreDifficulty().signal(qid: "q", docno: "c", in: statistics), 0.142857))
  }

  @Test("What the first stage cannot tell is an error")
  func errors() throws {
    #expect(throws: FirstStageError.emptyRun) { try FirstStageStatistics(run: Run(name: "r")) }
    #expect(throws: FirstStageError.emptyRanking(qid: "q")) {
      try FirstStageStatistics(run: Run(name: "r", rankings: [Ranking(qid: "q", documents: [])]))
    }
    for score in [Double.nan, .infinity] {
      let ranking = Ranking(qid: "q", alreadyOrdered: [ScoredDocument(docno: "x", score: score)])
      #expect(throws: FirstStageError.scoreNotFinite(qid: "q", docno: "x")) {
        try FirstStageStatistics(run: Run(name: "r", rankings: [ranking]))
      }
    }
    let twice = Ranking(qid: "q", documents: ["x", "x"].map { ScoredDocument(docno: $0, score: 1) })
    #expect(throws: FirstStageError.duplicateDocument(qid: "q", docno: "x")) {
      try FirstStageStatistics(run: Run(name: "r", rankings: [twice]))
    }
    let statistics = try WorkedRun.statistics()
    for heuristic in Self.heuristics {
      #expect(throws: FirstStageError.queryNotInRun(qid: "other")) {
        try heuristic.signal(qid: "other", docno: "a", in: statistics)
      }
    }
    for heuristic in Self.heuristics[1...] {
      #expect(throws: FirstStageError.documentOutsideRun(qid: "q", docno: "z")) {
        try heuristic.signal(qid: "q", docno: "z", in: statistics)
      }
    }
    let broken = try FirstStageStatistics(run: WorkedRun.run(), outsideScorer: { _, _ in .nan })
    #expect(throws: FirstStageError.scoreNotFinite(qid: "q", docno: "z")) {
      try NormalizedScoreDifficulty().signal(qid: "q", docno: "z", in: broken)
    }
  }

  @Test("Settings that cannot be meant are refused")
  func settings() {
    #expect(throws: CurriculumError.missingRankBelowOne(0)) { try ReciprocalRankDifficulty(missingRank: 0) }
    #expect(throws: CurriculumError.constantValueOutsideUnitInterval(1.5)) {
      try NormalizedScoreDifficulty(constantValue: 1.5)
    }
    #expect(throws: CurriculumError.bandwidthNotPositive(0)) { try KDEScoreDifficulty(bandwidth: .fixed(0)) }
    #expect(throws: CurriculumError.constantValueOutsideUnitInterval(-1)) {
      try KDEScoreDifficulty(bandwidth: .scott, constantValue: -1)
    }
  }
}
