import Gradus

/// What 'rerank' did: one line, or the JSON object whose names these are.
struct RerankSummary: Encodable {
  private let out: String
  private let model: String
  private let precision: String
  private let firstStageWeight: Double
  private let queries: Int
  private let candidates: Int
  private let truncatedCandidates: Int
  private let truncatedTokens: Int
  private let seconds: Double
  /// Where there are several.
  private let cascade: [String]?
  private let budgetMilliseconds: Double?
  private let budgetTokens: Int?
  private let time: Times?
  private let perQuery: [QueryReport]?
  /// Queries with candidates of which the budget let none be re-scored, by any stage.
  private let unscored: Int
  /// Where candidates left the last model early; nil where it has no exits or they are not used.
  private let earlyExits: [Exits]?

  private struct Exits: Encodable {
    let layer: Int
    let isRelevant: Bool
    let candidates: Int

    enum CodingKeys: String, CodingKey {
      case layer, candidates
      case isRelevant = "relevant"
    }
  }

  private struct Times: Encodable {
    let median: Double
    let p99: Double
    let longest: Double

    enum CodingKeys: String, CodingKey {
      case median = "p50_ms"
      case p99 = "p99_ms"
      case longest = "longest_ms"
    }

    /// - Parameter milliseconds: Not empty. Nearest ranks.
    init(_ milliseconds: [Double]) {
      let sorted = milliseconds.sorted()
      func rank(_ share: Double) -> Double { sorted[max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1)] }
      median = rank(0.5)
      p99 = rank(0.99)
      longest = sorted[sorted.count - 1]
    }
  }

  private struct QueryReport: Encodable {
    struct Stage: Encodable {
      let model: String
      let precision: String?
      let offered: Int
      let rescored: Int
      let tokens: Int
    }

    let qid: String
    let stages: [Stage]
    let end: String
    let ms: Double
  }

  enum CodingKeys: String, CodingKey {
    case out, model, precision, queries, candidates, seconds, cascade, time
    case firstStageWeight = "first_stage_weight"
    case truncatedCandidates = "truncated_candidates"
    case truncatedTokens = "truncated_tokens"
    case budgetMilliseconds = "budget_ms"
    case budgetTokens = "budget_tokens"
    case perQuery = "per_query"
    case unscored = "unscored_queries"
    case earlyExits = "early_exits"
  }

  /// - Parameters:
  ///   - budget: Nil where none was given; then there is no report of each query, unless there are several stages.
  ///   - exitsEarly: Whether candidates may leave the last model early.
  init(
    out: String, model: String, stages: [CascadeStage], results: [BudgetedGroup], seconds: Double, budget: BudgetOptions?,
    exitsEarly: Bool
  ) {
    self.out = out
    self.model = model
    precision = stages.last?.precision?.rawValue ?? NumericPrecision.fp32.rawValue
    firstStageWeight = stages.last?.firstStageWeight ?? 0
    queries = results.count
    candidates = results.reduce(0) { $0 + $1.reranked.rescoredCount }
    truncatedCandidates = results.reduce(0) { $0 + $1.reranked.truncatedCandidates }
    truncatedTokens = results.reduce(0) { $0 + $1.reranked.truncatedTokens }
    self.seconds = seconds
    cascade = stages.count > 1 ? stages.map(\.name) : nil
    budgetMilliseconds = budget?.milliseconds
    budgetTokens = budget?.tokens
    unscored = results.count { $0.reranked.rescoredCount == 0 && $0.report.end != .complete }
    earlyExits = !exitsEarly ? nil : Self.exits(results)
    let reports = budget != nil || stages.count > 1
    time = reports && !results.isEmpty ? Times(results.map { 1e3 * $0.report.elapsed.inSeconds }) : nil
    perQuery = !reports ? nil : results.map { result in
      QueryReport(
        qid: result.reranked.ranking.qid,
        stages: result.report.stages.map {
          QueryReport.Stage(
            model: $0.name, precision: $0.precision?.rawValue, offered: $0.offered, rescored: $0.rescored, tokens: $0.tokens)
        }, end: result.report.end.rawValue, ms: 1e3 * result.report.elapsed.inSeconds)
    }
  }

  private static func exits(_ results: [BudgetedGroup]) -> [Exits] {
    var counts: [EarlyExit: Int] = [:]
    for exits in results.compactMap({ $0.report.stages.last?.exits }).joined() {
      counts[exits.exit, default: 0] += exits.candidates
    }
    return counts.map { Exits(layer: $0.layer, isRelevant: $0.isRelevant, candidates: $1) }.sorted {
      ($0.layer, $0.isRelevant ? 1 : 0) < ($1.layer, $1.isRelevant ? 1 : 0)
    }
  }

  /// "; left early: 90 after layer 2 (not relevant), 410 read to the end"
  private var exitText: String {
    guard let earlyExits else { return "" }
    let places = earlyExits.map { exits in
      "\(exits.candidates.grouped) after layer \(exits.layer) (\(exits.isRelevant ? "relevant" : "not relevant"))"
    }
    let whole = candidates - earlyExits.reduce(0) { $0 + $1.candidates }
    return "; left early: \(places.isEmpty ? "none" : places.joined(separator: ", ")), \(whole.grouped) read to the end"
  }

  var text: String {
    let rate = seconds > 0 ? Int(Double(candidates) / seconds) : 0
    var text = "gradus: \(queries.grouped) queries, \(candidates.grouped) candidates re-ranked in \(seconds.fixed(1)) s "
    text += "(\(rate.grouped)/s, \(precision)), first-stage weight \(firstStageWeight)"
    if truncatedCandidates > 0 {
      text += "; \(truncatedCandidates.grouped) candidates were longer than the model reads "
      text += "(\(truncatedTokens.grouped) tokens cut)"
    }
    text += exitText
    guard let perQuery, let time else { return text }
    if let budgetMilliseconds { text += "; budget \(budgetMilliseconds) ms a query" }
    if let budgetTokens { text += "; budget \(budgetTokens.grouped) tokens a query" }
    let stages = perQuery[0].stages.indices.map { number in
      let mean = Double(perQuery.reduce(0) { $0 + $1.stages[number].rescored }) / Double(queries)
      let stage = perQuery[0].stages[number]
      return "\(mean.fixed(1)) by \(stage.model)\(stage.precision.map { " (\($0))" } ?? "")"
    }
    text += "; a query: \(stages.joined(separator: ", ")), "
    text += "median \(time.median.fixed(1)) ms, p99 \(time.p99.fixed(1)) ms, longest \(time.longest.fixed(1)) ms"
    if budgetMilliseconds == nil, budgetTokens == nil { return text }
    text += "; \(perQuery.count { $0.end != "complete" }.grouped) queries ended by the budget"
    guard unscored > 0 else { return text }
    return text + ", \(unscored.grouped) of them before a candidate was re-scored: one was expected to cost more than there was"
  }
}
