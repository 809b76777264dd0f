import ArgumentParser
import Gradus

struct BenchGenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate", abstract: "Tokens per second of a decoder: reading a prompt and generating.",
    discussion: """
        gradus bench generate --model smollm2-135m --prompt 1500 --generate 128 --json

      The prompt is random tokens; generation goes on from it, greedily, whatever tokens come. With --share, that many \
      prompts with the same beginning are read as well, with and without reusing it. With --text, the perplexity of a \
      text is measured, too: of all its tokens but the first, each given all before it.
      """,
    aliases: ["decode"])

  @Option(help: ArgumentHelp("Name, folder or GGUF file of a decoder.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("Tokens of the prompt.", valueName: "n"))
  var prompt = 1500

  @Option(help: ArgumentHelp("Tokens to generate.", valueName: "n"))
  var generate = 128

  @Option(help: ArgumentHelp("Prompts that share their first two thirds; 0: leave this out.", valueName: "n"))
  var share = 0

  @Option(help: ArgumentHelp("Text file in UTF-8 to take the perplexity of.", valueName: "file"))
  var text: String?

  @Option(help: ArgumentHelp("Arithmetic of single tokens and of --text: int8 or bfloat16.", valueName: "name"))
  var arithmetic = "int8"

  @Option(help: ArgumentHelp("Timed repeats, at least 5.", valueName: "n"))
  var repeats = 5

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard repeats >= 5 else { throw ValidationError("--repeats must be at least 5, found \(repeats)") }
    for (name, value) in [("--prompt", prompt), ("--generate", generate)] where value < 1 {
      throw ValidationError("\(name) must be at least 1, found \(value)")
    }
    guard share >= 0 else { throw ValidationError("--share must be at least 0, found \(share)") }
    guard LlamaDecoder.Arithmetic(rawValue: arithmetic) != nil else {
      throw ValidationError("--arithmetic '\(arithmetic)' is unknown; int8 and bfloat16 are known")
    }
  }

  func run() throws {
    let threadCount = threads.apply()
    let path = try InputNames.decoder(model)
    let decoder = try LlamaDecoder(path: path)
    let arithmetic = LlamaDecoder.Arithmetic(rawValue: arithmetic) ?? .int8
    let perplexity = try text.map { try Perplexity(of: $0, decoder, path: path, arithmetic) }
    var generator = SeededGenerator(seed: 1)
    let vocabulary = decoder.configuration.vocabularySize
    func tokens(_ count: Int) -> [Int32] { (0..<count).map { _ in Int32(generator.integer(below: vocabulary)) } }
    let tokens1 = tokens(prompt)
    let options = GenerationOptions(maximumTokens: generate + 1, arithmetic: arithmetic)
    _ = try decoder.generate(tokens1, options: options)
    var promptRates: [Double] = [], generateRates: [Double] = []
    for _ in 0..<repeats {
      let counters = try decoder.generate(tokens1, options: options).counters
      promptRates.append(Double(counters.promptTokens) / counters.promptSeconds)
      // The first token comes from the prompt's own logits.
      generateRates.append(Double(counters.outputTokens - 1) / counters.generationSeconds)
    }
    var apart: [Double] = [], together: [Double] = []
    if share > 0 {
      let common = tokens(prompt * 2 / 3)
      let prompts = (0..<share).map { _ in common + tokens(prompt / 30) }
      let single = GenerationOptions(maximumTokens: 1)
      for _ in 0..<repeats {
        apart.append(try seconds { for prompt in prompts { _ = try decoder.generate(prompt, options: single) } })
        let prefixes = PrefixCache()
        together.append(
          try seconds { for prompt in prompts { _ = try decoder.generate(prompt, options: single, reusing: prefixes) } })
      }
    }
    try report(
      Figures(
        prompt_tokens_per_second: MedianAndBest(promptRates, best: { $0.max() }),
        generate_tokens_per_second: MedianAndBest(generateRates, best: { $0.max() }),
        sharing: share > 0 ? Sharing(apart: apart, together: together) : nil, perplexity: perplexity, model: model,
        prompt: prompt, generate: generate, arithmetic: arithmetic.rawValue, threads: threadCount, repeats: repeats,
        instruction_set: NumericBackend.instructionSet, weight_mb: Double(decoder.weightBytes) / 1e6,
        cache_bytes_per_token: decoder.cacheBytesPerToken, peak_mb: PeakMemory.megabytes))
  }

  private func report(_ figures: Figures) throws {
    if output.json { return try printJSON(figures) }
    let prompt = figures.prompt_tokens_per_second, generate = figures.generate_tokens_per_second
    try printOutput(
      "prompt \(prompt.median.fixed(0)) tokens/s (best \(prompt.best.fixed(0))), generation \(generate.median.fixed(1)) tokens/s "
        + "(best \(generate.best.fixed(1))); \(model), \(self.prompt) + \(self.generate) tokens, threads: \(figures.threads), "
        + "\(figures.instruction_set), weights \(figures.weight_mb.fixed(0)) MB, peak \(figures.peak_mb.fixed(0)) MB\n")
    if let sharing = figures.sharing {
      try printOutput(
        "\(share) prompts with a common beginning: \(sharing.speedup.median.fixed(2))x faster when it is reused "
          + "(\(sharing.apart_seconds.median.fixed(3)) s, \(sharing.together_seconds.median.fixed(3)) s)\n")
    }
    if let perplexity = figures.perplexity {
      try printOutput("perplexity \(perplexity.value.fixed(3)) of \(perplexity.tokens) tokens\n")
    }
  }

  /// Names are those of the JSON object.
  private struct Figures: Encodable {
    let prompt_tokens_per_second: MedianAndBest
    let generate_tokens_per_second: MedianAndBest
    let sharing: Sharing?
    let perplexity: Perplexity?
    let model: String
    let prompt: Int
    let generate: Int
    let arithmetic: String
    let threads: Int
    let repeats: Int
    let instruction_set: String
    let weight_mb: Double
    let cache_bytes_per_token: Int
    let peak_mb: Double
  }

  /// All prompts' time with the beginning read for each, and read once.
  private struct Sharing: Encodable {
    let speedup: MedianAndBest
    let apart_seconds: MedianAndBest
    let together_seconds: MedianAndBest

    init(apart: [Double], together: [Double]) {
      speedup = MedianAndBest(zip(apart, together).map { $0 / $1 }, best: { $0.max() })
      apart_seconds = MedianAndBest(apart, best: \.first)
      together_seconds = MedianAndBest(together, best: \.first)
    }
  }

  /// exp of the mean of a text's negative log-probabilities.
  private struct Perplexity: Encodable {
    let value: Double
    /// The first, which nothing precedes, is read and not scored.
    let tokens: Int

    init(of file: String, _ decoder: LlamaDecoder, path: String, _ arithmetic: LlamaDecoder.Arithmetic) throws {
      var lines: [String] = []
      let reader = try LineReader(path: file)
      while let line = try reader.next() { lines.append(String(decoding: line, as: UTF8.self)) }
      let ids = try BytePairTokenizer(decoder: path).encode(lines.joined(separator: "\n"), addsSpecial: false)
      guard ids.count > 1 else { throw UsageError("\(file): a perplexity needs at least two tokens, found \(ids.count)") }
      value = try decoder.score(text: ids, arithmetic: arithmetic).perplexity
      tokens = ids.count
    }
  }
}
