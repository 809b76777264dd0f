import ArgumentParser
import Gradus

struct BenchLossesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "losses", abstract: "What each training loss costs beside the plainest one.",
    discussion: """
        gradus bench losses --model minilm-l6 --documents 16 --tokens 64 --json

      A step is the forward pass, the loss, the gradients of all parameters and AdamW's update. Every loss is measured in turns \
      with pairwise cross-entropy of the same architecture over equally many documents: pairs of two, lists of four, or single \
      documents. Losses over scores train a cross-encoder, losses over vectors a bi-encoder. 'alone' is the loss's own forward \
      and backward pass.
      """)

  @OptionGroup var options: ModelBenchOptions

  @Option(help: ArgumentHelp("Documents of a step, a multiple of 4.", valueName: "n"))
  var documents = 16

  @Option(name: .long, parsing: .upToNextOption, help: ArgumentHelp("Only these losses.", valueName: "name"))
  var loss: [String] = []

  @OptionGroup var threads: ThreadsOption
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard documents >= 8, documents % 4 == 0 else {
      throw ValidationError("--documents must be a multiple of 4 and at least 8, found \(documents)")
    }
  }

  func run() throws {
    let threadCount = threads.apply()
    let bench = try LossBench(folder: try options.folder(), documents: documents, tokens: options.tokens)
    try options.checkTokens(bench.positions)
    let names = loss.isEmpty ? LossNames.all : loss
    var rows: [Figures.Row] = []
    for name in names {
      let row = try bench.measure(name, repeats: options.repeats)
      rows.append(row)
      if !output.json {
        try printOutput(
          "\(name)  \(row.seconds_per_step.fixed(4)) s/step, \(row.ratio.fixed(3)) of pairwise cross-entropy; alone "
            + "\(row.alone_ms.fixed(2)) ms\n")
      }
    }
    if output.json {
      try printJSON(
        Figures(
          losses: rows, model: options.model, documents: documents, tokens: options.tokens, repeats: options.repeats,
          threads: threadCount, instruction_set: NumericBackend.instructionSet))
    }
  }

  /// Names are those of the JSON object.
  struct Figures: Encodable {
    struct Row: Encodable {
      let name: String
      let architecture: String
      let form: String
      let seconds_per_step: Double
      /// Median over the turns of this loss's step over the plain one's beside it.
      let ratio: Double
      let alone_ms: Double
    }

    let losses: [Row]
    let model: String
    let documents: Int
    let tokens: Int
    let repeats: Int
    let threads: Int
    let instruction_set: String
  }
}

/// Models, texts and samples that all losses are measured on.
private final class LossBench {
  let cross: CrossEncoder
  let vectors: BiEncoder
  let guide: BiEncoder
  private let documentCount: Int
  private let texts: InMemoryTexts
  private let run: Run
  private var step = 0

  var positions: Int { cross.encoder.configuration.maximumPositions }

  init(folder: ModelFolder, documents: Int, tokens: Int) throws {
    documentCount = documents
    let limits = TokenLimits(maximumTokens: tokens)
    cross = try CrossEncoder(base: folder, head: .similarity, limits: limits, seed: 1)
    vectors = try BiEncoder(folder: folder, limits: limits)
    guide = try BiEncoder(folder: folder, limits: limits)
    let words = try BenchWords.plain(of: folder.tokenizer())
    var generator = SeededGenerator(seed: 2)
    func text(_ count: Int) -> String {
      (0..<count).map { _ in words[Int.random(in: words.indices, using: &generator)] }.joined(separator: " ")
    }
    let queries = (0..<documents).map { Query(qid: "q\($0)", text: text(min(8, tokens / 4))) }
    let own = (0..<documents).map { number in
      (0..<4).map { Document(docno: "\(number)-\($0)", text: text(tokens)) }
    }
    texts = InMemoryTexts(queries: queries, documents: own.flatMap { $0 })
    run = Run(name: "shown", rankings: own.enumerated().map { number, documents in
      Ranking(qid: "q\(number)", documents: documents.enumerated().map {
        ScoredDocument(docno: $1.docno, score: Double(10 - $0))
      })
    })
  }

  /// Equally many documents in every form.
  private func samples(_ form: TrainingSample.Form) -> [TrainingSample] {
    switch form {
    case .pointwise:
      return (0..<documentCount).map { number in
        .pointwise(qid: "q\(number)", docno: "\(number)-0", label: number % 2 == 0 ? 1 : 0, isPositive: number % 2 == 0)
      }
    case .pairwise:
      return (0..<documentCount / 2).map { .pairwise(qid: "q\($0)", positive: "\($0)-0", negatives: ["\($0)-1"]) }
    case .listwise:
      return (0..<documentCount / 4).map { number in
        .listwise(qid: "q\(number)", documents: (0..<4).map {
          LabelledDocument(docno: "\(number)-\($0)", label: $0 == 1 ? 1 : 0, isPositive: $0 == 1)
        })
      }
    }
  }

  func measure(_ name: String, repeats: Int) throws -> BenchLossesCommand.Figures.Row {
    let text = name == "matryoshka" ? "matryoshka(dims=\(vectors.dimension)/\(vectors.dimension / 2))" : name
    let entry = try LossNames.entry(text)
    let loss = try LossNames.named(text, context: LossContext(shown: run))
    let isOverVectors = entry.model == .vectors
    let form = entry.forms.contains(.pairwise) && (isOverVectors || !entry.forms.contains(.listwise))
      ? TrainingSample.Form.pairwise : entry.forms.contains(.listwise) ? .listwise : .pairwise
    let samples = samples(form)
    let plain = self.samples(.pairwise)
    let heads = HeadsOfLoss(loss, base: isOverVectors ? vectors : cross, log: run)

    let ownStep = stepper(heads) {
      try heads.value(of: self.forward(heads, samples), guide: self.guideVectors(loss, samples))
    }
    let plainHeads = HeadsOfLoss(.scores(PairwiseCrossEntropyLoss()), base: isOverVectors ? vectors : cross, log: run)
    let plainStep = stepper(plainHeads) { try plainHeads.value(of: self.forward(plainHeads, plain), guide: nil) }
    try ownStep()
    try plainStep()
    var own: [Double] = [], ratios: [Double] = []
    for _ in 0..<repeats {
      let first = try seconds(of: plainStep), second = try seconds(of: ownStep)
      own.append(second)
      ratios.append(second / first)
    }
    return BenchLossesCommand.Figures.Row(
      name: name, architecture: isOverVectors ? "bi-encoder" : "cross-encoder", form: form.rawValue,
      seconds_per_step: MedianAndBest(own, best: { $0.min() }).median, ratio: MedianAndBest(ratios, best: { $0.min() }).median,
      alone_ms: try alone(heads, samples, guide: try guideVectors(loss, samples)) * 1000)
  }

  private func guideVectors(_ loss: NamedLoss, _ samples: [TrainingSample]) throws -> SampleEmbeddings? {
    guard loss.needsGuide else { return nil }
    return try withoutGradients { try embeddings(guide, samples, .inference) }
  }

  private func embeddings(_ model: BiEncoder, _ samples: [TrainingSample], _ context: ForwardContext) throws -> SampleEmbeddings {
    let found = try model.embeddings(
      queries: samples.map { try texts.query($0.qid) },
      documents: samples.flatMap { try $0.documents.map { try texts.document($0.docno) } }, context: context)
    return SampleEmbeddings(
      queries: found.queries,
      documents: found.documents.reshaped(to: [samples.count, samples[0].documents.count, model.dimension]))
  }

  private func forward(_ heads: HeadsOfLoss, _ samples: [TrainingSample]) throws -> HeadsOfLoss.Outputs {
    let context = ForwardContext(training: SeededGenerator(seed: 1).stream("dropout", step))
    step += 1
    let shape = [samples.count, samples[0].documents.count]
    if let model = heads.base as? BiEncoder {
      let found = try embeddings(model, samples, context)
      return .init(scores: model.scores(queries: found.queries, documents: found.documents), vectors: found, samples: samples)
    }
    let pairs = try pairs(samples)
    let logits = try heads.scorer.scores(pairs, context: context)
    return .init(
      scores: logits.reshaped(to: shape + logits.shape.dropFirst()), vectors: nil, samples: samples,
      positions: try heads.positions?.scores(pairs, context: context).reshaped(to: shape))
  }

  private func pairs(_ samples: [TrainingSample]) throws -> [ScoringPair] {
    try samples.flatMap { sample in
      try sample.documents.map { ScoringPair(query: try texts.query(sample.qid), document: try texts.document($0.docno)) }
    }
  }

  private func stepper(_ heads: HeadsOfLoss, _ loss: @escaping () throws -> Tensor) -> () throws -> Void {
    let parameters = heads.parameters.filter(\.isTrainable)
    let optimizer = AdamW(groups: [ParameterGroup(parameters: parameters, learningRate: 1e-6, weightDecay: 0.01)])
    return {
      var gradients = GradientStore()
      try gradients.accumulate(of: try loss(), for: parameters)
      optimizer.step(gradients)
    }
  }

  /// Seconds of the loss's own forward and backward pass, from scores or vectors that are there.
  private func alone(_ heads: HeadsOfLoss, _ samples: [TrainingSample], guide: SampleEmbeddings?) throws -> Double {
    let known = try withoutGradients { try forward(heads, samples) }
    func pass() throws {
      let (leaves, outputs) = known.tracked()
      _ = try gradients(of: try heads.value(of: outputs, guide: guide), withRespectTo: leaves)
    }
    try pass()
    return MedianAndBest(try (0..<9).map { _ in try seconds(of: pass) }, best: { $0.min() }).median
  }
}

/// A loss with what it needs on top of an architecture: thresholds, a second logit, or a position model.
private final class HeadsOfLoss {
  struct Outputs {
    var scores: Tensor
    var vectors: SampleEmbeddings?
    let samples: [TrainingSample]
    var positions: Tensor?

    /// The same as leaves.
    func tracked() -> (leaves: [Tensor], outputs: Outputs) {
      var result = self
      if let vectors {
        let leaves = [vectors.queries.tracked(), vectors.documents.tracked()]
        result.vectors = SampleEmbeddings(queries: leaves[0], documents: leaves[1])
        return (leaves, result)
      }
      result.scores = scores.tracked()
      return ([result.scores], result)
    }
  }

  let loss: NamedLoss
  let base: any PairScorer
  let scorer: any PairScorer
  let positions: PositionModel?
  private let second: Parameter?

  init(_ loss: NamedLoss, base: any PairScorer, log: Run) {
    self.loss = loss
    self.base = base
    if case .scores(let ordinal as OrdinalLoss) = loss {
      scorer = OrdinalScorer(base, levels: ordinal.levels)
    } else {
      scorer = base
    }
    if case .dual(let dual) = loss { positions = PositionModel(log: dual.log, positions: 4) } else { positions = nil }
    // A cross-encoder has one logit; the other of two is a learned constant here.
    let needsSecond = if case .scores(let loss) = loss { loss is TwoLogitCrossEntropyLoss } else { false }
    second = needsSecond ? Parameter("second", .zeros([1, 1, 1])) : nil
  }

  var parameters: [Parameter] { scorer.parameters + (positions?.parameters ?? []) + (second.map { [$0] } ?? []) }

  /// The mean over the samples.
  func value(of outputs: Outputs, guide: SampleEmbeddings?) throws -> Tensor {
    switch loss {
    case .scores(let loss):
      var scores = outputs.scores
      if let second {
        let first = scores.expandingDims(at: 2)
        scores = concatenated([first, first * 0 + second.value], axis: 2)
      }
      return try loss.perSample(LossInput(scores: scores, samples: outputs.samples)).mean()
    case .vectors(let loss):
      guard let vectors = outputs.vectors else { throw UsageError("the architecture gives no vectors") }
      return try loss.perSample(EmbeddingInput(vectors, samples: outputs.samples, guide: guide)).mean()
    case .dual(let dual):
      let other = outputs.positions ?? outputs.scores
      let ranker = try dual.values(LossInput(scores: outputs.scores, samples: outputs.samples), weighedBy: other)
      let propensity = try dual.values(LossInput(scores: other, samples: outputs.samples), weighedBy: outputs.scores)
      return (ranker + propensity).mean()
    }
  }
}
