import ArgumentParser
import Gradus

struct BenchTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Seconds per training step of a cross-encoder.",
    discussion: """
        gradus bench train --model minilm-l6 --precision fp32 --batch 16 --tokens 128 --json

      A step is the forward pass of query-passage pairs, binary cross-entropy, the gradients of all parameters and AdamW's \
      update; dropout as the model says. All pairs have the same length, or are the lines of a file:

        gradus bench train --model minilm-l6 --pairs pairs.tsv --tokens 256
      """)

  @OptionGroup var options: ModelBenchOptions

  @Option(help: ArgumentHelp("Arithmetic of the encoder's products: fp32 or bf16.", valueName: "precision"))
  var precision = ProductPrecision.fp32

  @Option(help: ArgumentHelp("Pairs of a batch.", valueName: "n"))
  var batch = 16

  @Option(
    help: ArgumentHelp(
      "Lines of a query, a tab and a passage: a batch after the other, from the start again at the end.", valueName: "file"))
  var pairs: String?

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard batch >= 1 else { throw ValidationError("--batch must be at least 1, found \(batch)") }
  }

  func run() throws {
    let threadCount = threads.apply()
    let folder = try options.folder()
    let limits = TokenLimits(maximumTokens: options.tokens)
    let model = try CrossEncoder(base: folder, head: .cls, limits: limits, seed: 1)
    for parameter in model.encoder.parameters { parameter.productPrecision = precision }
    try options.checkTokens(model.encoder.configuration.maximumPositions)
    let texts = try pairs.map(readPairs) ?? madePairs(tokenizer: try folder.tokenizer())
    if pairs == nil {
      for pair in texts {
        let read = try model.tokens(of: pair).read
        guard read == options.tokens else {
          throw UsageError(
            "the model's tokenizer makes \(read) tokens of a pair where \(options.tokens) are wanted; try another --tokens")
        }
      }
    }
    let labels = Tensor((0..<batch).map { Float($0 % 2) }, shape: [batch])
    let optimizer = AdamW(groups: [
      ParameterGroup(parameters: model.trainableParameters, learningRate: 2e-5, weightDecay: 0.01)
    ])
    let stream = SeededGenerator(seed: 1)
    var step = 0
    var losses: [Double] = []
    let times = try options.measure {
      let samples = (0..<batch).map { texts[(step * batch + $0) % texts.count] }
      step += 1
      let scores = try model.scores(samples, context: ForwardContext(training: stream.stream("dropout", step)))
      // Binary cross-entropy of logits: log(1 + exp(s)) - label s.
      let loss = (scores.softplus() - labels * scores).mean()
      var gradients = GradientStore()
      try gradients.accumulate(of: loss, for: model.trainableParameters)
      optimizer.step(gradients)
      losses.append(loss.doubles()[0])
    }
    let figures = MedianAndBest(times, best: { $0.min() })
    if output.json {
      return try printJSON(
        Figures(
          seconds_per_step: figures, peak_mb: PeakMemory.megabytes, model: options.model, precision: precision.rawValue,
          batch: batch, tokens: options.tokens, threads: threadCount, repeats: times.count,
          parameters: model.parameterCount, losses: losses, instruction_set: NumericBackend.instructionSet))
    }
    try printOutput(
      "\(figures.median.fixed(3)) s per step (best \(figures.best.fixed(3))): \(options.model), \(precision.rawValue), batch "
        + "\(batch), \(options.tokens) tokens, threads: \(threadCount), \(NumericBackend.instructionSet), peak "
        + "\(PeakMemory.megabytes.fixed(0)) MB\n")
  }

  /// Pairs of whole-word pieces, long enough to fill the limit.
  private func madePairs(tokenizer: any InputTokenizer) throws -> [ScoringPair] {
    let words = try BenchWords.plain(of: tokenizer)
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

  private func readPairs(_ path: String) throws -> [ScoringPair] {
    var pairs: [ScoringPair] = []
    try LineReader(path: path).forEachLine { line, number in
      let fields = String(decoding: line, as: UTF8.self).split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count == 2 else {
        throw UsageError("\(path):\(number): expected a query, a tab and a passage, found \(fields.count) fields")
      }
      pairs.append(
        ScoringPair(
          query: Query(qid: "\(number)", text: String(fields[0])),
          document: Document(docno: "\(number)", text: String(fields[1]))))
    }
    guard !pairs.isEmpty else { throw UsageError("\(path): holds no pairs") }
    return pairs
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
    let losses: [Double]
    let instruction_set: String
  }
}

extension ProductPrecision: ExpressibleByArgument {}
