import Gradus

/// Models, texts and samples that all losses are measured on.
final class LossBench {
  let cross: CrossEncoder
  let vectors: BiEncoder
  let guide: BiEncoder
  private let documentCount: Int
  private let collection: BenchCollection
  private var step = 0

  /// - Throws: `UsageError` where the model does not take so many tokens.
  init(folder: ModelFolder, documents: Int, options: ModelBenchOptions) throws {
    let tokens = options.tokens
    documentCount = documents
    let limits = TokenLimits(maximumTokens: tokens)
    cross = try CrossEncoder(base: folder, head: .similarity, limits: limits, seed: 1)
    try options.checkTokens(cross.encoder.configuration.maximumPositions)
    vectors = try BiEncoder(folder: folder, limits: limits)
    guide = try BiEncoder(folder: folder, limits: limits)
    collection = try BenchCollection(queries: documents, tokens: tokens, tokenizer: try folder.tokenizer())
  }

  /// Equally many documents in every form.
  private func samples(_ form: TrainingSample.Form) -> [TrainingSample] {
    let qids = collection.qids
    switch form {
    case .pointwise:
      return qids.enumerated().map { number, qid in
        .pointwise(qid: qid, docno: qid + "-0", label: number % 2 == 0 ? 1 : 0, isPositive: number % 2 == 0)
      }
    case .pairwise:
      return qids.prefix(documentCount / 2).map { .pairwise(qid: $0, positive: $0 + "-0", negatives: [$0 + "-1"]) }
    case .listwise:
      return qids.prefix(documentCount / 4).map { qid in
        .listwise(qid: qid, documents: (0..<4).map {
          LabelledDocument(docno: "\(qid)-\($0)", label: $0 == 1 ? 1 : 0, isPositive: $0 == 1)
        })
      }
    }
  }

  func measure(_ name: String, repeats: Int) throws -> BenchLossesCommand.Figures.Row {
    let text = name == "matryoshka" ? "matryoshka(dims=\(vectors.dimension)/\(vectors.dimension / 2))" : name
    let entry = try LossNames.entry(text)
    let loss = try LossNames.named(text, context: LossContext(shown: collection.run))
    let isOverVectors = entry.model == .vectors
    let form = entry.forms.contains(.pairwise) && (isOverVectors || !entry.forms.contains(.listwise))
      ? TrainingSample.Form.pairwise : entry.forms.contains(.listwise) ? .listwise : .pairwise
    let samples = samples(form)
    let plain = self.samples(.pairwise)
    let heads = HeadsOfLoss(loss, base: isOverVectors ? vectors : cross, log: collection.run)

    let ownStep = stepper(heads) {
      try heads.value(of: self.forward(heads, samples), guide: self.guideVectors(loss, samples))
    }
    let plainHeads = HeadsOfLoss(.scores(PairwiseCrossEntropyLoss()), base: isOverVectors ? vectors : cross, log: collection.run)
    let plainStep = stepper(plainHeads) { try plainHeads.value(of: self.forward(plainHeads, plain), guide: nil) }
    try ownStep()
    try plainStep()
    let times = try StepTimes(turns: repeats, of: ownStep, beside: plainStep)
    return BenchLossesCommand.Figures.Row(
      name: name, architecture: isOverVectors ? "bi-encoder" : "cross-encoder", form: form.rawValue,
      seconds_per_step: times.seconds, ratio: times.ratio,
      alone_ms: try alone(heads, samples, guide: try guideVectors(loss, samples)) * 1000)
  }

  private func guideVectors(_ loss: NamedLoss, _ samples: [TrainingSample]) throws -> SampleEmbeddings? {
    guard loss.needsGuide else { return nil }
    return try withoutGradients { try embeddings(guide, samples, .inference) }
  }

  private func embeddings(_ model: BiEncoder, _ samples: [TrainingSample], _ context: ForwardContext) throws -> SampleEmbeddings {
    let found = try model.embeddings(
      queries: samples.map { try collection.texts.query($0.qid) },
      documents: samples.flatMap { try $0.documents.map { try collection.texts.document($0.docno) } }, context: context)
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
      let query = try collection.texts.query(sample.qid)
      return try sample.documents.map { ScoringPair(query: query, document: try collection.texts.document($0.docno)) }
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
