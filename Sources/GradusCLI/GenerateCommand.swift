import ArgumentParser
import Gradus

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Ask a decoder, or let it go on from a text.",
    discussion: """
        gradus generate --model smollm2-135m --prompt "What is the capital of France?" --max-tokens 32
        gradus generate --model smollm2-135m --raw --prompt "The capital of France is" --max-tokens 32

      The prompt becomes a user's message in the chat format that comes with the model; control tokens that it spells \
      stay text. With --raw the model continues the prompt as it stands. Greedy by default; with --temperature by chance, \
      the same for the same --seed.
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

  @Option(help: ArgumentHelp("Tokens to generate at most.", valueName: "n"))
  var maxTokens = 256

  @Option(help: ArgumentHelp("0: the most probable token; above: by chance, the flatter the higher.", valueName: "t"))
  var temperature = 0.0

  @Option(help: ArgumentHelp("By chance: among so many of the best tokens.", valueName: "k"))
  var topK: Int?

  @Option(help: ArgumentHelp("By chance: among the best tokens with this much probability.", valueName: "p"))
  var topP = 1.0

  @Option(help: ArgumentHelp("Seed of the chance.", valueName: "n"))
  var seed: UInt64 = 1

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    for (name, value) in [("--system", system), ("--chat-template", chatTemplate), ("--date", date)] where raw && value != nil {
      throw ValidationError("\(name) needs a chat format; leave it or --raw out")
    }
    if let date, TemplateDate(date) == nil { throw ValidationError("--date must be a day as 2024-07-26, found '\(date)'") }
    guard maxTokens >= 1 else { throw ValidationError("--max-tokens must be at least 1, found \(maxTokens)") }
    guard temperature >= 0 else { throw ValidationError("--temperature must not be negative, found \(temperature)") }
  }

  func run() throws {
    _ = threads.apply()
    let path = try InputNames.decoder(model)
    let decoder = try LlamaDecoder(path: path)
    let tokenizer = try BytePairTokenizer(decoder: path)
    let input = try input(path, tokenizer)
    let options = GenerationOptions(
      maximumTokens: maxTokens, sampling: temperature == 0 ? .greedy : .random(temperature: temperature, topK: topK, topP: topP),
      stopTokens: input.stopTokens, seed: seed)
    var stream = TokenStream(tokenizer)
    var text = ""
    let result = try decoder.generate(input.tokens, options: options) { token in
      text += stream.append(token)
      return true
    }
    text += stream.finish()
    guard output.json else { return try printOutput(text + "\n") }
    try printJSON(
      Figures(
        text: text, tokens: result.tokens, ending: result.ending.name, prompt_tokens: result.counters.promptTokens,
        cached_tokens: result.counters.cachedTokens, output_tokens: result.counters.outputTokens,
        prompt_seconds: result.counters.promptSeconds, generation_seconds: result.counters.generationSeconds, model: model,
        log_probability: result.logProbabilities.reduce(0, +)))
  }

  /// The prompt's tokens, and those that end the answer.
  private func input(_ path: String, _ tokenizer: BytePairTokenizer) throws -> (tokens: [Int32], stopTokens: Set<Int32>) {
    if raw { return (tokenizer.encode(prompt), Set([tokenizer.endID].compactMap { $0 })) }
    let template = try template(path)
    let messages = (system.map { [ChatMessage.system($0)] } ?? []) + [.user(prompt)]
    return (
      try template.encode(messages, with: tokenizer, date: date.flatMap { TemplateDate($0) }),
      try template.stopTokens(decoder: path, tokenizer: tokenizer)
    )
  }

  private func template(_ path: String) throws -> ChatTemplate {
    guard let name = chatTemplate else { return try ChatTemplate(decoder: path) }
    let tokens = try ChatTemplate.specialTokens(decoder: path)
    if ChatTemplate.names.contains(name) { return try ChatTemplate.named(name, specialTokens: tokens) }
    guard InputNames.isFile(name) else {
      throw UsageError("--chat-template '\(name)' is neither a file nor one of: \(ChatTemplate.names.joined(separator: ", "))")
    }
    return try ChatTemplate(file: name, specialTokens: tokens)
  }

  /// Names are those of the JSON object.
  private struct Figures: Encodable {
    let text: String
    let tokens: [Int32]
    let ending: String
    let prompt_tokens: Int
    let cached_tokens: Int
    let output_tokens: Int
    let prompt_seconds: Double
    let generation_seconds: Double
    let model: String
    let log_probability: Double
  }
}

extension GenerationResult.Ending {
  fileprivate var name: String {
    switch self {
    case .stopToken: "stop"
    case .constraint: "constraint"
    case .maximumTokens: "length"
    case .context: "context"
    }
  }
}
