import ArgumentParser
import Gradus

/// What a decoder may say, and what becomes of the rest's probability.
struct ConstraintOptions: ParsableArguments {
  enum Scoring: String, ExpressibleByArgument, CaseIterable {
    case masked, renormalized

    var value: ConstraintScoring {
      switch self {
      case .masked: .masked
      case .renormalized: .renormalized
      }
    }
  }

  @Option(help: ArgumentHelp("Allow only the lines of this file as answers.", valueName: "file"))
  var choices: String?

  @Option(
    help: ArgumentHelp(
      "Allow only answers that match, such as '\\[[1-9]\\]( > \\[[1-9]\\]){0,8}' or 'Answer:( yes| no)'.",
      valueName: "pattern"))
  var pattern: String?

  @Option(
    name: .customLong("constraint-scoring"),
    help: ArgumentHelp(
      "Forbidden tokens' probability is lost (masked, the default) or shared out among the allowed ones.", valueName: "name"))
  var scoring: Scoring?

  var isGiven: Bool { choices != nil || pattern != nil }

  func validate() throws {
    if choices != nil, pattern != nil {
      throw ValidationError("give either --choices or --pattern: each says by itself which answers are allowed")
    }
    if scoring != nil, !isGiven {
      throw ValidationError("--constraint-scoring goes with --choices or --pattern: without them every token is allowed")
    }
    guard let pattern else { return }
    // The syntax, before a model is loaded: every text is taken for one token.
    do {
      _ = try TokenPattern(text: pattern) { _ in [0] }
    } catch {
      throw ValidationError("--pattern '\(pattern)': \(error)")
    }
  }
}

/// Allowed answers, as tokens.
enum AllowedAnswers {
  /// Lines of a file.
  case choices(TokenTrie, [TextLines.Line])
  case pattern(TokenPatternConstraint)

  var constraint: any TokenConstraint {
    switch self {
    case .choices(let trie, _): trie
    case .pattern(let pattern): pattern
    }
  }

  /// Whether an answer that was made within the constraint is whole.
  func isComplete(_ tokens: [Int32]) -> Bool { Self.isComplete(tokens, constraint) }

  private static func isComplete<Constraint: TokenConstraint>(_ tokens: [Int32], _ constraint: Constraint) -> Bool {
    constraint.isComplete(tokens.reduce(constraint.initialState) { constraint.state(after: $1, in: $0) })
  }

  /// The line that was chosen; nil for patterns.
  func line(of tokens: [Int32]) -> TextLines.Line? {
    guard case .choices(let trie, let lines) = self else { return nil }
    return trie.sequences(matching: tokens).first.map { lines[$0] }
  }
}
