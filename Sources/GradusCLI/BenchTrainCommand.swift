import ArgumentParser
import Gradus

struct BenchTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Seconds per training step of a cross-encoder.",
    discussion: """
        gradus bench train --model minilm-l6 --precision fp32 --batch 16 --tokens 128 --json

      A step is the forward pass of query-passage pairs, all of the same length, binary cross-entropy, the gradients of all \
      parameters and AdamW's update; dropout as the model says.
      """)

  @OptionGroup var options: ModelBenchOptions

  @Option(help: ArgumentHelp("Arithmetic: fp32.", valueName: "precision"))
  var precision = "fp32"

  @Option(help: ArgumentHelp("Pairs of a batch.", valueName: "n"))
  var batch = 16

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard batch >= 1 else { throw ValidationError("--batch must be at least 1, found \(batch)") }
    guard precision == "fp32" else {
      throw ValidationError("--precision '\(precision)' is unknown for training; models train in fp32")
    }
  }

  func run() throws {
    let threadCount = threads.apply()
    let folder = try options.folder()
    let limits = TokenLimits(maximumTokens: options.tokens)
    let model = try CrossEncoder(base: folder, head: .cls, limits: limits, seed: 1)
    try options.checkTokens(model.encoder.configuration.maximumPositions)
    let pairs = try pairs(tokenizer: try folder.tokenizer())
    for pair in pairs {
      let read = try model.tokens(of: pair).read
      guard read == options.tokens else {
        throw UsageError(
          "the model's tokenizer makes \(read) tokens of a pair where \(options.tokens) are wanted; try another --tokens")
      }
    }
    let labels = Tensor((0..<batch).map { Float($0 % 2) }, shape: [batch])
    let optimizer = AdamW(groups: [
      ParameterGroup(parameters: model.trainableParameters, learningRate: 2e-5, weightDecay: 0.01)
    ])
    let stream = SeededGenerator(seed: 1)
    var step = 0
    let times = try options.measure {
      step += 1
      let scores = try model.scores(pairs, context: ForwardContext(training: stream.stream("dropout", step)))
      // Binary cross-entropy of logits: log(1 + exp(s)) - label s.
      let loss = (scores.softplus() - labels * scores).mean()
      var gradients = GradientStore()
      try gradients.accumulate(of: loss, for: model.trainableParameters)
      optimizer.step(gradients)
    }
    let figures = MedianAndBest(times, best: { $0.min() })
    if output.json {
      return try printJSON(
        Figures(
          seconds_per_step: figures, peak_mb: PeakMemory.megabytes, model: options.model, precision: precision,
          batch: batch, tokens: options.tokens, threads: threadCount, repeats: times.count,
          parameters: model.parameterCount, instruction_set: NumericBackend.instructionSet))
    }
    try printOutput(
      "\(figures.median.fixed(3)) s per step (best \(figures.best.fixed(3))): \(options.model), \(precision), batch "
        + "\(batch), \(options.tokens) tokens, threads: \(threadCount), \(NumericBackend.instructionSet), peak "
        + "\(PeakMemory.megabytes.fixed(0)) MB\n")
  }

  /// Pairs of whole-word pieces, long enough to fill the limit.
  private func pairs(tokenizer: any InputTokenizer) throws -> [ScoringPair] {
    let words = (0..<Int32(tokenizer.vocabularySize)).compactMap { tokenizer.piece($0) }
      .filter { piece in piece.count >= 3 && piece.allSatisfy { ("a"..."z").contains($0) } }
    guard !words.isEmpty else { throw UsageError("the model's vocabulary has no plain words to make pairs of") }
    var generator = SeededGenerator(seed: 2)
    func text(_ count: Int) -> String {
      (0..<count).map { _ in words[Int.random(in: words.indices, using: &generator)] }.joined(separator: " ")
    }
    let queryWords = min(8, options.tokens / 4)
    return (0..<batch).map { number in
      ScoringPair(
        query: Query(qid: "\(number)", text: text(queryWords)),
        document: Document(docno: "\(number)", text: text(options.tokens)))
    }
  }

  /// Names are those of the JSON object.
  private struct Figures: Encodable {
    let seconds_per_step: MedianAndBest
    let peak_mb: Double
    let model: String
    let precision: String
    let batch: Int
    let tokens: Int
    let threads: Int
    let repeats: Int
    let parameters: Int
    let instruction_set: String
  }
}
