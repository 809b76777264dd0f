import Foundation
import GradusCore
import GradusFormats
import Testing

@testable import GradusModels

@Suite("Decoder")
struct DecoderTests {
  /// bfloat16 activations: relative to the logits' spread (1.7), a few thousandths on average.
  @Test("Logits, hidden states and attention agree with transformers", arguments: DecoderFixtures.names)
  func agreesWithTransformers(name: String) throws {
    let expected = try #require(try DecoderFixtures.load().models[name])
    let decoder = try DecoderFixtures.decoder(name)
    var cache = decoder.makeCache()
    let positions = [0, 17, 39]
    let output = try decoder.append(
      expected.tokens, to: &cache,
      computing: DecoderRequest(
        logits: positions, hiddenStates: [39], attention: AttentionRequest(positions: 39..<40, of: decoder.configuration)))
    for (position, logits) in zip(positions, output.logits) {
      let reference = try #require(expected.logits["\(position)"])
      let errors = zip(logits, reference).map { abs($0 - $1) }
      #expect(errors.reduce(0, +) / Float(errors.count) < 0.02, "position \(position)")
      #expect(errors.max() ?? 1 < 0.08, "position \(position)")
    }
    #expect(zip(output.hiddenStates[0], expected.hidden).allSatisfy { abs($0 - $1) < 0.06 })
    #expect(zip(output.attention[0], expected.attention).allSatisfy { abs($0 - $1) < 0.03 })
    #expect(abs(output.attention[0].reduce(0, +) - 8) < 1e-4)  // 2 layers x 4 heads
    #expect(decoder.conversions == [])
  }

  @Test("A prompt at once, in pieces, token by token and from a fork: the same bits", arguments: DecoderFixtures.names)
  func piecesDoNotMatter(name: String) throws {
    let decoder = try DecoderFixtures.decoder(name)
    let tokens = DecoderFixtures.tokens(150)
    let all = try decoder.logits(tokens, at: Array(tokens.indices))
    var cache = decoder.makeCache()
    var single: [[Float]] = []
    for token in tokens { single += try decoder.append([token], to: &cache, computing: DecoderRequest(logits: [0])).logits }
    #expect(all.map(bits) == single.map(bits))
    var pieces = decoder.makeCache()
    try decoder.append(Array(tokens[..<61]), to: &pieces)
    var fork = pieces
    try decoder.append(DecoderFixtures.tokens(30, seed: 9), to: &fork)  // must not be seen by the other
    let rest = try decoder.append(Array(tokens[61...]), to: &pieces, computing: DecoderRequest(logits: [88])).logits
    #expect(bits(rest[0]) == bits(all[149]))
    try fork.truncate(to: 61)
    let again = try decoder.append(Array(tokens[61...]), to: &fork, computing: DecoderRequest(logits: [88])).logits
    #expect(bits(again[0]) == bits(all[149]))
  }

  @Test("More than one pass and one segment of keys: the same bits")
  func longSequences() throws {
    let decoder = try longContext("mistral")
    let tokens = DecoderFixtures.tokens(1100)
    let whole = try decoder.logits(tokens, at: [1099])[0]
    var cache = decoder.makeCache()
    try decoder.append(Array(tokens.dropLast()), to: &cache)
    let last = try decoder.append([tokens[1099]], to: &cache, computing: DecoderRequest(logits: [0])).logits[0]
    #expect(bits(whole) == bits(last))
  }

  /// The fixture with room for 2,048 positions.
  private func longContext(_ name: String) throws -> LlamaDecoder {
    let folder = ModelFolder(path: DecoderFixtures.folder + name)
    var configuration = try DecoderConfiguration(
      json: Array(try folder.readData(try folder.file("config.json"))), file: "config.json")
    configuration.maximumPositions = 2048
    configuration.slidingWindow = nil
    return try LlamaDecoder(configuration: configuration, source: try FolderTensorSource(folder))
  }

  @Test("The number of threads does not matter", arguments: LlamaDecoder.Arithmetic.allCases)
  func threads(arithmetic: LlamaDecoder.Arithmetic) throws {
    let decoder = try quantized(.q8_0)
    let tokens = DecoderFixtures.tokens(90)
    var results: [[UInt32]] = []
    let before = WorkerPool.shared.threadLimit
    defer { WorkerPool.shared.threadLimit = before }
    for limit in [1, 2, 8] {
      WorkerPool.shared.threadLimit = limit
      var cache = decoder.makeCache()
      results.append(
        bits(try decoder.append(tokens, to: &cache, computing: DecoderRequest(logits: [89]), arithmetic: arithmetic).logits[0]))
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }

  /// A small llama in GGUF with its queries and keys in the interleaved order; weights from the fixture, in `type`.
  private func quantized(
    _ type: GGUFTensorType, skipping: String? = nil, extra: Bool = false, spoil: Bool = false, inner: Int = 40
  ) throws -> LlamaDecoder {
    let path = NSTemporaryDirectory() + "gradus-\(UUID().uuidString).gguf"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = try SafetensorsFile(path: DecoderFixtures.folder + "llama/model.safetensors")
    let source = FolderTensorSource(file)
    let writer = GGUFWriter(path: path)
    try writer.set("general.architecture", .string("llama"))
    let integers = [
      "block_count": 2, "embedding_length": 32, "feed_forward_length": inner, "attention.head_count": 4,
      "attention.head_count_kv": 2, "context_length": 256,
    ]
    for (key, value) in integers { try writer.set("llama." + key, .uint32(UInt32(value))) }
    try writer.set("llama.attention.layer_norm_rms_epsilon", .float32(1e-5))
    var tensors: [DecoderTensor] = [.embedding, .finalNorm]
    for i in 0..<2 {
      tensors += [
        .attentionNorm(i), .query(i), .key(i), .value(i), .attentionOutput(i), .feedForwardNorm(i), .gate(i), .up(i), .down(i),
      ]
    }
    for tensor in tensors where tensor.ggufName != skipping {
      let name = source.name(tensor)
      var values = try source.floats(name)
      let shape = try #require(source.shape(name))
      if case .query = tensor { values = interleaved(values, headSize: 8, width: 32) }
      if case .key = tensor { values = interleaved(values, headSize: 8, width: 32) }
      if spoil, tensor == .value(1) { values[70] = .nan }
      let fits = shape.count == 2 && shape[1] % type.blockSize == 0
      try writer.add(tensor.ggufName, dimensions: shape.reversed(), type: fits && !spoil ? type : .f32, floats: values)
    }
    if extra { try writer.add("blk.0.surprise", dimensions: [4], floats: [1, 2, 3, 4]) }
    try writer.commit()
    return try LlamaDecoder(path: path)
  }

  /// Rows 2i and 2i + 1 of a head from rows i and i + half.
  private func interleaved(_ values: [Float], headSize: Int, width: Int) -> [Float] {
    var result: [Float] = []
    for head in 0..<values.count / width / headSize {
      for d in 0..<headSize {
        let row = head * headSize + d / 2 + (d % 2) * headSize / 2
        result += values[row * width..<(row + 1) * width]
      }
    }
    return result
  }

  @Test("A GGUF in the interleaved order is the same model", arguments: [GGUFTensorType.f32, .bf16, .q8_0, .q4_1])
  func gguf(type: GGUFTensorType) throws {
    let expected = try #require(try DecoderFixtures.load().models["llama"])
    let decoder = try quantized(type)
    let logits = try decoder.logits(expected.tokens, at: [39])[0]
    let reference = try #require(expected.logits["39"])
    let error = zip(logits, reference).map { abs($0 - $1) }.reduce(0, +) / 61
    #expect(error < (type == .q4_1 ? 0.7 : type == .q8_0 ? 0.06 : 0.02), "\(error)")
    #expect(decoder.conversions.isEmpty == (type == .bf16) || type == .q8_0 || type == .q4_1)
    if type == .f32 { #expect(decoder.conversions.allSatisfy { $0.stored == "F32" && $0.computed == .bfloat16 }) }
  }

  @Test("Eight-bit activations come close to bfloat16, alone and in a batch with the same bits")
  func int8() throws {
    let decoder = try quantized(.q8_0)
    let tokens = DecoderFixtures.tokens(40)
    var cache = decoder.makeCache()
    try decoder.append(Array(tokens.dropLast()), to: &cache)
    var caches = [cache, cache, cache, cache, cache]
    var exact = cache
    let reference = try decoder.append([tokens[39]], to: &exact, computing: DecoderRequest(logits: [0])).logits[0]
    let step: [Int32] = [tokens[39], 1, 2, 3, 4]
    let together = try decoder.step(step, &caches)
    #expect(zip(together[0], reference).map { abs($0 - $1) }.reduce(0, +) / 61 < 0.05)
    for (token, logits) in zip(step, together) {
      var alone = [cache]
      let single = try decoder.step([token], &alone)[0]
      #expect(bits(single) == bits(logits))
    }
  }

  @Test("Attention weights sum to one for each layer, head and token, and look only back")
  func attention() throws {
    let decoder = try DecoderFixtures.decoder("mistral")
    var cache = decoder.makeCache()
    try decoder.append(DecoderFixtures.tokens(50), to: &cache)
    let request = AttentionRequest(positions: 3..<20, heads: [1: [0, 3]])
    let rows = try decoder.append(
      DecoderFixtures.tokens(20, seed: 5), to: &cache, computing: DecoderRequest(attention: request)).attention
    #expect(rows.count == 17)
    for (row, weights) in rows.enumerated() {
      #expect(weights.count == 70)
      #expect(abs(weights.reduce(0, +) - 2) < 1e-5)
      let position = 53 + row
      // The window of the fixture is nine positions, the token's own included.
      for (key, weight) in weights.enumerated() where key > position || key + 9 <= position { #expect(weight == 0) }
    }
  }

  @Test("Errors name what is wrong")
  func errors() throws {
    let decoder = try DecoderFixtures.decoder("llama")
    var cache = decoder.makeCache()
    #expect(throws: DecoderError.noTokens) { try decoder.append([], to: &cache) }
    #expect(throws: DecoderError.tokenOutOfRange(token: 61, index: 1, vocabularySize: 61)) {
      try decoder.append([1, 61], to: &cache)
    }
    #expect(throws: DecoderError.contextExceeded(tokens: 257, limit: 256)) {
      try decoder.append([Int32](repeating: 1, count: 257), to: &cache)
    }
    #expect(throws: DecoderError.positionOutOfRange(position: 2, count: 2)) { try decoder.logits([1, 2], at: [2]) }
    #expect(throws: DecoderError.foreignCache) {
      try DecoderFixtures.decoder("llama").append([1], to: &cache)
    }
    #expect(cache.count == 0)
    #expect(throws: DecoderError.truncation(to: 1, count: 0)) { try cache.truncate(to: 1) }
    #expect(throws: DecoderError.option(name: "attention head", value: "4", allowed: "0..<4")) {
      try decoder.append(
        [1], to: &cache, computing: DecoderRequest(attention: AttentionRequest(positions: 0..<1, heads: [0: [4]])))
    }
  }

  @Test("Weights that are missing, extra or not finite are named")
  func badWeights() throws {
    func error(_ body: () throws -> LlamaDecoder) -> DecoderError? {
      do { _ = try body() } catch { return error as? DecoderError }
      return nil
    }
    if case .missingTensor(_, "blk.1.ffn_up.weight") = error({ try quantized(.f32, skipping: "blk.1.ffn_up.weight") }) {
    } else { Issue.record("a missing tensor is not named") }
    if case .unexpectedTensors(_, ["blk.0.surprise"]) = error({ try quantized(.f32, extra: true) }) {
    } else { Issue.record("an extra tensor is not named") }
    if case .notFinite(_, "blk.1.attn_v.weight", 2) = error({ try quantized(.f32, spoil: true) }) {
    } else { Issue.record("NaN is not named") }
    // A configuration that contradicts the weights.
    if case .shape(_, let name, let expected, [40, 32]) = error({ try quantized(.f32, inner: 48) }),
      name.hasPrefix("blk.0.ffn"), expected == [48, 32]
    {
    } else { Issue.record("a layer of another width is not named") }
    let folder = try TestFolder()
    let original = DecoderFixtures.folder + "llama/"
    try FileManager.default.copyItem(atPath: original + "model.safetensors", toPath: folder.file("model.safetensors"))
    let text = try String(contentsOfFile: original + "config.json", encoding: .utf8)
    try text.replacingOccurrences(of: "\"vocab_size\": 61", with: "\"vocab_size\": 62")
      .write(toFile: folder.file("config.json"), atomically: true, encoding: .utf8)
    if case .shape(_, "model.embed_tokens.weight", [62, 32], [61, 32]) = error({ try LlamaDecoder(path: folder.path) }) {
    } else { Issue.record("a vocabulary of another size is not named") }
  }

  @Test("The memory of a cache is what the decoder states, page by page")
  func cacheMemory() throws {
    let decoder = try DecoderFixtures.decoder("llama")
    // Two layers, keys and values of two heads of 8, padded to 32, in two bytes each.
    #expect(decoder.cacheBytesPerToken == 2 * 2 * 2 * 32 * 2)
    var cache = decoder.makeCache()
    #expect(cache.byteCount == 0)
    try decoder.append(DecoderFixtures.tokens(33), to: &cache)
    #expect(cache.byteCount == 64 * decoder.cacheBytesPerToken)
    try cache.truncate(to: 5)
    #expect(cache.byteCount == 32 * decoder.cacheBytesPerToken)
  }
}
