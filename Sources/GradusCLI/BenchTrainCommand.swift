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

      --profile adds a table of where the time went: seconds a step by kind of operation, with the rate of the products.
      """)

  @OptionGroup var options: ModelBenchOptions

  @Option(help: ArgumentHelp("Arithmetic of the encoder's products: fp32, bf16 or fp16.", valueName: "precision"))
  var precision = ProductPrecision.fp32

  @Option(help: ArgumentHelp("Pairs of a batch.", valueName: "n"))
  var batch = 16

  @Option(
    help: ArgumentHelp(
      "Lines of a query, a tab and a passage: a batch after the other, from the start again at the end.", valueName: "file"))
  var pairs: String?

  @Flag(help: "Keep one activation a layer and compute the rest again: less memory, more time, the same gradients.")
  var checkpointActivations = false

  @Flag(inversion: .prefixedNo, help: "Dropout as the model says; without it, losses can be compared with other programs'.")
  var dropout = true

  @Flag(help: "AdamW leaves rows without gradient alone: words that do not occur. Another algorithm, and less memory traffic.")
  var lazy = false

  @Flag(help: "Show where the time goes, by kind of operation.")
  var profile = false

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard batch >= 1 else { throw ValidationError("--batch must be at least 1, found \(batch)") }
    guard precision.isNative else {
      throw ValidationError("--precision \(precision.rawValue): this processor has no instructions for it; take fp32")
    }
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
    let lengths = try texts.map { try model.tokens(of: $0).read }
    let plan = TrainingMemory(
      of: model, tokens: largestBatch(lengths), sequences: batch, checkpoints: checkpointActivations)
    let labels = Tensor((0..<batch).map { Float($0 % 2) }, shape: [batch])
    let group = ParameterGroup(parameters: model.trainableParameters, learningRate: 2e-5, weightDecay: 0.01)
    let optimizer = AdamW(groups: [group], isLazy: lazy)
    let stream = SeededGenerator(seed: 1)
    var step = 0
    var losses: [Double] = []
    let recorder = profile ? OperationProfile() : nil
    func takeStep() throws {
      let samples = (0..<batch).map { texts[(step * batch + $0) % texts.count] }
      step += 1
      let scores = try model.scores(samples, context: context(stream.stream("dropout", step)))
      // Binary cross-entropy of logits: log(1 + exp(s)) - label s.
      let loss = (scores.softplus() - labels * scores).mean()
      var gradients = GradientStore()
      try gradients.accumulate(of: loss, for: model.trainableParameters)
      optimizer.step(gradients)
      losses.append(loss.doubles()[0])
    }
    let times = try options.measure {
      // The first call warms up.
      if let recorder, step > 0 { try recorder.record(takeStep) } else { try takeStep() }
    }
    let operations = (recorder?.entries ?? []).map { Operation($0, steps: times.count) }
    let figures = MedianAndBest(times, best: { $0.min() })
    if output.json {
      return try printJSON(
        Figures(
          seconds_per_step: figures, peak_mb: PeakMemory.megabytes, planned_peak_mb: Double(plan.peakBytes) / 1e6,
          model: options.model, precision: precision.rawValue, batch: batch, tokens: options.tokens, threads: threadCount,
          repeats: times.count, parameters: model.parameterCount, losses: losses,
          instruction_set: NumericBackend.instructionSet, operations: profile ? operations : nil))
    }
    try printOutput(
      "\(figures.median.fixed(3)) s per step (best \(figures.best.fixed(3))): \(options.model), \(precision.rawValue), batch "
        + "\(batch), \(options.tokens) tokens, threads: \(threadCount), \(NumericBackend.instructionSet), peak "
        + "\(PeakMemory.megabytes.fixed(0)) MB (planned: \(Double(plan.peakBytes / 1_000_000).fixed(0)))\n")
    if profile { try printOutput("\n" + table(operations, seconds: times.reduce(0, +) / Double(times.count))) }
  }

  /// Tokens of the longest of the batches that the steps take.
  private func largestBatch(_ lengths: [Int]) -> Int {
    (0..<max(1, lengths.count)).map { step in
      (0..<batch).reduce(0) { $0 + lengths[(step * batch + $1) % lengths.count] }
    }.max() ?? 0
  }

  private func context(_ stream: SeededGenerator) -> ForwardContext {
    ForwardContext(training: stream, dropout: dropout, checkpointsActivations: checkpointActivations)
  }

  private func table(_ operations: [Operation], seconds: Double) -> String {
    var table = TextTable(header: ["operation", "ms a step", "share", "calls", "GFLOP/s"], rightAligned: [1, 2, 3, 4])
    for operation in operations {
      table.append([
        operation.kind, (operation.seconds * 1e3).fixed(1), "\((100 * operation.seconds / seconds).fixed(1)) %",
        operation.calls.fixed(0), operation.gflops_per_second.map { $0.fixed(0) } ?? "",
      ])
    }
    return table.text
  }

  /// Pairs of whole-word pieces, long enough to fill the limit.
  private func madePairs(tokenizer: any InputTokenizer) throws -> [ScoringPair] {
    var words = try BenchWords(of: tokenizer)
    let queryWords = min(8, options.tokens / 4)
    return (0..<batch).map { number in
      ScoringPair(
        query: Query(qid: "\(number)", text: words.text(queryWords)),
        document: Document(docno: "\(number)", text: words.text(options.tokens)))
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
    /// Before the first step.
    let planned_peak_mb: Double
    let model: String
    let precision: String
    let batch: Int
    let tokens: Int
    let threads: Int
    let repeats: Int
    let parameters: Int
    let losses: [Double]
    let instruction_set: String
    /// Only with --profile.
    let operations: [Operation]?
  }

  /// Of a step, on average.
  private struct Operation: Encodable {
    let kind: String
    let seconds: Double
    let calls: Double
    let gflops_per_second: Double?

    init(_ entry: OperationProfile.Entry, steps: Int) {
      kind = entry.kind.rawValue
      seconds = entry.seconds / Double(steps)
      calls = Double(entry.calls) / Double(steps)
      gflops_per_second = entry.flops > 0 ? entry.flops / entry.seconds * 1e-9 : nil
    }
  }
}

extension ProductPrecision: ExpressibleByArgument {}
