import CGradusKernels
import GradusCore
import GradusFormats
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

@Suite("Join layer", .serialized)
struct JoinLayerTests {
  private static let levels = (0...grd_encoder_strongest_level().rawValue).map { grd_encoder_level(rawValue: $0) }
  private static let position = 12

  private static func encoder(
    hidden: Int = 24, inner: Int = 40, heads: Int = 3, layers: Int = 3, family: EncoderFamily = .bert
  ) -> BertEncoder {
    var generator = SeededGenerator(seed: UInt64(hidden))
    let configuration = BertConfiguration(
      vocabularySize: 50, hiddenSize: hidden, intermediateSize: inner, layerCount: layers, headCount: heads,
      maximumPositions: 160, initializerRange: 0.15, family: family)
    return BertEncoder(configuration, using: &generator)
  }

  /// Pairs of a query and a document of these lengths; the last has no document tokens at all.
  private static let lengths = [(4, 20), (4, 1), (7, 33), (4, 20), (1, 40), (12, 70), (5, 0)]
  private static let inputs: [TokenizedInput] = lengths.enumerated().map { number, lengths in
    let query = (0..<lengths.0).map { Int32(($0 * 7 + lengths.0 * 3) % 50) }
    let document = (0..<lengths.1).map { Int32(($0 * 11 + number * 5 + $0 / 4) % 50) }
    return TokenizedInput(
      ids: query + document, segmentIDs: query.map { _ in 0 } + document.map { _ in 1 }, secondStart: lengths.0,
      truncatedTokens: 0)
  }

  private static func batch(_ inputs: [TokenizedInput] = inputs) -> TokenBatch {
    var batch = TokenBatch()
    for input in inputs { batch.append(input, secondPosition: position) }
    return batch
  }

  /// The encoder in plain tensor operations, sequence by sequence, with a mask between query and document below `joinLayer`.
  private static func reference(_ encoder: BertEncoder, _ batch: TokenBatch, joinLayer: Int) -> Tensor {
    let configuration = encoder.configuration
    let width = configuration.hiddenSize, heads = configuration.headCount, size = width / heads
    let embedded = encoder.embedded(batch, .inference)
    let splits = batch.segmentOffsets
    let parts = (0..<batch.sequenceCount).map { sequence in
      let start = Int(batch.offsets[sequence]), end = Int(batch.offsets[sequence + 1]), second = Int(splits[2 * sequence + 1])
      let count = end - start
      var hidden = embedded.slice(axis: 0, from: start, to: end)
      for (number, layer) in encoder.layers.enumerated() {
        let qkv = layer.projection(hidden)
        func perHead(_ part: Int) -> Tensor {
          qkv.slice(axis: 1, from: part * width, to: (part + 1) * width).reshaped(to: [count, heads, size]).transposed(0, 1)
        }
        var scores = matmul(perHead(0), perHead(1), transposeB: true) * (1 / Double(size).squareRoot())
        if number < joinLayer {
          let mask = (start..<end).flatMap { query in
            (start..<end).map { key in (query < second) == (key < second) ? Float(0) : -.infinity }
          }
          scores = scores + Tensor(mask, shape: [1, count, count])
        }
        if let biases = encoder.relativeBias {
          let buckets = (0..<count).flatMap { query in (0..<count).map { EncoderAttention.bucket($0 - query) } }
          let rows = biases(Tensor(indices: buckets, shape: [count * count]))
          scores = scores + rows.reshaped(to: [count, count, heads]).permuted([2, 0, 1])
        }
        let mixed = matmul(scores.softmax(), perHead(2)).transposed(0, 1).reshaped(to: [count, width])
        let attended = layer.attentionNorm.map { $0(layer.attentionOutput(mixed), residual: hidden) } ?? hidden
        hidden = layer.outputNorm(layer.output(layer.intermediate(attended)), residual: attended)
      }
      return hidden
    }
    return concatenated(parts, axis: 0)
  }

  private func largest(_ found: [Float], _ expected: [Float]) -> Float {
    #expect(found.count == expected.count && !found.isEmpty)
    return zip(found, expected).reduce(0) { $0.isNaN || ($1.0 - $1.1).isNaN ? .nan : max($0, abs($1.0 - $1.1)) }
  }

  @Test(
    "The path that trains is the masked encoder, in values and in gradients", arguments: [EncoderFamily.bert, .mpnet], [0, 1, 3])
  func masked(family: EncoderFamily, joinLayer: Int) throws {
    let encoder = Self.encoder(family: family)
    let batch = Self.batch()
    let expected = withoutGradients { Self.reference(encoder, batch, joinLayer: joinLayer) }.floats()
    let found = withoutGradients { encoder(batch, .inference, joinLayer: joinLayer) }.floats()
    #expect(largest(found, expected) <= 1e-5)
    // The mask matters, and below it the gap in the positions does.
    if joinLayer > 0 {
      #expect(largest(withoutGradients { encoder(batch, .inference) }.floats(), expected) > 1e-2)
    }
    let weights = Tensor((0..<expected.count).map { Float(($0 * 37) % 11) - 5 }, shape: [batch.tokenCount, 24])
    let parameters = encoder.parameters.map(\.value)
    let ours = try gradients(of: (encoder(batch, .inference, joinLayer: joinLayer) * weights).sum(), withRespectTo: parameters)
    let theirs = try gradients(
      of: (Self.reference(encoder, batch, joinLayer: joinLayer) * weights).sum(), withRespectTo: parameters)
    for (name, pair) in zip(encoder.parameters.map(\.name), zip(ours, theirs)) {
      let scale = max(1, pair.1.floats().reduce(0) { max($0, abs($1)) })
      #expect(largest(pair.0.floats(), pair.1.floats()) <= 2e-4 * scale, "\(name)")
    }
  }

  @Test("A gradient through the split agrees with a finite difference along a direction")
  func finiteDifference() throws {
    let encoder = Self.encoder(hidden: 16, inner: 24, heads: 2)
    let batch = Self.batch(Array(Self.inputs[..<3]))
    let weights = Tensor((0..<batch.tokenCount * 16).map { Float(($0 * 37) % 11) - 5 }, shape: [batch.tokenCount, 16])
    func loss() -> Tensor { (encoder(batch, .inference, joinLayer: 2) * weights).sum() }
    for parameter in [encoder.layers[0].projection.weight, encoder.layers[1].output.weight, encoder.layers[2].projection.weight] {
      let values = parameter.value.floats()
      let gradient = try gradients(of: loss(), withRespectTo: [parameter.value])[0].floats()
      let direction = values.indices.map { Float(($0 * 29) % 7) - 3 }
      let expected = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0 * $1.1) }
      func at(_ step: Float) -> Double {
        parameter.value = Tensor(zip(values, direction).map { $0 + step * $1 }, shape: parameter.shape)
        return Double(withoutGradients { loss() }.floats()[0])
      }
      let found = (at(5e-4) - at(-5e-4)) / 1e-3
      parameter.value = Tensor(values, shape: parameter.shape)
      #expect(abs(found - expected) <= 2e-2 * max(1, abs(expected)), "\(parameter.name): \(found), \(expected)")
    }
  }

  @Test(
    "Packed weights, split: fp32 within 1e-5 of the path that trains, bf16 and int8 within theirs, one set of bits on all levels",
    arguments: [(64, 64, 2, EncoderFamily.bert), (20, 13, 4, .mpnet), (48, 40, 2, .modernbert)])
  func fused(sizes: (hidden: Int, inner: Int, heads: Int, family: EncoderFamily)) throws {
    let encoder = Self.encoder(hidden: sizes.hidden, inner: sizes.inner, heads: sizes.heads, family: sizes.family)
    let batch = Self.batch()
    for joinLayer in [1, 3] {
      let expected = withoutGradients { encoder(batch, .inference, joinLayer: joinLayer) }.floats()
      for (precision, tolerance) in [(NumericPrecision.fp32, Float(1e-5)), (.bf16, 0.09), (.int8, 0.35)] {
        let results = try Self.levels.map { level in
          let fused = try FusedBertEncoder(encoder, precision: precision, level: level)
          var lower = SplitStates(fused: fused, joinLayer: joinLayer, documentPosition: Self.position, documents: nil)
          return try fused.states(batch, before: 3, from: try lower.states(of: Self.inputs)).values
        }
        #expect(largest(results[0], expected) <= tolerance, "\(precision), join layer \(joinLayer)")
        for other in results { #expect(haveSameBits(other, results[0]), "\(precision)") }
      }
    }
  }

  @Test(
    "A pass that goes on from states between layers has the bits of one that was never interrupted",
    arguments: NumericPrecision.allCases)
  func resuming(precision: NumericPrecision) throws {
    let encoder = Self.encoder(hidden: 64, inner: 96, heads: 2)
    let fused = try FusedBertEncoder(encoder, precision: precision)
    var batch = TokenBatch()
    for input in Self.inputs { batch.append(input) }
    let whole = try fused.hidden(batch)
    for layer in 0...3 {
      let half = try fused.states(batch, before: layer)
      #expect(half.layer == layer)
      #expect(try fused.states(batch, before: 3, from: half).values == whole)
      #expect(try fused.pooled(batch, .mean, from: half) == fused.pooled(batch, .mean))
      #expect(try fused.firstAndSegmentMeans(batch, from: half) == fused.firstAndSegmentMeans(batch))
    }
  }

  @Test("Positions: a sequence that begins anywhere, a gap before the second text, and what does not fit")
  func positions() throws {
    var batch = TokenBatch()
    batch.append([1, 2, 3, 4, 5], segments: [0, 0, 1, 1, 1], secondPosition: 9)
    batch.append([6, 7], firstPosition: 4)
    batch.append([])
    #expect(batch.positions == [0, 1, 9, 10, 11, 4, 5])
    #expect(batch.firstPositions == [0, 4, 0])
    #expect(TokenBatch().firstPositions == nil)
    let fused = try FusedBertEncoder(Self.encoder(), precision: .fp32)
    var long = TokenBatch()
    long.append([1, 2], firstPosition: 159)
    #expect(throws: ModelError.positions(asked: 161, limit: 160)) { try fused.hidden(long) }
    // The fused embeddings know where a sequence begins.
    let encoder = Self.encoder()
    var shifted = TokenBatch()
    shifted.append([6, 7, 8], firstPosition: 100)
    shifted.append([6, 7, 8])
    let expected = withoutGradients { encoder(shifted, .inference) }.floats()
    #expect(largest(try fused.hidden(shifted), expected) <= 1e-5)
    #expect(Array(expected[..<72]) != Array(expected[72...]))
  }

  @Test(
    "A query goes through the lower layers once, and its pairs have the bits that they have alone",
    arguments: NumericPrecision.allCases)
  func sharing(precision: NumericPrecision) throws {
    let encoder = Self.encoder(hidden: 64, inner: 96, heads: 2)
    let fused = try FusedBertEncoder(encoder, precision: precision)
    func lower() -> SplitStates {
      SplitStates(fused: fused, joinLayer: 2, documentPosition: Self.position, documents: nil)
    }
    var shared = lower()
    let together = try shared.states(of: Self.inputs)
    // Queries of 4, 7, 1, 12 and 5 tokens, three times the same of 4; all documents.
    #expect(shared.computedTokens == 4 + 7 + 1 + 12 + 5 + (20 + 1 + 33 + 20 + 40 + 70))
    var alone: [Float] = []
    for input in Self.inputs {
      var own = lower()
      alone += try own.states(of: [input]).values
      #expect(own.computedTokens == input.ids.count)
    }
    #expect(haveSameBits(together.values, alone))
    // Met again, a query costs nothing.
    let before = shared.computedTokens
    #expect(try shared.states(of: [Self.inputs[0]]).values == Array(together.values[..<(24 * 64)]))
    #expect(shared.computedTokens == before + 20)
  }
}

@Suite("A cross-encoder with a join layer")
struct JoinedCrossEncoderTests {
  private static func model(
    _ head: CrossEncoderHead = .similarity, at layer: Int,
    limits: TokenLimits = TokenLimits(maximumTokens: 24, maximumQueryTokens: 6)
  ) throws -> CrossEncoder {
    let folder = try TestFolder.crossEncoder(head, limits: limits)
    let plain = try folder.keepingFolder { try #require(try RankingModel(folder: $0).scorer as? CrossEncoder) }
    return try plain.joined(at: layer)
  }

  private static let texts = ["", "cat", "cat sat how the cat", "the cat sat the cat sat the cat sat the cat sat the cat", "how"]
  private static var pairs: [ScoringPair] {
    ["how the cat", "cat", "sat the cat how"].flatMap { query in texts.map { pair(query, $0) } }
  }

  @Test(
    "Packed weights give the scores of the path that trains, alone, together and in any batch",
    arguments: CrossEncoderHead.fresh, [1, 2])
  func scores(head: CrossEncoderHead, layer: Int) throws {
    let model = try Self.model(head, at: layer)
    let expected = try model.rankingScores(Self.pairs)
    for (precision, tolerance) in [(NumericPrecision.fp32, 1e-4), (.bf16, 0.2), (.int8, 0.6)] {
      let prepared = try model.prepared(for: precision)
      #expect(prepared.joinLayer == layer)
      let found = try prepared.rankingScores(Self.pairs)
      for (a, b) in zip(found, expected) { #expect(abs(a.score - b.score) <= tolerance, "\(precision)") }
      #expect(try prepared.rankingScores(Self.pairs.reversed(), maximumTokens: 30) == found.reversed())
      #expect(try Self.pairs.map { try prepared.rankingScores([$0])[0] } == found)
      #expect(try prepared.rankingScores(read: try Self.pairs.map(prepared.read)) == found)
    }
  }

  @Test("Joined at layer 0 it is the plain cross-encoder; joined after the last, [CLS] never sees the document")
  func limits() throws {
    let plain = try Self.model(.cls, at: 0)
    let folder = try TestFolder.crossEncoder(.cls, limits: TokenLimits(maximumTokens: 24, maximumQueryTokens: 6))
    let loaded = try folder.keepingFolder { try RankingModel(folder: $0).scorer }
    #expect(try plain.rankingScores(Self.pairs) == loaded.rankingScores(Self.pairs))
    let apart = try Self.model(.cls, at: plain.encoder.configuration.layerCount)
    for model in [apart, try apart.prepared(for: .bf16)] {
      let scores = try model.rankingScores(Self.pairs).map(\.score)
      for (number, score) in scores.enumerated() { #expect(score == scores[number / Self.texts.count * Self.texts.count]) }
      #expect(Set(scores).count == 3)
    }
  }

  @Test("Windows share their query's states, and may be precomputed")
  func windows() throws {
    let limits = TokenLimits(maximumTokens: 14, maximumQueryTokens: 5, policy: .window, windowStride: 2)
    let model = try Self.model(at: 1, limits: limits)
    let expected = try model.rankingScores(Self.pairs)
    let prepared = try model.prepared(for: .fp32)
    let found = try prepared.rankingScores(Self.pairs)
    for (a, b) in zip(found, expected) { #expect(abs(a.score - b.score) <= 1e-4 && a.truncatedTokens == b.truncatedTokens) }
    let states = try PrecomputedDocuments(Self.documents, model: prepared, storage: .fp32)
    #expect(states.count > 5, "a long document has several windows")
    #expect(try prepared.reading(states).rankingScores(Self.pairs) == found)
  }

  @Test("A document has the same room and the same positions beside every query")
  func room() throws {
    let model = try Self.model(at: 1)
    // 24 tokens, less 3 special ones and 6 of the query, leave 15.
    let long = Array(repeating: "cat", count: 20).joined(separator: " ")
    for (query, length) in [("cat", 1), ("cat sat how the", 4), ("cat sat how the cat sat how the", 6)] {
      #expect(try model.tokens(of: pair(query, long)).read == 3 + length + 15)
    }
    #expect(model.documentPosition == 8)
    let small = try Self.model(at: 1, limits: TokenLimits(maximumTokens: 9, maximumQueryTokens: 6))
    #expect(throws: TokenizerError.noRoom(maximum: 9, needed: 9)) { try small.rankingScores(Self.pairs) }
    // Without a join layer a short query leaves its room to the document.
    #expect(try Self.model(at: 0).tokens(of: pair("cat", long)).read == 24)
  }

  @Test("A layer that the encoder does not have is refused, in memory and in a folder", arguments: [-1, 3, 100])
  func refusals(layer: Int) throws {
    let layers = try Self.model(at: 0).encoder.configuration.layerCount
    try #require(layers == 2)
    #expect(throws: ModelError.joinLayer(asked: layer, layers: 2)) { try Self.model(at: layer) }
    let folder = try TestFolder.crossEncoder()
    try folder.set("gradus.json", "joinLayer", layer)
    let error = #expect(throws: ModelError.self) { try RankingModel(folder: folder.folder) }
    #expect(error == .manifest(file: folder.file("gradus.json"), reason: "joinLayer is \(layer); the encoder has 2 layers"))
  }

  @Test("Saved and loaded, a model meets where it was trained to; a plain one's manifest has no entry")
  func saving() throws {
    let base = try TestFolder.tinyBert()
    for layer in [0, 1] {
      let model = try Self.model(at: layer)
      let folder = try TestFolder()
      let manifest = ModelManifest(architecture: .crossEncoder, base: "tiny-bert", baseDigest: "", seed: 1)
      try RankingModel(scorer: model, manifest: manifest).save(to: folder.path, tokenizerOf: base.folder)
      #expect(try folder.text("gradus.json").contains("joinLayer") == (layer > 0))
      let again = try RankingModel(folder: folder.folder)
      #expect(again.manifest.joinLayer == (layer > 0 ? layer : nil))
      #expect(try again.scorer.rankingScores(Self.pairs) == model.rankingScores(Self.pairs))
    }
  }

  @Test("The first layers of a model are a model, with their weights and the head's")
  func keepingFirst() throws {
    let model = try Self.model(at: 2)
    let small = try model.keepingFirst(1)
    #expect(small.encoder.configuration.layerCount == 1 && small.joinLayer == 1)
    #expect(small.parameters.count < model.parameters.count)
    #expect(small.encoder.layers[0].output.weight === model.encoder.layers[0].output.weight)
    #expect(try small.joined(at: 0).rankingScores(Self.pairs) != model.joined(at: 0).rankingScores(Self.pairs))
    #expect(try model.keepingFirst(2).rankingScores(Self.pairs) == model.rankingScores(Self.pairs))
    let base = try TestFolder.tinyBert(), folder = try TestFolder()
    let manifest = ModelManifest(architecture: .crossEncoder, base: "tiny-bert", baseDigest: "", seed: 1)
    try RankingModel(scorer: small, manifest: manifest).save(to: folder.path, tokenizerOf: base.folder)
    #expect(try RankingModel(folder: folder.folder).scorer.rankingScores(Self.pairs) == small.rankingScores(Self.pairs))
    for count in [0, 3, -1] {
      #expect(throws: ModelError.layerCount(asked: count, layers: 2)) { try model.keepingFirst(count) }
    }
  }

  // MARK: States of documents

  private static var documents: [Document] {
    (texts + ["cat"]).enumerated().map { Document(docno: "\($0)", text: $1) }
  }

  @Test(
    "Kept in fp32 states change no bit, in bf16 little; documents without states are computed",
    arguments: NumericPrecision.allCases)
  func precomputed(precision: NumericPrecision) throws {
    let model = try Self.model(at: 1).prepared(for: precision)
    let expected = try model.rankingScores(Self.pairs)
    let folder = try TestFolder()
    for documents in [Self.documents, Array(Self.documents[..<2]), []] {
      try PrecomputedDocuments.write(documents, model: model, storage: .fp32, to: folder.file("exact"))
      let file = try PrecomputedDocuments(path: folder.file("exact"), model: model)
      #expect(file.count == min(documents.count, 5) && file.storage == .fp32, "equal texts are kept once")
      #expect(try model.reading(file).rankingScores(Self.pairs) == expected)
      let memory = try PrecomputedDocuments(documents, model: model, storage: .fp32)
      #expect(memory.count == file.count)
      #expect(try model.reading(memory).rankingScores(Self.pairs) == expected)
    }
    try PrecomputedDocuments.write(Self.documents, model: model, storage: .bf16, to: folder.file("rounded"))
    let rounded = try model.reading(try PrecomputedDocuments(path: folder.file("rounded"), model: model))
    let found = try rounded.rankingScores(Self.pairs)
    #expect(found != expected)
    for (a, b) in zip(found, expected) { #expect(abs(a.score - b.score) <= 0.3) }
    var lower = try #require(rounded.splitStates())
    _ = try lower.states(of: try Self.pairs.flatMap { try rounded.parts(of: $0).inputs })
    #expect(lower.computedTokens == (3 + 2) + (1 + 2) + (4 + 2), "the queries with [CLS] and [SEP], and no document")
  }

  @Test("States of another model, precision, join layer or query length are refused")
  func otherModel() throws {
    let model = try Self.model(at: 1).prepared(for: .fp32)
    let folder = try TestFolder(), path = folder.file("states")
    try PrecomputedDocuments.write(Self.documents, model: model, storage: .bf16, to: path)
    let states = try PrecomputedDocuments(path: path, model: model)
    let trained = try Self.model(at: 1)
    let parameter = trained.encoder.layers[0].output.weight
    parameter.value = parameter.value * 1.0001
    let above = try Self.model(at: 1)
    above.encoder.layers[1].output.weight.value = above.encoder.layers[1].output.weight.value * 2
    let others = [
      try trained.prepared(for: .fp32), try Self.model(at: 1).prepared(for: .bf16), try Self.model(at: 2).prepared(for: .fp32),
      try Self.model(at: 1, limits: TokenLimits(maximumTokens: 24, maximumQueryTokens: 5)).prepared(for: .fp32),
    ]
    for other in others {
      #expect(throws: PrecomputedDocumentsError.otherModel(path: path)) { try PrecomputedDocuments(path: path, model: other) }
      #expect(throws: PrecomputedDocumentsError.otherModel(path: path)) { try other.reading(states) }
    }
    // Only what lies below the join layer counts.
    #expect(try PrecomputedDocuments(path: path, model: try above.prepared(for: .fp32)).count == 5)
    for other in [try Self.model(at: 1), try Self.model(at: 0).prepared(for: .fp32)] {
      #expect(throws: PrecomputedDocumentsError.notSplit) { try PrecomputedDocuments(path: path, model: other) }
      #expect(throws: PrecomputedDocumentsError.notSplit) {
        try PrecomputedDocuments.write(Self.documents, model: other, storage: .bf16, to: folder.file("none"))
      }
    }
    // Prepared again, joined elsewhere or with other limits, a model forgets states that are no longer its own.
    let reading = try model.reading(states)
    #expect(
      try reading.prepared(for: .int8).rankingScores(Self.pairs)
        == Self.model(at: 1).prepared(for: .int8).rankingScores(Self.pairs))
    var shorter = reading
    shorter.limits.maximumQueryTokens = 5
    #expect(try shorter.rankingScores(Self.pairs) == others[3].rankingScores(Self.pairs))
    #expect(
      try reading.joined(at: 2).rankingScores(Self.pairs)
        == Self.model(at: 2).prepared(for: .fp32).rankingScores(Self.pairs))
  }

  @Test("A file that is cut short, changed or something else is refused, and so is a document whose bytes have changed")
  func damage() throws {
    let model = try Self.model(at: 1).prepared(for: .fp32)
    let folder = try TestFolder(), path = folder.file("states")
    try PrecomputedDocuments.write(Self.documents, model: model, storage: .bf16, to: path)
    let good = try folder.folder.readData(path)
    func error(_ bytes: [UInt8]) throws -> PrecomputedDocumentsError? {
      try folder.write("states", bytes)
      return #expect(throws: PrecomputedDocumentsError.self) {
        try model.reading(try PrecomputedDocuments(path: path, model: model)).rankingScores(Self.pairs)
      }
    }
    for length in [0, 7, 8, 60, 119, 200, good.count - 1] {
      let found = try error(Array(good.prefix(length)))
      switch found {
      case .damaged, .format: break
      default: Issue.record("\(length) bytes: \(String(describing: found))")
      }
    }
    // Magic, version, storage, fingerprint, a record, the directory, the end.
    for position in [0, 8, 12, 30, 100, good.count - 40, good.count - 20, good.count - 1] {
      var bytes = Array(good)
      bytes[position] ^= 1
      let found = try error(bytes)
      switch (position, found) {
      case (0, .format), (8, .format), (12..., .damaged): break
      default: Issue.record("byte \(position): \(String(describing: found))")
      }
    }
    try folder.write("states", Array(good))
    #expect(try PrecomputedDocuments(path: path, model: model).count == 5)
  }
}

extension TestFolder {
  fileprivate func write(_ name: String, _ bytes: [UInt8]) throws {
    let output = try OutputFile(path: file(name))
    try output.write(bytes)
    try output.commit()
  }
}
