import GradusCore

/// The best list that fits into a budget of time or tokens a query.
///
///     let reranker = try BudgetedReranker([CascadeStage("ranker", PairReranker(scorer))], budget: .time(.milliseconds(50)))
///     try reranker.calibrate(on: groups[0])
///     let result = try reranker.rerank(group, depth: 100)
///     result.report.stages[0].rescored   // candidates of which the model's score was still in time
///
/// Candidates are scored in the order of the stage before, in pieces. A cost model (``TokenCostModel``) tells how many tokens
/// still fit; a piece takes at most half of them, so that pieces shrink towards the deadline and one that takes longer than
/// predicted costs little. The clock is read once a piece: some five times a query, never once a candidate. A stage that has
/// a successor may take its ``CascadeStage/budgetShare`` of what is left. Predictions are cautious, but for a stage's first
/// candidate: that one is scored where it fits as a token usually costs, because a list of which nothing was scored is worth no
/// caution. Where not even that fits, a query goes by unscored, and after some of them (``TokenCostModel/refuse()``) one
/// candidate is tried whatever it costs. What was scored is never overtaken by what was not.
/// A budget of 0 gives the first stage's order; an unlimited one gives the bits of the plain reranker.
///
/// **What depends on the clock.** With a budget of time *how many* candidates are scored depends on the machine, its load and
/// the queries before (the cost model goes on learning). Every score and the order of any given number of scored candidates
/// do not. With a budget of tokens, or none, nothing depends on the clock but ``BudgetReport/elapsed``.
public final class BudgetedReranker: Sendable {
  public let stages: [CascadeStage]
  public let budget: RerankBudget
  private let clock: @Sendable () -> Duration
  private let costs: Guarded<[TokenCostModel]>

  /// A piece has at most so many tokens under a budget of time.
  static let largestPiece = 8192
  /// Tokens of a piece that ``calibrate(on:for:)`` times.
  static let calibrationTokens = 1024

  /// - Parameter clock: Time since any fixed moment, never going back; nil for the system's.
  /// - Throws: ``BudgetError``.
  public init(
    _ stages: [CascadeStage], budget: RerankBudget, clock: (@Sendable () -> Duration)? = nil
  ) throws(BudgetError) {
    guard !stages.isEmpty else { throw .noStages }
    switch budget {
    case .time(let duration) where duration < .zero: throw .negative
    case .tokens(let count) where count < 0: throw .negative
    default: break
    }
    for stage in stages {
      guard stage.budgetShare > 0, stage.budgetShare <= 1 else { throw .share(stage: stage.name, stage.budgetShare) }
      guard stage.firstStageWeight.isFinite else { throw .weight(stage: stage.name, stage.firstStageWeight) }
    }
    self.stages = stages
    self.budget = budget
    let origin = ContinuousClock.now
    self.clock = clock ?? { ContinuousClock.now - origin }
    costs = Guarded([TokenCostModel](repeating: TokenCostModel(), count: stages.count))
  }

  /// The last stage's where nothing is added to it.
  public var scoreKind: ScoreKind {
    stages.last.map { $0.firstStageWeight == 0 ? $0.reranker.scoreKind : .unknown } ?? .unknown
  }

  /// Measures what a token costs in each stage, before the first query is in a hurry: scores candidates of `group` once to touch
  /// weights and working memory, then some alone and some together, until three of each are timed or `limit` is over. The median
  /// counts.
  ///
  /// Without it, the first query's first piece is a single candidate whose cost nobody knows. Changes no score.
  public func calibrate(on group: CandidateGroup, for limit: Duration = .milliseconds(300)) throws {
    guard !group.candidates.isEmpty, case .time = budget else { return }
    for number in stages.indices { try calibrate(number, stages[number].reranker, group, until: clock() + limit) }
  }

  private func calibrate<R: MeteredReranker>(
    _ number: Int, _ reranker: R, _ group: CandidateGroup, until end: Duration
  ) throws {
    func score(_ target: Int) throws -> Int {
      var tokens = 0
      var piece: [R.Read] = []
      for candidate in group.candidates where tokens < target {
        piece.append(try reranker.read(candidate, for: group.query))
        tokens += max(1, reranker.tokens(of: piece[piece.count - 1]))
      }
      _ = try reranker.scores(ofRead: piece, for: group.query)
      return tokens
    }
    // What is touched for the first time takes longer, and working memory is as large as the largest piece.
    _ = try score(Self.calibrationTokens)
    var measured: [(tokens: Int, seconds: Double)] = []
    for repetition in 0..<6 {
      let start = clock()
      guard repetition == 0 || start < end else { break }
      let tokens = try score(repetition % 2 == 0 ? 1 : Self.calibrationTokens)
      measured.append((tokens, (clock() - start).inSeconds))
    }
    costs.withLock { $0[number] = TokenCostModel(measured: measured) }
  }

  /// What each stage is known to cost.
  public var estimates: [TokenCostModel] { costs.withLock { $0 } }

  /// Re-ranks as many of the first `depth` candidates as the budget allows.
  ///
  /// - Throws: What the rerankers throw.
  public func rerank(_ group: CandidateGroup, depth: Int = 100) throws -> BudgetedGroup {
    let (order, report) = try run(group, depth: depth)
    return BudgetedGroup(reranked: order.group(for: group.query), report: report)
  }

  func run(_ group: CandidateGroup, depth: Int) throws -> (order: RescoredOrder, report: BudgetReport) {
    let start = clock()
    var pace = Pace(budget: budget, now: start)
    var order = RescoredOrder(group.candidates)
    var offered = min(max(0, depth), group.candidates.count)
    var reports: [BudgetReport.Stage] = []
    for (number, stage) in stages.enumerated() {
      pace.begin(share: number == stages.count - 1 ? 1 : stage.budgetShare)
      let candidates = order.top(offered)
      let before = pace
      var scores = try score(candidates, number, stage.reranker, for: group.query, &pace)
      if stage.firstStageWeight != 0 {
        scores = addingFirstStage(stage.firstStageWeight, to: scores, of: Array(candidates.prefix(scores.count)))
      }
      order.apply(scores)
      reports.append(
        BudgetReport.Stage(
          name: stage.name, precision: stage.precision, offered: offered, rescored: scores.count,
          tokens: pace.tokens - before.tokens, chunks: pace.pieces - before.pieces, exits: BudgetReport.Exits.counted(scores)))
      // A stage that scored nothing leaves its successor what it was offered itself.
      if !scores.isEmpty { offered = stage.passing.count(of: order.headScores) }
    }
    let isComplete = reports.allSatisfy { $0.rescored == $0.offered }
    return (order, BudgetReport(stages: reports, end: isComplete ? .complete : budget.end, elapsed: clock() - start))
  }

  /// The scores of the first candidates: of all, or of as many as the budget allows.
  private func score<R: MeteredReranker>(
    _ candidates: [Candidate], _ number: Int, _ reranker: R, for query: Query, _ pace: inout Pace
  ) throws -> [CandidateScore] {
    var scores: [CandidateScore] = []
    var waiting: R.Read?
    let hadTime = pace.hasTime
    while scores.count < candidates.count {
      let (room, target) = pace.room(costs.withLock { $0[number] }, isFirst: scores.isEmpty)
      guard room > 0 else { break }
      var piece: [R.Read] = []
      var tokens = 0
      for candidate in candidates[scores.count...] {
        let read = try waiting ?? reranker.read(candidate, for: query)
        let own = max(1, reranker.tokens(of: read))
        waiting = read
        guard piece.isEmpty ? own <= room : own <= target - tokens else { break }
        piece.append(read)
        tokens += own
        waiting = nil
      }
      guard !piece.isEmpty else { break }
      scores += try reranker.scores(ofRead: piece, for: query)
      let seconds = pace.finish(tokens: tokens, clock: clock)
      if let seconds { observe(number, tokens: tokens, seconds: seconds) }
    }
    if scores.isEmpty, !candidates.isEmpty, hadTime { costs.withLock { $0[number].refuse() } }
    return scores
  }

  private func observe(_ number: Int, tokens: Int, seconds: Double) {
    costs.withLock { $0[number].observe(tokens: tokens, seconds: seconds) }
  }
}

/// How far a query has come.
private struct Pace {
  let budget: RerankBudget
  private let start: Duration
  /// Of the clock's last reading.
  private var now: Duration
  private(set) var tokens = 0
  private(set) var pieces = 0
  /// Where the stage must stop: seconds since the start, or tokens.
  private var limit = 0.0

  init(budget: RerankBudget, now: Duration) {
    self.budget = budget
    start = now
    self.now = now
  }

  private var elapsed: Double { (now - start).inSeconds }

  /// A stage begins, which may take `share` of what is left.
  mutating func begin(share: Double) {
    switch budget {
    case .unlimited: limit = .infinity
    case .time(let duration): limit = elapsed + share * max(0, duration.inSeconds - elapsed)
    // Whole tokens, so that a share of 1 is all of them.
    case .tokens(let count): limit = Double(tokens) + (share * Double(count - tokens)).rounded(.down)
    }
  }

  /// Whether a budget of time is left, however little.
  var hasTime: Bool { if case .time = budget { elapsed < limit } else { false } }

  /// The tokens that the next candidate may have at most, and those of a piece of several.
  ///
  /// - Parameter isFirst: Of its stage.
  func room(_ cost: TokenCostModel, isFirst: Bool) -> (room: Int, target: Int) {
    switch budget {
    case .unlimited: return (.max, .max)
    case .tokens: return (Int(limit) - tokens, Int(limit) - tokens)
    case .time:
      guard elapsed < limit else { return (0, 0) }
      // Nothing is known yet: one candidate, whatever it costs.
      guard let room = cost.tokens(within: limit - elapsed) else { return (.max, 0) }
      let usual = isFirst ? cost.tokens(within: limit - elapsed, caution: 0) ?? room : room
      return (usual, min(room / 2, BudgetedReranker.largestPiece))
    }
  }

  /// A piece has been scored; its seconds where time matters, which then reads the clock.
  mutating func finish(tokens count: Int, clock: () -> Duration) -> Double? {
    tokens += count
    pieces += 1
    guard case .time = budget else { return nil }
    let before = now
    now = clock()
    return (now - before).inSeconds
  }
}

extension RerankBudget {
  /// Why a query ended that did not get to all of its candidates.
  fileprivate var end: BudgetReport.End { if case .tokens = self { .tokens } else { .time } }
}
