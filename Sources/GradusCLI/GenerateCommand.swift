import ArgumentParser
import Gradus

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Ask a decoder, let it go on from a text, or ask how probable texts are.",
    discussion: """
        gradus generate --model smollm2-135m --prompt "What is the capital of France?" --max-tokens 32
        gradus generate --model smollm2-135m --raw --prompt "The capital of France is" --max-tokens 32

      The prompt becomes a user's message in the chat format that comes with the model; control tokens that it spells \
      stay text. With --raw the model continues the prompt as it stands. Greedy by default; with --temperature by chance, \
      the same for the same --seed; with --beams the most probable of several that are followed at once (--json: all).

        gradus generate --model smollm2-135m --prompt "Name a color." --beams 4 --length-penalty 1

      Answers can be confined to the lines of a file or to a pattern. Both work with all of the above.

        printf 'yes\\nno\\n' > answers.txt
        gradus generate --model smollm2-135m --prompt "Is water wet?" --choices answers.txt --beams 2
        gradus generate --model smollm2-135m --prompt "Is water wet?" --pattern '(Yes|No)[.!]?'

      A pattern is plain text with (a|b) for alternatives, [a-z] for one character of a set, and x?, x{3} or x{1,4} for \
      repetitions, which need a bound; a backslash before any sign stands for the sign. Each stretch of plain text is cut \
      into tokens by itself: put a space before a word and not behind it.

      With --continuations nothing is generated: each line is scored as what follows the prompt, and listed with its \
      log-probability, its mean for each token and its number of tokens, the best first. With --raw, begin lines with the \
      space that separates them from the prompt.

        gradus generate --model smollm2-135m --prompt "Is water wet?" --continuations answers.txt
      """)

  @Option(help: ArgumentHelp("Name, folder or GGUF file of a decoder.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("What the user says; with --raw the text to go on from.", valueName: "text"))
  var prompt: String

  @Option(help: ArgumentHelp("What the model is told before.", valueName: "text"))
  var system: String?

  @Flag(help: "Take the prompt as it stands, without the model's chat format.")
  var raw = false

  @Option(help: ArgumentHelp("Another chat format: chatml, or a file in Jinja's language.", valueName: "name"))
  var chatTemplate: String?

  @Option(help: ArgumentHelp("Today, for formats that tell it.", valueName: "yyyy-mm-dd"))
  var date: String?

  @Option(help: ArgumentHelp("Tokens to generate at most, 256 by default.", valueName: "n"))
  var maxTokens: Int?

  @Option(
    help: ArgumentHelp("0, the default: the most probable token; above: by chance, the flatter the higher.", valueName: "t"))
  var temperature: Double?

  @Option(help: ArgumentHelp("By chance: among so many of the best tokens.", valueName: "k"))
  var topK: Int?

  @Option(help: ArgumentHelp("By chance: among the best tokens with this much probability.", valueName: "p"))
  var topP: Double?

  @Option(help: ArgumentHelp("Seed of the chance, 1 by default.", valueName: "n"))
  var seed: UInt64?

  @Option(help: ArgumentHelp("Follow so many answers at once and take the most probable.", valueName: "n"))
  var beams: Int?

  @Option(
    help: ArgumentHelp(
      "Rank by log-probability / tokens^a: 0, the default, by the sum, 1 by the mean. For --beams and --continuations.",
      valueName: "a"))
  var lengthPenalty: Double?

  @OptionGroup var constraint: ConstraintOptions

  @Option(help: ArgumentHelp("Score the lines of this file as continuations of the prompt.", valueName: "file"))
  var continuations: String?

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    for (name, value) in [("--system", system), ("--chat-template", chatTemplate), ("--date", date)] where raw && value != nil {
      throw ValidationError("\(name) needs a chat format; leave it or --raw out")
    }
    if let date, TemplateDate(date) == nil { throw ValidationError("--date must be a day as 2024-07-26, found '\(date)'") }
    try checkTogether()
    if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1, found \(maxTokens)") }
    if let temperature, !(temperature >= 0) {
      throw ValidationError("--temperature must not be negative, found \(temperature)")
    }
    if let beams, beams < 1 { throw ValidationError("--beams must be at least 1, found \(beams)") }
    if let lengthPenalty, !(lengthPenalty >= 0 && lengthPenalty.isFinite) {
      throw ValidationError("--length-penalty must be a number from 0 up, found \(lengthPenalty)")
    }
  }

  /// Options that need others, or exclude them.
  private func checkTogether() throws {
    func isGiven(_ options: [(String, Bool)]) -> String? { options.first(where: \.1)?.0 }
    let ofChance = [("--top-k", topK != nil), ("--top-p", topP != nil), ("--seed", seed != nil)]
    let ofGenerating = [
      ("--beams", beams != nil), ("--choices", constraint.choices != nil), ("--pattern", constraint.pattern != nil),
      ("--max-tokens", maxTokens != nil),
    ]
    let chance = [("--temperature", temperature != nil)] + ofChance
    if continuations != nil, let other = isGiven(ofGenerating + chance) {
      throw ValidationError("--continuations scores texts and generates none; leave it or \(other) out")
    }
    if beams != nil, let other = isGiven(chance) {
      throw ValidationError("--beams keeps the most probable answers and leaves nothing to chance; leave it or \(other) out")
    }
    if temperature ?? 0 == 0, let other = isGiven(ofChance) {
      throw ValidationError("\(other) is about chance; give --temperature above 0 too, or leave \(other) out")
    }
    if lengthPenalty != nil, beams == nil, continuations == nil {
      throw ValidationError("--length-penalty ranks several answers; it goes with --beams or --continuations")
    }
  }

  func run() throws {
    _ = threads.apply()
    // Small files first: what is wrong with them should not wait for a model.
    let scored = try continuations.map { try TextLines(path: $0) }
    let choices = try constraint.choices.map { try TextLines(path: $0) }
    let setup = try DecoderSetup(self)
    if let scored { return try score(scored, setup) }
    let answers = try allowedAnswers(choices, setup)
    if let beams { return try search(width: beams, answers, setup) }
    try generate(answers, setup)
  }

  var maximumTokens: Int { maxTokens ?? 256 }

  private func allowedAnswers(_ choices: TextLines?, _ setup: DecoderSetup) throws -> AllowedAnswers? {
    if let choices {
      let sequences = try setup.encode(choices)
      if let long = sequences.firstIndex(where: { $0.count > maximumTokens }) {
        throw UsageError(
          "\(choices.path):\(choices.lines[long].number): \(sequences[long].count) tokens, and --max-tokens allows "
            + "\(maximumTokens); give --max-tokens \(sequences.map(\.count).max() ?? 0)")
      }
      return .choices(try TokenTrie(sequences), choices.lines)
    }
    guard let pattern = constraint.pattern else { return nil }
    return .pattern(try TokenPatternConstraint(try TokenPattern(text: pattern, encode: setup.encode)))
  }
}
