import CGradusKernels
import GradusCore
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

@Suite("Encoders of all families against transformers")
struct EncoderLayoutTests {
  private func folder(_ family: String) throws -> ModelFolder { ModelFolder(path: try fixture("encoders/" + family)) }

  @Test("Ids of texts and pairs, cut to the model's length", arguments: EncoderGoldens.families)
  func tokens(family: String) throws {
    let goldens = try EncoderGoldens.load(family), tokenizer = try folder(family).tokenizer()
    let limit = try folder(family).bertConfiguration().maximumPositions
    for text in goldens.texts {
      let input = try tokenizer.inputs(text.text, limits: TokenLimits(maximumTokens: limit))[0]
      #expect(input.ids == text.ids, "'\(text.text)'")
    }
    #expect(goldens.texts.contains { $0.ids.count == limit })
    for pair in goldens.pairs {
      let input = try tokenizer.inputs(
        query: pair.query, document: pair.document, limits: TokenLimits(maximumTokens: limit))[0]
      #expect(input.ids == pair.ids && input.segmentIDs == pair.types, "'\(pair.query)', '\(pair.document)'")
      let second = try #require(input.secondStart)
      #expect(input.ids[second...].starts(with: tokenizer.encode(pair.document).prefix(limit - second - 1)))
    }
  }

  @Test("Hidden states of the path that trains", arguments: EncoderGoldens.families)
  func hidden(family: String) throws {
    let goldens = try EncoderGoldens.load(family)
    let encoder = try BertEncoder(folder: folder(family))
    let batch = try goldens.batch(folder(family).tokenizer(), limit: encoder.configuration.maximumPositions)
    goldens.expect(withoutGradients { encoder(batch, .inference) }.floats(), batch, 1e-5)
  }

  @Test("Hidden states of the fused path, and the same bits whatever else is in the batch", arguments: EncoderGoldens.families)
  func fused(family: String) throws {
    let goldens = try EncoderGoldens.load(family)
    let encoder = try BertEncoder(folder: folder(family))
    let batch = try goldens.batch(folder(family).tokenizer(), limit: encoder.configuration.maximumPositions)
    let fused = try FusedBertEncoder(encoder, precision: .fp32)
    let together = try fused.hidden(batch)
    goldens.expect(together, batch, 1e-5)
    let width = encoder.configuration.hiddenSize
    for number in 0..<batch.sequenceCount {
      let tokens = Int(batch.offsets[number])..<Int(batch.offsets[number + 1])
      var alone = TokenBatch()
      alone.append(Array(batch.ids[tokens]), segments: Array(batch.segments[tokens]))
      let own = try fused.hidden(alone)
      #expect(haveSameBits(own, Array(together[tokens.lowerBound * width..<tokens.upperBound * width])))
    }
    // The bias of MPNet and given embeddings of ELECTRA are in every build of the kernels.
    for number in 0...grd_encoder_strongest_level().rawValue {
      let level = grd_encoder_level(rawValue: number)
      let found = try FusedBertEncoder(encoder, precision: .fp32, level: level).hidden(batch)
      #expect(haveSameBits(found, together))
    }
    let exact = try fused.pooled(batch, .mean)
    for (precision, tolerance) in [(NumericPrecision.bf16, Float(0.1)), (.int8, 0.4)] {
      expectClose(try FusedBertEncoder(encoder, precision: precision).pooled(batch, .mean), exact, tolerance, "\(precision)")
    }
  }

  @Test(
    "ModernBERT of any shape: fp32 within 2e-5 of the path that trains, bf16 and int8 within theirs, one set of bits everywhere",
    arguments: [(64, 96, 2, 128), (24, 40, 3, 10), (20, 13, 2, 4), (128, 200, 2, 64)])
  func modern(sizes: (hidden: Int, inner: Int, heads: Int, window: Int)) throws {
    var generator = SeededGenerator(seed: UInt64(sizes.hidden))
    let configuration = BertConfiguration(
      vocabularySize: 50, hiddenSize: sizes.hidden, intermediateSize: sizes.inner, layerCount: 4, headCount: sizes.heads,
      maximumPositions: 200, initializerRange: 0.15, family: .modernbert,
      rotary: RotarySettings(localWindow: sizes.window, isLocal: [false, true, true, false]))
    let encoder = BertEncoder(configuration, using: &generator)
    var batch = TokenBatch()
    for (number, length) in [1, 2, 15, 33, 0, 64, 101, 7, 150].enumerated() {
      // One with a gap, as below a join layer.
      batch.append(
        (0..<length).map { Int32(($0 * 7 + number * 3) % 50) }, segments: (0..<length).map { $0 > length / 3 ? 1 : 0 },
        secondPosition: number == 5 ? 60 : nil)
    }
    let expected = withoutGradients { encoder(batch, .inference) }.floats()
    for (precision, tolerance) in [(NumericPrecision.fp32, Float(2e-5)), (.bf16, 0.15), (.int8, 0.6)] {
      let results = try (0...grd_encoder_strongest_level().rawValue).map { level in
        try FusedBertEncoder(encoder, precision: precision, level: grd_encoder_level(rawValue: level)).hidden(batch)
      }
      expectClose(results[0], expected, tolerance, "\(precision)")
      for other in results { #expect(haveSameBits(other, results[0]), "\(precision)") }
      // From between its layers on, and alone, the same bits.
      let fused = try FusedBertEncoder(encoder, precision: precision)
      for layer in 0...4 {
        let states = try fused.states(batch, before: 4, from: try fused.states(batch, before: layer))
        #expect(haveSameBits(states.values, results[0]))
      }
      var alone = TokenBatch()
      alone.append((0..<101).map { Int32(($0 * 7 + 6 * 3) % 50) })
      let start = Int(batch.offsets[6]) * sizes.hidden
      let own = try fused.hidden(alone)
      #expect(haveSameBits(own, Array(results[0][start..<start + 101 * sizes.hidden])))
      #expect(try fused.hidden(TokenBatch()).isEmpty)
    }
  }

  @Test("What a ModernBERT's layers reach and how they are rotated matters to the packed weights, too")
  func modernDifferences() throws {
    let folder = try folder("modernbert")
    let encoder = try BertEncoder(folder: folder)
    var batch = TokenBatch()
    batch.append((0..<30).map { Int32($0 % 20) })
    let plain = try FusedBertEncoder(encoder, precision: .fp32).hidden(batch)
    func hidden(_ change: (inout RotarySettings) -> Void) throws -> [Float] {
      var configuration = encoder.configuration
      change(&configuration.rotary!)
      let other = BertEncoder(
        configuration: configuration, wordEmbeddings: encoder.wordEmbeddings, positionEmbeddings: nil, segmentEmbeddings: nil,
        embeddingNorm: encoder.embeddingNorm, embeddingProjection: nil, relativeBias: nil, layers: encoder.layers,
        finalNorm: encoder.finalNorm)
      let found = try FusedBertEncoder(other, precision: .fp32).hidden(batch)
      expectClose(found, withoutGradients { other(batch, .inference) }.floats(), 1e-5)
      return found
    }
    #expect(try hidden { _ in } == plain)
    #expect(try hidden { $0.localWindow = 2 } != plain)
    #expect(try hidden { $0.globalBase = 100 } != plain)
    #expect(try hidden { $0.localBase = 100 } != plain)
  }

  @Test("Local attention in blocks is local attention: blocks of all sizes give a masked whole")
  func localAttention() throws {
    var generator = SeededGenerator(seed: 5)
    let configuration = BertConfiguration(
      vocabularySize: 20, hiddenSize: 16, intermediateSize: 8, layerCount: 1, headCount: 2, maximumPositions: 300,
      family: .modernbert, rotary: RotarySettings(localWindow: 10, isLocal: [true]))
    var tokens = TokenBatch()
    for length in [150, 1, 0, 65] { tokens.append((0..<length).map { Int32($0 % 20) }) }
    let qkv = Tensor.normal([tokens.tokenCount, 48], using: &generator)
    let attention = EncoderAttention(configuration, tokens, relativeBias: nil)
    let found = attention(qkv, layer: 0, dropout: 0, seed: 0)
    // A query's output depends on the tokens up to 5 away and on no other.
    var values = qkv.floats()
    for row in 76..<216 { for column in 0..<48 { values[row * 48 + column] = 0 } }
    let changed = attention(Tensor(values, shape: qkv.shape), layer: 0, dropout: 0, seed: 0)
    let width = 16
    #expect(Array(changed.floats()[..<(71 * width)]) == Array(found.floats()[..<(71 * width)]))
    #expect(Array(changed.floats()[(71 * width)..<(72 * width)]) != Array(found.floats()[(71 * width)..<(72 * width)]))
  }

  @Test("Every weight has a finite gradient, and a step changes the scores", arguments: EncoderGoldens.families)
  func trains(family: String) throws {
    let model = try CrossEncoder(base: folder(family), seed: 3)
    #expect(model.head == .classifier)
    let pairs = try EncoderGoldens.load(family).scoringPairs
    let loss = try model.scores(pairs, context: ForwardContext(training: SeededGenerator(seed: 1))).square().sum()
    let parameters = model.parameters
    #expect(Set(parameters.map(\.name)).count == parameters.count)
    let gradients = try gradients(of: loss, withRespectTo: parameters.map(\.value))
    for (parameter, gradient) in zip(parameters, gradients) {
      let values = gradient.floats()
      #expect(values.allSatisfy(\.isFinite) && values.contains { $0 != 0 }, "\(parameter.name)")
    }
  }
}

@Suite("Cross-encoders of transformers")
struct SequenceClassifierTests {
  private func folder(_ family: String) throws -> ModelFolder { ModelFolder(path: try fixture("encoders/" + family)) }

  @Test("Logits of pairs as transformers gives them, on both paths", arguments: EncoderGoldens.families)
  func logits(family: String) throws {
    let goldens = try EncoderGoldens.load(family)
    let model = try RankingModel(folder: folder(family))
    #expect(model.manifest.head == .classifier)
    let logits = try model.scorer.scores(goldens.scoringPairs, context: .inference)
    expectClose(logits.floats(), goldens.scores, 1e-5)
    let prepared = try model.scorer.prepared(for: .fp32).rankingScores(goldens.scoringPairs)
    expectClose(prepared.map { Float($0.score) }, goldens.scores, 1e-5)
    #expect(prepared[3].truncatedTokens > 0 || family == "mpnet")
    #expect(try model.scorer.rankingScores([]).isEmpty)
  }

  @Test("A saved cross-encoder gives the same scores, and is a folder of transformers again", arguments: EncoderGoldens.families)
  func saving(family: String) throws {
    let goldens = try EncoderGoldens.load(family), target = try TestFolder()
    var model = try RankingModel(folder: folder(family))
    model.manifest.seed = 9
    try model.save(to: target.path, tokenizerOf: folder(family))
    let again = try RankingModel(folder: target.folder)
    #expect(again.manifest == model.manifest && again.manifest.head == .classifier)
    #expect(try again.scorer.rankingScores(goldens.scoringPairs) == model.scorer.rankingScores(goldens.scoringPairs))
    let encoders = try (#require(again.scorer as? CrossEncoder).encoder, #require(model.scorer as? CrossEncoder).encoder)
    #expect(encoders.0.configuration == encoders.1.configuration)
    try target.remove("gradus.json")
    let bare = try RankingModel(folder: target.folder)
    #expect(try bare.scorer.rankingScores(goldens.scoringPairs) == model.scorer.rankingScores(goldens.scoringPairs))
  }

  @Test("An encoder saved under a fresh head is read again", arguments: EncoderGoldens.families)
  func freshHead(family: String) throws {
    let goldens = try EncoderGoldens.load(family), target = try TestFolder()
    let scorer = try CrossEncoder(base: folder(family), head: .similarity, seed: 4)
    let model = RankingModel(
      scorer: scorer, manifest: ModelManifest(architecture: .crossEncoder, base: family, baseDigest: "", seed: 4))
    try model.save(to: target.path, tokenizerOf: folder(family))
    let again = try RankingModel(folder: target.folder).scorer
    #expect(try again.rankingScores(goldens.scoringPairs) == scorer.rankingScores(goldens.scoringPairs))
  }

  @Test("The similarity head knows the document without segments, too", arguments: ["roberta", "distilbert", "mpnet"])
  func similarity(family: String) throws {
    let model = try CrossEncoder(base: folder(family), head: .similarity, seed: 4)
    let parts = try model.parts(of: pair("how cat", "the cat sat")).inputs[0]
    var batch = TokenBatch()
    batch.append(parts)
    #expect(batch.segmentOffsets == [0, Int32(try #require(parts.secondStart)), Int32(parts.ids.count)])
    let fused = try model.prepared(for: .fp32).rankingScores([pair("how cat", "the cat sat")])[0].score
    let plain = try model.rankingScores([pair("how cat", "the cat sat")])[0].score
    #expect(abs(fused - plain) <= 2e-4)
  }

  @Test("A base that has a head goes on with it; a similarity head is new")
  func base() throws {
    let pairs = try EncoderGoldens.load("bert").scoringPairs
    let kept = try CrossEncoder(base: folder("bert"), head: .cls, seed: 1)
    #expect(kept.head == .classifier)
    #expect(try kept.rankingScores(pairs) == RankingModel(folder: folder("bert")).scorer.rankingScores(pairs))
    #expect(try CrossEncoder(base: folder("bert"), head: .similarity, seed: 1).head == .similarity)
    let plain = try TestFolder.tinyBert()
    #expect(try CrossEncoder(base: plain.folder, head: .cls, seed: 1).head == .cls)
    #expect(throws: ModelError.missingTensor(file: plain.file("model.safetensors"), name: "pooler.dense.weight")) {
      try CrossEncoder(base: plain.folder, head: .classifier, seed: 1)
    }
  }

  @Test("Labels that contradict the configuration, or are more than two, are refused")
  func labels() throws {
    let folder = try TestFolder.copy("encoders/distilbert")
    try folder.set("config.json", "id2label", ["0": "no", "1": "yes"])
    #expect(throws: ModelError.shape(
      file: folder.file("model.safetensors"), name: "classifier.weight", expected: [2, 32], found: [1, 32])
    ) { try RankingModel(folder: folder.folder) }
    try folder.rewriteWeights { tensor in
      var tensor = tensor
      if tensor.name.hasPrefix("classifier.") {
        tensor.shape[0] = 3
        tensor.values = tensor.values + tensor.values + tensor.values
      }
      return tensor
    }
    #expect(throws: ModelError.self) { try RankingModel(folder: folder.folder) }
  }
}
