import Foundation
import GradusCore
import GradusText
import Testing

@testable import GradusModels

@Suite("Folders of other families that must not be trusted")
struct LayoutLoaderTests {
  /// A tensor of each family that nothing can do without.
  private static let tensors = [
    ("distilbert", "distilbert.transformer.layer.1.attention.k_lin.weight"),
    ("electra", "electra.embeddings_project.bias"), ("mpnet", "mpnet.encoder.relative_attention_bias.weight"),
    ("roberta", "roberta.encoder.layer.0.output.LayerNorm.weight"),
    ("xlm-roberta", "roberta.embeddings.token_type_embeddings.weight"), ("modernbert", "model.layers.2.mlp.Wi.weight"),
  ]

  @Test("A missing tensor, one of another shape and one with a NaN are named", arguments: tensors)
  func badTensors(family: String, name: String) throws {
    let folder = try TestFolder.copy("encoders/" + family), file = folder.file("model.safetensors")
    var shape: [Int] = []
    try folder.rewriteWeights { tensor in
      var tensor = tensor
      if tensor.name == name {
        shape = tensor.shape
        tensor.values[3] = .nan
      }
      return tensor
    }
    #expect(throws: ModelError.notFinite(file: file, name: name, index: 3)) { try BertEncoder(folder: folder.folder) }
    try folder.rewriteWeights { tensor in
      var tensor = tensor
      if tensor.name == name { tensor.shape = [1] + tensor.shape }
      return tensor
    }
    #expect(throws: ModelError.shape(file: file, name: name, expected: shape, found: [1] + shape)) {
      try BertEncoder(folder: folder.folder)
    }
    try folder.rewriteWeights { $0.name == name ? nil : $0 }
    #expect(throws: ModelError.missingTensor(file: file, name: name)) { try BertEncoder(folder: folder.folder) }
  }

  @Test("More layers than the configuration names, and parts that it does not know, are refused by name", arguments: [
    ("bert", "num_hidden_layers", "bert.encoder.layer.1.attention.output.LayerNorm.bias"),
    ("distilbert", "n_layers", "distilbert.transformer.layer.1.attention.k_lin.bias"),
  ])
  func extraLayers(family: String, key: String, name: String) throws {
    let folder = try TestFolder.copy("encoders/" + family)
    try folder.set("config.json", key, 1)
    #expect(throws: ModelError.unexpectedTensor(file: folder.file("model.safetensors"), name: name)) {
      try BertEncoder(folder: folder.folder)
    }
    try folder.set("config.json", key, 3)
    #expect(throws: ModelError.self) { try BertEncoder(folder: folder.folder) }
  }

  @Test("A configuration that contradicts the weights or itself is refused", arguments: [
    ("roberta", "pad_token_id", "4294967296"), ("mpnet", "relative_attention_num_buckets", "64"),
    ("modernbert", "norm_bias", "true"), ("modernbert", "layer_types", "[\"full_attention\"]"),
    ("modernbert", "layer_types", "[\"chunked_attention\"]"), ("modernbert", "local_attention", "0"),
    ("modernbert", "rope_parameters", "{\"full_attention\":{\"rope_type\":\"yarn\"}}"),
    ("modernbert", "num_hidden_layers", "-1"), ("roberta", "max_position_embeddings", "-9223372036854775808"),
    ("electra", "embedding_size", "0"), ("distilbert", "activation", "\"relu\""),
  ])
  func contradictions(family: String, key: String, value: String) throws {
    let folder = try TestFolder.copy("encoders/" + family)
    try folder.set("config.json", key, try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed))
    do {
      _ = try BertEncoder(folder: folder.folder)
      Issue.record("accepted")
    } catch ModelError.configuration(let file, _) {
      #expect(file == folder.file("config.json"))
    }
  }

  @Test("Ids, segments and lengths beyond the tables are refused", arguments: ["distilbert", "roberta", "mpnet", "electra"])
  func outOfRange(family: String) throws {
    let encoder = try BertEncoder(folder: ModelFolder(path: fixture("encoders/" + family)))
    let fused = try FusedBertEncoder(encoder, precision: .fp32)
    let rows = encoder.configuration.vocabularySize, longest = encoder.configuration.maximumPositions
    for bad in [Int32(-1), Int32(rows)] {
      var batch = TokenBatch()
      batch.append([2, bad])
      #expect(throws: ModelError.tokenOutOfRange(table: "word", value: Int(bad), rows: rows)) { try fused.hidden(batch) }
    }
    var long = TokenBatch()
    long.append([Int32](repeating: 5, count: longest + 1))
    #expect(throws: ModelError.positions(asked: longest + 1, limit: longest)) { try fused.hidden(long) }
    var full = TokenBatch()
    full.append([Int32](repeating: 5, count: longest))
    #expect(try fused.hidden(full).allSatisfy(\.isFinite))
    var segments = TokenBatch()
    segments.append([5, 6], segments: [0, 7])
    if encoder.configuration.family.hasSegments {
      #expect(throws: ModelError.tokenOutOfRange(table: "segment", value: 7, rows: encoder.configuration.segmentCount)) {
        try fused.hidden(segments)
      }
    } else {
      #expect(try fused.hidden(segments).count == 64)
    }
  }

  @Test("A tokenizer of an unknown type is refused by its name")
  func tokenizerType() throws {
    let folder = try TestFolder.copy("encoders/roberta")
    try folder.set("tokenizer.json", "model", ["type": "WordLevel", "vocab": ["a": 0]])
    #expect(throws: TokenizerError.unsupported(path: folder.file("tokenizer.json"), part: "model.type", value: "WordLevel")) {
      try folder.folder.tokenizer()
    }
    try folder.set("tokenizer.json", "model", ["type": "Unigram", "unk_id": 9, "vocab": [["a", -1.0]]])
    #expect(throws: TokenizerError.missing(path: folder.file("tokenizer.json"), part: "model.unk_id")) {
      try folder.folder.tokenizer()
    }
    let unigram = try TestFolder.copy("encoders/xlm-roberta")
    try unigram.set("tokenizer.json", "normalizer", ["type": "Precompiled", "precompiled_charsmap": "////"])
    #expect(throws: TokenizerError.self) { try unigram.folder.tokenizer() }
    try unigram.set("tokenizer.json", "normalizer", ["type": "Lowercase"])
    #expect(throws: TokenizerError.unsupported(
      path: unigram.file("tokenizer.json"), part: "normalizer.type", value: "Lowercase")
    ) { try unigram.folder.tokenizer() }
  }

  @Test(
    "A text of 10 MB takes time and memory in proportion, as words or as one word", arguments: ["bert", "roberta", "xlm-roberta"])
  func longText(family: String) throws {
    let folder = ModelFolder(path: try fixture("encoders/" + family))
    let model = try RankingModel(folder: folder).scorer
    let words = String(repeating: "the cat sat on the mat, ", count: 10_000_000 / 24)
    let oneWord = String(repeating: "thecat", count: 10_000_000 / 6)
    for text in [words, oneWord] {
      var score: Double?
      let elapsed = try ContinuousClock().measure {
        score = try model.rankingScores([pair("how cat", text)])[0].score
      }
      #expect(score?.isFinite == true)
      // Seconds where the machine is idle; a quadratic tokenizer would take hours.
      #expect(elapsed < .seconds(60))
    }
  }
}
