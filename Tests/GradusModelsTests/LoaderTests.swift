import Foundation
import GradusFormats
import GradusTensor
import GradusText
import Testing

@testable import GradusModels

@Suite("Model folders that must not be trusted")
struct LoaderTests {
  /// The error that `body` throws, or nil.
  private func error(_ body: () throws -> Void) -> (any Error)? {
    do {
      try body()
      return nil
    } catch { return error }
  }

  private func configurationError(_ folder: TestFolder) -> String? {
    guard case .configuration(let file, let reason) = error({ _ = try BertEncoder(folder: folder.folder) }) as? ModelError,
      file == folder.file("config.json")
    else { return nil }
    return reason
  }

  @Test("A missing file is named", arguments: ["config.json", "model.safetensors"])
  func missingFiles(name: String) throws {
    let folder = try TestFolder.tinyBert()
    try folder.remove(name)
    #expect(throws: ModelError.missingFile(folder: folder.path, name: name)) { try BertEncoder(folder: folder.folder) }
    #expect(throws: ModelError.missingFile(folder: folder.path, name: name)) { try ConvKNRM(base: folder.folder, seed: 1) }
  }

  @Test("Weights in PyTorch's own format stand for those that are not there, with the same bits")
  func pytorchWeights() throws {
    let folder = try TestFolder.tinyBert()
    let expected = try BertEncoder(folder: folder.folder)
    try folder.remove("model.safetensors")
    let name = "pytorch_model.bin"
    try FileManager.default.copyItem(atPath: fixture("tiny-bert/" + name), toPath: folder.file(name))
    let found = try BertEncoder(folder: folder.folder)
    for (first, second) in zip(found.parameters, expected.parameters) {
      #expect(first.name == second.name && first.value.floats() == second.value.floats())
    }
  }

  @Test("A missing tokenizer is named")
  func missingTokenizer() throws {
    let folder = try TestFolder.tinyBert()
    try folder.remove("vocab.txt")
    #expect(throws: TokenizerError.missingFiles(folder: folder.path)) { try BiEncoder(folder: folder.folder) }
  }

  @Test("A missing tensor is named", arguments: [
    "embeddings.word_embeddings.weight", "embeddings.LayerNorm.bias", "encoder.layer.1.attention.self.key.weight",
    "encoder.layer.0.output.dense.bias",
  ])
  func missingTensor(name: String) throws {
    let folder = try TestFolder.tinyBert()
    try folder.rewriteWeights { $0.name == name ? nil : $0 }
    #expect(throws: ModelError.missingTensor(file: folder.file("model.safetensors"), name: name)) {
      try BertEncoder(folder: folder.folder)
    }
  }

  @Test("A tensor of another shape, or with a NaN, is named")
  func badTensors() throws {
    let name = "encoder.layer.1.attention.self.value.weight"
    let folder = try TestFolder.tinyBert(), file = folder.file("model.safetensors")
    try folder.rewriteWeights { tensor in
      var tensor = tensor
      if tensor.name == name { tensor.shape = [48, 12] }
      return tensor
    }
    #expect(throws: ModelError.shape(file: file, name: name, expected: [24, 24], found: [48, 12])) {
      try BertEncoder(folder: folder.folder)
    }
    for value in [Float.nan, .infinity] {
      try folder.rewriteWeights { tensor in
        var tensor = tensor
        if tensor.name == name {
          tensor.shape = [24, 24]
          tensor.values[77] = value
        }
        return tensor
      }
      #expect(throws: ModelError.notFinite(file: file, name: name, index: 77)) { try BertEncoder(folder: folder.folder) }
    }
  }

  @Test("Integers where weights should be, and a file cut short, are refused")
  func damagedFile() throws {
    let folder = try TestFolder.tinyBert(), file = folder.file("model.safetensors")
    let whole = try Data(contentsOf: URL(fileURLWithPath: file))
    try whole.dropLast(1000).write(to: URL(fileURLWithPath: file))
    #expect(throws: SafetensorsError.self) { try BertEncoder(folder: folder.folder) }
    let name = "embeddings.word_embeddings.weight"
    let writer = SafetensorsWriter(path: file)
    writer.add(name, type: .int32, shape: [64, 24]) { [UInt8](repeating: 0, count: 64 * 24 * 4) }
    try writer.commit()
    #expect(throws: SafetensorsError.wrongType(path: file, tensor: name, found: .int32)) {
      try BertEncoder(folder: folder.folder)
    }
  }

  @Test("Another architecture is refused by name")
  func architecture() throws {
    let folder = try TestFolder.tinyBert()
    try folder.set("config.json", "model_type", "deberta-v2")
    let error = ModelError.unsupportedArchitecture(file: folder.file("config.json"), found: "deberta-v2")
    #expect(throws: error) { try BertEncoder(folder: folder.folder) }
    for family in EncoderFamily.allCases { #expect("\(error)".contains("'\(family.rawValue)'")) }
    try folder.set("config.json", "model_type", nil)
    #expect(try BertEncoder(folder: folder.folder).configuration.layerCount == 2)
  }

  @Test("A contradictory configuration is refused, and the key is named", arguments: [
    ("hidden_size", "25", "num_attention_heads"), ("num_attention_heads", "0", "num_attention_heads"),
    ("vocab_size", "-1", "vocab_size"), ("num_hidden_layers", "99999999999", "num_hidden_layers"),
    ("layer_norm_eps", "0", "layer_norm_eps"), ("hidden_dropout_prob", "1", "hidden_dropout_prob"),
    ("attention_probs_dropout_prob", "-0.1", "attention_probs_dropout_prob"), ("initializer_range", "-1", "initializer_range"),
    ("hidden_act", "\"relu\"", "hidden_act"), ("position_embedding_type", "\"relative_key\"", "position_embedding_type"),
    ("is_decoder", "true", "is_decoder"), ("hidden_size", "\"wide\"", "hidden_size"), ("vocab_size", "null", "vocab_size"),
  ])
  func contradictions(key: String, value: String, named: String) throws {
    let folder = try TestFolder.tinyBert()
    let text = try folder.text("config.json")
    let pattern = try Regex("\"\(key)\": [^,\n]*")
    let entry = "\"\(key)\": \(value)"
    let changed = text.contains(pattern) ? text.replacing(pattern, with: entry) : "{" + entry + "," + text.dropFirst()
    try folder.write("config.json", changed)
    #expect(configurationError(folder)?.contains(named) == true)
  }

  @Test("A configuration that is no JSON, or lacks a key, is refused")
  func damagedConfiguration() throws {
    let folder = try TestFolder.tinyBert()
    try folder.set("config.json", "hidden_size", nil)
    #expect(configurationError(folder)?.contains("hidden_size") == true)
    try folder.write("config.json", "{\"model_type\"")
    #expect(configurationError(folder) == "no valid JSON")
  }

  @Test("Sizes that no machine holds are found out before memory is asked for")
  func enormous() throws {
    let folder = try TestFolder.tinyBert()
    try folder.set("config.json", "vocab_size", 1 << 24)
    try folder.set("config.json", "hidden_size", 3 << 22)
    #expect(throws: ModelError.shape(
      file: folder.file("model.safetensors"), name: "embeddings.word_embeddings.weight", expected: [1 << 24, 3 << 22],
      found: [64, 24])
    ) { try BertEncoder(folder: folder.folder) }
  }

  @Test("A tokenizer with more ids or segments than the model has embeddings is refused at load time")
  func tokenizerMismatch() throws {
    let folder = try TestFolder.tinyBert()
    try folder.write("vocab.txt", try folder.text("vocab.txt") + "extra\n")
    let mismatch = ModelError.tokenizerMismatch(folder: folder.path, table: "word", largest: 64, rows: 64)
    #expect(throws: mismatch) { try folder.folder.tokenizer() }
    #expect(throws: mismatch) { try BiEncoder(folder: folder.folder) }
    #expect(throws: mismatch) { try CrossEncoder(base: folder.folder, seed: 1) }
    #expect(throws: mismatch) { try ConvKNRM(base: folder.folder, seed: 1) }
    let neural = try TestFolder.convKNRM()
    try neural.write("vocab.txt", try folder.text("vocab.txt"))
    #expect(throws: ModelError.tokenizerMismatch(folder: neural.path, table: "word", largest: 64, rows: 64)) {
      try RankingModel(folder: neural.folder)
    }
    let single = try TestFolder.tinyBert()
    try single.set("config.json", "type_vocab_size", 1)
    #expect(throws: ModelError.tokenizerMismatch(folder: single.path, table: "segment", largest: 1, rows: 1)) {
      try single.folder.tokenizer()
    }
  }

  @Test("Special and added tokens count, too")
  func specialTokens() throws {
    func load(special: Int, added: Int) throws {
      let folder = try TestFolder.tinyBert()
      try folder.write("tokenizer.json", """
        {"added_tokens":[{"id":\(added),"content":"[NEW]"}],"model":{"type":"WordPiece","vocab":{"[UNK]":0,"a":1}},
        "normalizer":null,"pre_tokenizer":{"type":"BertPreTokenizer"},
        "post_processor":{"type":"BertProcessing","sep":["[SEP]",\(special)],"cls":["[CLS]",3]}}
        """)
      try folder.keepingFolder { _ = try $0.tokenizer() }
    }
    #expect(error { try load(special: 63, added: 63) } == nil)
    for (special, added) in [(64, 5), (5, 64)] {
      guard case .tokenizerMismatch(_, "word", 64, 64) = error({ try load(special: special, added: added) }) as? ModelError else {
        Issue.record("special \(special), added \(added) was accepted")
        continue
      }
    }
  }

  @Test("vocab.txt is lower-cased unless tokenizer_config.json forbids it")
  func lowercase() throws {
    let folder = try TestFolder.tinyBert()
    #expect(try folder.folder.tokenizer().encode("THE") == [57])
    try folder.write("tokenizer_config.json", "{\"do_lower_case\":false}")
    #expect(try folder.folder.tokenizer().encode("THE the") == [1, 57])
    try folder.write("tokenizer_config.json", "[")
    #expect(throws: ModelError.configuration(file: folder.file("tokenizer_config.json"), reason: "no valid JSON")) {
      try folder.folder.tokenizer()
    }
  }
}

@Suite("Manifests of saved models that must not be trusted")
struct ManifestTests {
  private func reason(_ folder: TestFolder) -> String? {
    do {
      _ = try RankingModel(folder: folder.folder)
      return nil
    } catch let error as ModelError {
      guard case .manifest(let file, let reason) = error, file == folder.file("gradus.json") else { return "\(error)" }
      return reason
    } catch { return "\(error)" }
  }

  @Test("Another format is refused by its number, whatever else it holds")
  func format() throws {
    let folder = try TestFolder.crossEncoder()
    try folder.write("gradus.json", "{\"format\":2,\"kind\":\"other\"}")
    #expect(reason(folder)?.hasPrefix("format 2 ") == true)
    try folder.write("gradus.json", "[1]")
    #expect(reason(folder) != nil)
    try folder.remove("gradus.json")
    #expect(throws: ModelError.missingFile(folder: folder.path, name: "gradus.json")) { try RankingModel(folder: folder.folder) }
  }

  @Test("What a cross-encoder needs must be there and fit the encoder", arguments: [
    ("head", nil), ("maximumTokens", nil), ("maximumQueryTokens", nil), ("maximumTokens", 41), ("maximumTokens", 0),
    ("maximumQueryTokens", 0), ("windowStride", 0), ("architecture", nil), ("seed", nil), ("format", nil),
  ])
  func crossEncoder(key: String, value: Int?) throws {
    let folder = try TestFolder.crossEncoder()
    #expect(reason(folder) == nil)
    try folder.set("gradus.json", key, value)
    #expect(reason(folder)?.contains(key) == true)
  }

  @Test("Values that this version does not know are refused", arguments: ["architecture", "head", "truncation"])
  func unknownValues(key: String) throws {
    let folder = try TestFolder.crossEncoder()
    try folder.set("gradus.json", key, "novel")
    #expect(reason(folder)?.contains(key) == true)
    #expect(reason(folder)?.contains("novel") == true)
  }

  @Test(
    "What a Conv-KNRM needs must be there and make sense",
    arguments: ["filters", "maximumGram", "queryTokens", "documentTokens"])
  func convKNRM(key: String) throws {
    let folder = try TestFolder.convKNRM()
    #expect(reason(folder) == nil)
    let options = ["filters": 5, "maximumGram": 3, "queryTokens": 4, "documentTokens": 9]
    for bad in [0, -1, 1 << 40] {
      try folder.set("gradus.json", "convKNRM", options.merging([key: bad]) { $1 })
      #expect(reason(folder)?.contains(key) == true)
    }
    try folder.set("gradus.json", "convKNRM", options.filter { $0.key != key })
    #expect(reason(folder)?.contains(key) == true)
    try folder.set("gradus.json", "convKNRM", nil)
    #expect(reason(folder)?.contains("convKNRM") == true)
  }

  @Test("Weights that contradict the manifest are refused")
  func contradiction() throws {
    let folder = try TestFolder.convKNRM()
    try folder.set("gradus.json", "convKNRM", ["filters": 6, "maximumGram": 3, "queryTokens": 4, "documentTokens": 9])
    #expect(throws: ModelError.shape(
      file: folder.file("model.safetensors"), name: "convolution.1.weight", expected: [6, 24], found: [5, 24])
    ) { try RankingModel(folder: folder.folder) }
    let headless = try TestFolder.crossEncoder(.similarity)
    try headless.rewriteWeights { $0.name == "similarity.scale" ? nil : $0 }
    #expect(throws: ModelError.missingTensor(file: headless.file("model.safetensors"), name: "similarity.scale")) {
      try RankingModel(folder: headless.folder)
    }
  }
}
