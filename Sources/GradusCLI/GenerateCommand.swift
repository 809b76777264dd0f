import ArgumentParser
import Gradus

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Go on from a text with a decoder.",
    discussion: """
        gradus generate --model smollm2-135m --raw --prompt "The capital of France is" --max-tokens 32

      With --raw the model continues the prompt as it stands. Greedy by default; with --temperature by chance, the same \
      for the same --seed.
      """)

  @Option(help: ArgumentHelp("Name, folder or GGUF file of a decoder.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("The text to go on from.", valueName: "text"))
  var prompt: String

  @Flag(help: "Take the prompt as it stands, without the model's chat format.")
  var raw = false

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
    guard raw else {
      throw ValidationError("chat formats cannot be applied yet: write the prompt as the model expects it and add --raw")
    }
    guard maxTokens >= 1 else { throw ValidationError("--max-tokens must be at least 1, found \(maxTokens)") }
    guard temperature >= 0 else { throw ValidationError("--temperature must not be negative, found \(temperature)") }
  }

  func run() throws {
    _ = threads.apply()
    let path = try InputNames.decoder(model)
    let decoder = try LlamaDecoder(path: path)
    let tokenizer = try BytePairTokenizer(decoder: path)
    let options = GenerationOptions(
      maximumTokens: maxTokens, sampling: temperature == 0 ? .greedy : .random(temperature: temperature, topK: topK, topP: topP),
      stopTokens: Set([tokenizer.endID].compactMap { $0 }), seed: seed)
    var stream = TokenStream(tokenizer)
    var text = ""
    let result = try decoder.generate(tokenizer.encode(prompt), options: options) { token in
      text += stream.append(token)
      return true
    }
    text += stream.finish()
    guard output.json else { return try printOutput(text + "\n") }
    try printJSON(
      Figures(
        text: text, ending: result.ending.name, prompt_tokens: result.counters.promptTokens,
        cached_tokens: result.counters.cachedTokens, output_tokens: result.counters.outputTokens,
        prompt_seconds: result.counters.promptSeconds, generation_seconds: result.counters.generationSeconds, model: model,
        log_probability: result.logProbabilities.reduce(0, +)))
  }

  /// Names are those of the JSON object.
  private struct Figures: Encodable {
    let text: String
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
