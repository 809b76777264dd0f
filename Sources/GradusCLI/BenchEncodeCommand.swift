import ArgumentParser
import Gradus

struct BenchEncodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "Passages per second of a sentence encoder.",
    discussion: """
        gradus bench encode --model minilm-l6 --precision bf16 --batch 32 --tokens 128 --json

      Encodes batches of random tokens, all of the same length, from token ids to vectors: the whole model, without the \
      tokenizer.
      """)

  @OptionGroup var options: ModelBenchOptions

  @Option(help: ArgumentHelp("Texts of a batch.", valueName: "n"))
  var batch = 32

  @OptionGroup var arithmetic: PrecisionOption
  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard batch >= 1 else { throw ValidationError("--batch must be at least 1, found \(batch)") }
  }

  func run() throws {
    let threadCount = threads.apply()
    let loaded = try BiEncoder(folder: try options.folder())
    let precision = try arithmetic.resolved().precision
    let model = try loaded.prepared(for: precision)
    try options.checkTokens(model.encoder.configuration.maximumPositions)
    var generator = SeededGenerator(seed: 1)
    var input = TokenBatch()
    for _ in 0..<batch {
      let ids = (0..<options.tokens).map { _ in
        Int32.random(in: 0..<Int32(model.encoder.configuration.vocabularySize), using: &generator)
      }
      input.append(ids)
    }
    let times = try options.measure {
      _ = try model.inferredVectors(input)
    }
    let rates = MedianAndBest(times.map { Double(batch) / $0 }, best: { $0.max() })
    if output.json {
      return try printJSON(
        Figures(
          passages_per_second: rates, batch_ms: .init(times), model: options.model, precision: precision.rawValue, batch: batch,
          tokens: options.tokens,
          threads: threadCount, repeats: times.count, instruction_set: NumericBackend.instructionSet,
          peak_mb: PeakMemory.megabytes))
    }
    try printOutput(
      "\(rates.median.fixed(1)) passages/s (best \(rates.best.fixed(1))): \(options.model), \(precision.rawValue), batch "
        + "\(batch), \(options.tokens) tokens, threads: \(threadCount), \(NumericBackend.instructionSet), peak "
        + "\(PeakMemory.megabytes.fixed(0)) MB\n")
  }

  /// Names are those of the JSON object.
  private struct Figures: Encodable {
    /// Milliseconds of a batch.
    struct Latency: Encodable {
      let median: Double
      let p99: Double

      init(_ seconds: [Double]) {
        let sorted = seconds.sorted()
        median = 1000 * MedianAndBest(seconds, best: \.first).median
        p99 = 1000 * sorted[min(sorted.count - 1, Int(0.99 * Double(sorted.count)))]
      }
    }

    let passages_per_second: MedianAndBest
    let batch_ms: Latency
    let model: String
    let precision: String
    let batch: Int
    let tokens: Int
    let threads: Int
    let repeats: Int
    let instruction_set: String
    let peak_mb: Double
  }
}
