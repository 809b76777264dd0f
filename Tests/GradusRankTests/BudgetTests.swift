import GradusCore
import Testing

@testable import GradusRank

/// A clock that only moves when something is scored.
private final class FakeClock: Sendable {
  private let state = Guarded((now: Duration.seconds(1000), readings: 0))

  var readings: Int { state.withLock { $0.readings } }

  func read() -> Duration {
    state.withLock { state in
      state.readings += 1
      return state.now
    }
  }

  func advance(by seconds: Double) { state.withLock { $0.now += .nanoseconds(Int64(seconds * 1e9)) } }
}

/// Scores a document by the number in its text; its title says how many tokens it has. Each token takes `secondsPerToken`.
private final class MeteredNumbers: MeteredReranker {
  let scoreKind = ScoreKind.logit
  let clock: FakeClock
  let secondsPerToken: Guarded<Double>
  let pieces = Guarded<[Int]>([])
  let readCount = Guarded(0)

  init(_ clock: FakeClock = FakeClock(), secondsPerToken: Double = 1e-3) {
    self.clock = clock
    self.secondsPerToken = Guarded(secondsPerToken)
  }

  func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
    candidates.map { CandidateScore(score: Double($0.document.text) ?? 0, truncatedTokens: $0.document.text == "7" ? 3 : 0) }
  }

  func read(_ candidate: Candidate, for query: Query) -> Candidate {
    readCount.withLock { $0 += 1 }
    return candidate
  }

  func tokens(of read: Candidate) -> Int { Int(read.document.title) ?? 0 }

  func scores(ofRead read: [Candidate], for query: Query) -> [CandidateScore] {
    pieces.withLock { $0.append(read.count) }
    clock.advance(by: secondsPerToken.withLock { $0 } * Double(read.reduce(0) { $0 + tokens(of: $1) }))
    return scores(of: read, for: query)
  }
}

/// Candidates d0, d1, ... whose texts are the scores they will get.
private func group(_ scores: [Int], tokens: Int = 10) -> CandidateGroup {
  CandidateGroup(
    query: Query(qid: "1", text: "q"),
    candidates: scores.enumerated().map {
      Candidate(
        document: Document(docno: "d\($0)", title: "\(tokens)", text: "\($1)"), firstStageRank: $0 + 1,
        firstStageScore: Double(100 - $0))
    })
}

private func docnos(_ group: RerankedGroup) -> [String] { group.ranking.documents.map(\.docno) }

private let shuffled = (0..<100).map { $0 * 37 % 100 }

@Suite struct BudgetedRerankerTests {
  private func reranker(
    _ base: MeteredNumbers, _ budget: RerankBudget, weight: Double = 0
  ) throws -> BudgetedReranker {
    try BudgetedReranker(
      [CascadeStage("numbers", base, firstStageWeight: weight)], budget: budget, clock: { base.clock.read() })
  }

  @Test("Without a limit the result is the plain reranker's, at any depth, with or without a weight", arguments: [0.0, 0.25])
  func unlimited(weight: Double) throws {
    let base = MeteredNumbers()
    for depth in [0, 1, 7, 100, 1000] {
      let found = try reranker(base, .unlimited, weight: weight).rerank(group(shuffled), depth: depth)
      #expect(found.reranked == (try InterpolatedReranker(base: base, weight: weight).rerank(group(shuffled), depth: depth)))
      #expect(found.report.end == .complete)
      #expect(found.report.stages.map(\.rescored) == [min(depth, 100)])
    }
    #expect(try reranker(base, .unlimited).rerank(group([])).reranked.ranking.documents.isEmpty)
  }

  @Test("A budget of nothing reads nothing and gives the first stage's order", arguments: [RerankBudget.time(.zero), .tokens(0)])
  func nothing(budget: RerankBudget) throws {
    let base = MeteredNumbers()
    let found = try reranker(base, budget).rerank(group([1, 9, 5]))
    #expect(docnos(found.reranked) == ["d0", "d1", "d2"])
    #expect(found.reranked.rescoredCount == 0 && base.pieces.withLock { $0.isEmpty })
    #expect(found.report.end == (budget == .tokens(0) ? .tokens : .time))
  }

  @Test("Time: as many as fit, in shrinking pieces, and what was scored is never overtaken")
  func time() throws {
    let base = MeteredNumbers()
    let reranker = try reranker(base, .time(.milliseconds(400)))
    try reranker.calibrate(on: group(shuffled), for: .seconds(3600))
    // The calibration's pieces are no query's.
    base.pieces.withLock { $0 = [] }
    base.readCount.withLock { $0 = 0 }
    let before = base.clock.readings
    let found = try reranker.rerank(group(shuffled))
    // 10 tokens of a millisecond each: 40 fit, and caution leaves some of them out.
    let count = found.reranked.rescoredCount
    #expect((34...40).contains(count), "\(count)")
    #expect(found.report.elapsed <= .milliseconds(400))
    #expect(found.report.end == .time)
    #expect(base.clock.readings - before <= 14)
    let pieces = base.pieces.withLock { $0 }
    #expect(pieces.reduce(0, +) == count && pieces == pieces.sorted(by: >), "\(pieces)")
    // Nothing is read that the budget does not reach, but for the one that did not fit.
    #expect(base.readCount.withLock { $0 } == count + 1)
    let head = group(Array(shuffled[..<count]))
    #expect(Array(docnos(found.reranked)[..<count]) == docnos(try base.rerank(head)))
    #expect(Array(docnos(found.reranked)[count...]) == (count..<100).map { "d\($0)" })
    let ranking = found.reranked.ranking
    #expect(ranking.documents == Ranking(qid: "1", documents: ranking.documents).documents)
    #expect(found.reranked == (try base.rerank(group(shuffled), depth: count)))
  }

  @Test("A machine that becomes slower is noticed within a query: the deadline is met with a piece to spare")
  func slowerMachine() throws {
    let base = MeteredNumbers()
    let reranker = try reranker(base, .time(.milliseconds(400)))
    try reranker.calibrate(on: group(shuffled), for: .seconds(3600))
    base.secondsPerToken.withLock { $0 = 2e-3 }
    for number in 0..<10 {
      let found = try reranker.rerank(group(shuffled))
      #expect(found.report.elapsed <= .milliseconds(number == 0 ? 460 : 400), "query \(number): \(found.report.elapsed)")
      #expect(found.reranked.rescoredCount >= 8)
    }
  }

  @Test(
    "A candidate that fits as a token usually costs is scored, without caution and from the first query on", arguments: [11, 9])
  func oneFits(milliseconds: Int) throws {
    // Ten milliseconds a candidate.
    let steady = MeteredNumbers()
    let reranker = try reranker(steady, .time(.milliseconds(milliseconds)))
    try reranker.calibrate(on: group(shuffled), for: .seconds(3600))
    let estimate = try #require(reranker.estimates.first)
    #expect(abs((estimate.secondsPerToken ?? 0) - 1e-3) < 1e-6 && estimate.tokens(within: 0.011) ?? 10 < 10)
    for number in 0..<8 {
      let found = try reranker.rerank(group(shuffled))
      #expect(found.reranked.rescoredCount == (milliseconds == 11 ? 1 : 0), "query \(number)")
      #expect(found.report.elapsed <= .milliseconds(milliseconds))
    }
  }

  @Test("A machine that really is too slow is asked again ever less often")
  func tooSlow() throws {
    let base = MeteredNumbers(secondsPerToken: 1)
    let reranker = try reranker(base, .time(.milliseconds(400)))
    try reranker.calibrate(on: group(shuffled), for: .seconds(3600))
    let tried = try (0..<1000).filter { _ in try reranker.rerank(group(shuffled)).reranked.rescoredCount > 0 }
    #expect(tried == [8, 25, 58, 123, 252, 453, 654, 855])
  }

  @Test("A first piece that was cold, and a stall in the calibration, do not count")
  func coldStart() throws {
    final class Cold: MeteredReranker {
      let base = MeteredNumbers()
      let calls = Guarded(0)
      let stalled: Int
      init(stalled: Int) { self.stalled = stalled }
      var scoreKind: ScoreKind { .logit }
      func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] { base.scores(of: candidates, for: query) }
      func read(_ candidate: Candidate, for query: Query) -> Candidate { candidate }
      func tokens(of read: Candidate) -> Int { base.tokens(of: read) }
      func scores(ofRead read: [Candidate], for query: Query) -> [CandidateScore] {
        let call = calls.withLock { calls in
          defer { calls += 1 }
          return calls
        }
        if call == 0 || call == stalled { base.clock.advance(by: 10) }
        return base.scores(ofRead: read, for: query)
      }
    }
    for stalled in 0..<7 {
      let cold = Cold(stalled: stalled)
      let reranker = try BudgetedReranker(
        [CascadeStage("cold", cold)], budget: .time(.milliseconds(50)), clock: { cold.base.clock.read() })
      try reranker.calibrate(on: group(shuffled), for: .seconds(3600))
      #expect(try reranker.rerank(group(shuffled)).reranked.rescoredCount >= 1, "stalled in call \(stalled)")
    }
  }

  @Test("An estimate that keeps everything out is doubted: a stall is forgotten after 8 queries")
  func refusal() throws {
    // A thousand times slower while it was measured.
    let base = MeteredNumbers(secondsPerToken: 1)
    let reranker = try reranker(base, .time(.milliseconds(400)))
    try reranker.calibrate(on: group(shuffled), for: .seconds(3600))
    base.secondsPerToken.withLock { $0 = 1e-3 }
    for number in 0..<8 { #expect(try reranker.rerank(group(shuffled)).reranked.rescoredCount == 0, "query \(number)") }
    let found = try reranker.rerank(group(shuffled))
    #expect(found.reranked.rescoredCount >= 20 && found.report.elapsed <= .milliseconds(400))
    // A budget of nothing doubts nothing.
    let none = try self.reranker(base, .time(.zero))
    for _ in 0..<300 { #expect(try none.rerank(group(shuffled)).reranked.rescoredCount == 0) }
  }

  @Test("Without a calibration the first piece is one candidate")
  func uncalibrated() throws {
    let base = MeteredNumbers()
    let found = try reranker(base, .time(.milliseconds(400))).rerank(group(shuffled))
    #expect(base.pieces.withLock { $0[0] } == 1)
    #expect(found.report.elapsed <= .milliseconds(400) && found.reranked.rescoredCount >= 20)
  }

  @Test("A time that suffices ends complete, and does not re-score more than the depth")
  func longTime() throws {
    let base = MeteredNumbers()
    let found = try reranker(base, .time(.seconds(60))).rerank(group(shuffled), depth: 50)
    #expect(found.report.end == .complete && found.reranked.rescoredCount == 50)
    #expect(found.reranked == (try base.rerank(group(shuffled), depth: 50)))
  }

  @Test(
    "Tokens: exactly as many as fit, whatever the clock says",
    arguments: [(9, 0), (10, 1), (105, 10), (1000, 100), (5000, 100)])
  func tokens(limit: Int, count: Int) throws {
    let slow = MeteredNumbers(secondsPerToken: 3600)
    let found = try reranker(slow, .tokens(limit)).rerank(group(shuffled))
    #expect(found.reranked == (try slow.rerank(group(shuffled), depth: count)))
    #expect(found.report.end == (count == 100 ? .complete : .tokens))
    #expect(found.report.stages[0].tokens == 10 * count)
  }

  @Test("A candidate that does not fit ends the stage: nobody behind it is preferred for being short")
  func longCandidate() throws {
    let base = MeteredNumbers()
    var long = group([1, 2, 3])
    long.candidates[1] = Candidate(document: Document(docno: "d1", title: "500", text: "2"))
    let found = try reranker(base, .tokens(100)).rerank(long)
    #expect(found.reranked.rescoredCount == 1 && docnos(found.reranked) == ["d0", "d1", "d2"])
  }

  @Test("Budgets that make no sense are refused")
  func refusals() {
    let base = MeteredNumbers()
    #expect(throws: BudgetError.negative) { try reranker(base, .time(.milliseconds(-1))) }
    #expect(throws: BudgetError.negative) { try reranker(base, .tokens(-1)) }
    #expect(throws: BudgetError.noStages) { try BudgetedReranker([], budget: .unlimited) }
    #expect(throws: BudgetError.noStages) { try CascadeReranker([]) }
    #expect(throws: BudgetError.share(stage: "a", 0)) {
      try BudgetedReranker([CascadeStage("a", base, budgetShare: 0)], budget: .unlimited)
    }
    #expect(throws: BudgetError.weight(stage: "a", .infinity)) {
      try BudgetedReranker([CascadeStage("a", base, firstStageWeight: .infinity)], budget: .unlimited)
    }
  }
}

@Suite struct TokenCostModelTests {
  @Test("Worked: mean and deviation with gains of 1/8 and 1/4, two deviations of caution")
  func worked() {
    var cost = TokenCostModel()
    #expect(cost.tokens(within: 1) == nil)
    cost.observe(tokens: 1000, seconds: 8)
    #expect(cost.secondsPerToken == 0.008 && cost.deviation == 0.004)
    #expect(cost.tokens(within: 0.0161) == 1)
    // 0.016 a token: 0.008 above the mean.
    cost.observe(tokens: 100, seconds: 1.6)
    #expect(abs((cost.secondsPerToken ?? 0) - 0.009) < 1e-15 && abs(cost.deviation - 0.005) < 1e-15)
    #expect(cost.tokens(within: -1) == 0)
    // A stall of an hour counts as three means.
    cost.observe(tokens: 1, seconds: 3600)
    #expect(abs((cost.secondsPerToken ?? 0) - (0.009 + 0.018 / 8)) < 1e-12)
    let same = cost
    for (tokens, seconds) in [(0, 1.0), (5, 0), (5, .infinity), (5, .nan), (5, -1)] {
      cost.observe(tokens: tokens, seconds: seconds)
    }
    #expect(cost == same)
  }
}

@Suite struct MeasuredCostTests {
  @Test("Worked: the median of what was measured, and the mean distance from it")
  func worked() {
    let cost = TokenCostModel(measured: [(10, 1), (10, 90), (10, 2), (0, 5), (5, -1)])
    #expect(abs((cost.secondsPerToken ?? 0) - 0.2) < 1e-15)
    #expect(abs(cost.deviation - (0.1 + 8.8) / 3) < 1e-12)
    #expect(cost.tokens(within: 1.01, caution: 0) == 5)
    // Of two the middle; an eighth at least, and half of a single one.
    let two = TokenCostModel(measured: [(1, 1), (1, 1)])
    #expect(two.secondsPerToken == 1 && two.deviation == 0.125)
    let one = TokenCostModel(measured: [(4, 1)])
    #expect(one.secondsPerToken == 0.25 && one.deviation == 0.125)
    #expect(TokenCostModel(measured: []) == TokenCostModel())
  }
}

@Suite struct CascadeTests {
  /// Scores by another order than the numbers': the distance from 50.
  private struct Distance: MeteredReranker {
    let scoreKind = ScoreKind.logit
    func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
      candidates.map { CandidateScore(score: -abs((Double($0.document.text) ?? 0) - 50)) }
    }
    func read(_ candidate: Candidate, for query: Query) -> Candidate { candidate }
    func tokens(of read: Candidate) -> Int { 1 }
    func scores(ofRead read: [Candidate], for query: Query) -> [CandidateScore] { scores(of: read, for: query) }
  }

  @Test("A stage re-scores what it is passed, and everything else stays behind it in the order of the stage before")
  func order() throws {
    let scores = [40, 51, 10, 7, 48, 90, 50]
    let cascade = try CascadeReranker([
      CascadeStage("distance", Distance(), passing: .best(3)), CascadeStage("numbers", MeteredNumbers()),
    ])
    // By distance, of the first six: 51, 48, 40, 90 (40 away, as 10: by docno), 10, 7; the best three by their numbers.
    let found = try cascade.rerank(group(scores), depth: 6)
    #expect(docnos(found) == ["d1", "d4", "d0", "d5", "d2", "d3", "d6"])
    #expect(found.ranking.documents.map(\.score) == [51, 48, 40, 39, 38, 37, 36])
    #expect(found.ranking.documents == Ranking(qid: "1", documents: found.ranking.documents).documents)
    #expect(found.truncatedTokens == 0 && found.rescoredCount == 6)
    // A cascade is a reranker: what wraps one wraps it, too.
    #expect(cascade.scoreKind == .logit)
    #expect(try cascade.rerank(group([])).ranking.documents.isEmpty)
  }

  @Test("One stage alone is the reranker itself")
  func single() throws {
    let base = MeteredNumbers()
    let cascade = try CascadeReranker([CascadeStage("numbers", base)])
    #expect(try cascade.rerank(group(shuffled), depth: 30) == base.rerank(group(shuffled), depth: 30))
  }

  @Test("Early termination: what is too far below the border is not asked about again")
  func contended() {
    let scores = [9.0, 8, 7, 6.5, 6, 2, 1]
    let cases = [(3, 0.5, 4), (3, 0, 3), (3, 0.4, 3), (1, 100, 7), (8, 1, 7), (0, 1, 7), (5, 4, 6), (5, 3.9, 5)]
    for (rank, margin, count) in cases {
      #expect(CascadeStage.Passing.contended(rank: rank, margin: margin).count(of: scores) == count, "\(rank), \(margin)")
    }
    #expect(CascadeStage.Passing.best(3).count(of: scores) == 3)
    #expect(CascadeStage.Passing.best(-1).count(of: scores) == 0)
    #expect(CascadeStage.Passing.best(.max).count(of: []) == 0)
  }

  @Test("A budget in a cascade: the first stage has its share, the last what is left; one without scores changes nothing")
  func budgeted() throws {
    let base = MeteredNumbers()
    func run(_ tokens: Int) throws -> BudgetedGroup {
      try BudgetedReranker(
        [CascadeStage("distance", Distance(), passing: .best(5), budgetShare: 0.2), CascadeStage("numbers", base)],
        budget: .tokens(tokens)
      ).rerank(group(shuffled))
    }
    // A fifth of 100 tokens are 20 candidates of one token; 80 tokens are 8 candidates of ten, of which 5 are passed on.
    var found = try run(100)
    #expect(found.report.stages.map(\.offered) == [100, 5] && found.report.stages.map(\.rescored) == [20, 5])
    #expect(found.report.stages.map(\.tokens) == [20, 50] && found.report.end == .tokens)
    #expect(found.reranked.rescoredCount == 20)
    // Too little for a candidate of the last stage: the first one's order.
    found = try run(10)
    #expect(found.report.stages.map(\.rescored) == [2, 0])
    #expect(docnos(found.reranked)[..<3] == ["d1", "d0", "d2"])
    // Too little for the first stage: the last is offered what that one was.
    found = try BudgetedReranker(
      [CascadeStage("numbers", base, passing: .best(5), budgetShare: 0.1), CascadeStage("distance", Distance())],
      budget: .tokens(50)
    ).rerank(group(shuffled))
    #expect(found.report.stages.map(\.offered) == [100, 100] && found.report.stages.map(\.rescored) == [0, 50])
  }
}

@Suite struct MeteredPassageTests {
  /// A passage's score is its number of words.
  private struct Words: MeteredReranker {
    let scoreKind = ScoreKind.logit
    func scores(of candidates: [Candidate], for query: Query) -> [CandidateScore] {
      candidates.map { CandidateScore(score: Double($0.document.text.split(separator: " ").count), truncatedTokens: 1) }
    }
    func read(_ candidate: Candidate, for query: Query) -> Candidate { candidate }
    func tokens(of read: Candidate) -> Int { read.document.text.split(separator: " ").count }
    func scores(ofRead read: [Candidate], for query: Query) -> [CandidateScore] { scores(of: read, for: query) }
  }

  @Test("Passages are metered together, and score as without a budget")
  func passages() throws {
    let reranker = PassageReranker(base: Words(), windows: PassageWindows(size: 4, stride: 2), aggregation: .sum)
    let candidates = ["a b c d e f", "a", ""].enumerated().map { Candidate(document: Document(docno: "\($0)", text: $1)) }
    let query = Query(qid: "1", text: "q")
    let read = try candidates.map { try reranker.read($0, for: query) }
    #expect(read.map(reranker.tokens) == [8, 1, 0])
    #expect(try reranker.scores(ofRead: read, for: query) == reranker.scores(of: candidates, for: query))
    #expect(try reranker.scores(of: candidates, for: query).map(\.score) == [8, 1, 0])
  }
}
