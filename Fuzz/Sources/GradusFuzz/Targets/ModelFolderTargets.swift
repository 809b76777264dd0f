import Foundation
import GradusCore
import GradusFormats
@testable import GradusModels
import GradusText

extension FuzzTarget {
  /// config.json of an encoder whose weights are as they should be, a run of it, and its classifier's settings.
  static let encoder = FuzzTarget("encoder", maximumBytes: 2048, dictionary: "config") {
    try ["bert", "roberta", "mpnet", "modernbert", "distilbert"].map {
      try Workplace.fixture("GradusModelsTests/Fixtures/encoders/\($0)/config.json")
    } + [try Workplace.fixture("GradusModelsTests/Fixtures/tiny-bert/config.json")]
  } run: { input in
    for name in ["bert", "modernbert"] {
      let path = try Workplace.copy(ofFixture: "GradusModelsTests/Fixtures/encoders/\(name)", as: "encoder-\(name)")
      Workplace.write(input, "encoder-\(name)/config.json")
      let folder = ModelFolder(path: path)
      attempt {
        let encoder = try BertEncoder(folder: folder)
        var batch = TokenBatch()
        batch.append(try folder.tokenizer().inputs("the cat", limits: TokenLimits(maximumTokens: 8))[0])
        _ = encoder(batch, .inference)
        attempt { _ = try FusedBertEncoder(encoder, precision: .int8).hidden(batch) }
      }
      attempt { _ = try RankingModel(folder: folder) }
      attempt { _ = try CrossEncoder(base: folder, head: .classifier, seed: 1) }
    }
  }

  /// One of sentence-transformers' files: the first byte says which.
  static let sentence = FuzzTarget("sentence", maximumBytes: 1024, dictionary: "config") {
    try sentenceFiles.enumerated().map { number, name in
      [UInt8(number)] + (try Workplace.fixture("GradusModelsTests/Fixtures/encoders/sentence/\(name)"))
    }
  } run: { input in
    guard let first = input.first else { return }
    let name = sentenceFiles[Int(first) % sentenceFiles.count]
    let path = try Workplace.copy(ofFixture: "GradusModelsTests/Fixtures/encoders/sentence", as: "sentence")
    let file = "sentence/\(name)"
    defer {
      if let bytes = try? Workplace.fixture("GradusModelsTests/Fixtures/encoders/\(file)") { Workplace.write(bytes, file) }
    }
    Workplace.write(input.dropFirst(), file)
    let model = try BiEncoder(folder: ModelFolder(path: path))
    _ = try model.encode(["the cat"])
    _ = try model.prepared(for: .fp32).encode(["the cat"])
  }

  private static let sentenceFiles = [
    "modules.json", "1_Pooling/config.json", "2_Dense/config.json", "sentence_bert_config.json", "tokenizer_config.json",
    "config_sentence_transformers.json",
  ]

  /// config.json of a decoder, its shards' index, and the end of its generations.
  static let decoder = FuzzTarget("decoder", maximumBytes: 2048, dictionary: "config") {
    try ["llama", "llama-scaled", "llama-linear", "mistral", "qwen2", "qwen3"].map {
      try Workplace.fixture("GradusModelsTests/Fixtures/decoders/\($0)/config.json")
    } + [Array(#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#.utf8)]
  } run: { input in
    for name in ["llama-scaled", "qwen3"] {
      let path = try Workplace.copy(ofFixture: "GradusModelsTests/Fixtures/decoders/\(name)", as: "decoder-\(name)")
      Workplace.write(input, "decoder-\(name)/config.json")
      attempt { try use(try LlamaDecoder(path: path)) }
    }
    attempt { _ = try ShardIndex(json: Array(input), path: "model.safetensors.index.json") }
  }
}
