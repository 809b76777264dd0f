import ArgumentParser
import Gradus

/// What re-ranking may cost a query, and the cheaper models that go first.
struct BudgetOptions: ParsableArguments {
  @Option(
    name: .customLong("budget-ms"),
    help: ArgumentHelp("Milliseconds a query: the best list that fits. The result depends on the machine.", valueName: "ms"))
  var milliseconds: Double?

  @Option(
    name: .customLong("budget-tokens"),
    help: ArgumentHelp("Tokens that are read a query, in all stages together; the same result everywhere.", valueName: "n"))
  var tokens: Int?

  @Option(
    name: .customLong("cascade"),
    help: ArgumentHelp(
      "Models that go before --model, in order, each with the candidates that it passes on: small:40,middle:15.",
      valueName: "model:n,..."))
  var stages: String?

  func validate() throws {
    if milliseconds != nil, tokens != nil { throw ValidationError("give either --budget-ms or --budget-tokens") }
    if let milliseconds, !(milliseconds >= 0 && milliseconds <= 1e9) {
      throw ValidationError("--budget-ms must be a number from 0 to 1,000,000,000, found \(milliseconds)")
    }
    if let tokens, tokens < 0 { throw ValidationError("--budget-tokens must be at least 0, found \(tokens)") }
    _ = try cascade()
  }

  var isGiven: Bool { milliseconds != nil || tokens != nil }

  var budget: RerankBudget {
    if let milliseconds { return .time(.nanoseconds(Int64(milliseconds * 1e6))) }
    return tokens.map(RerankBudget.tokens) ?? .unlimited
  }

  /// The models before the last and how many candidates each passes on.
  func cascade() throws -> [(model: String, count: Int)] {
    guard let stages else { return [] }
    return try stages.split(separator: ",", omittingEmptySubsequences: false).map { stage in
      guard let colon = stage.lastIndex(of: ":"), colon != stage.startIndex,
        let count = Int(stage[stage.index(after: colon)...]), count >= 1
      else { throw ValidationError("--cascade '\(stage)': expected MODEL:N with N from 1 up, the candidates to pass on") }
      return (String(stage[..<colon]), count)
    }
  }
}
