#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusFormats

/// The files by which sentence-transformers, and ``BiEncoder/init(folder:limits:)``, know how an encoder makes vectors.
struct SavedSentenceSettings {
  /// What is written into the folder itself; parts with settings of their own have folders.
  static let fileNames = ["modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"]

  private struct Part: Encodable {
    let idx: Int
    let name: String
    let path: String
    let type: String

    init(_ number: Int, _ path: String, _ kind: String) {
      idx = number
      name = "\(number)"
      self.path = path
      type = "sentence_transformers.models." + kind
    }
  }

  private let model: BiEncoder

  init(_ model: BiEncoder) { self.model = model }

  func write(to folder: String) throws {
    var parts = [Part(0, "", "Transformer"), Part(1, "1_Pooling", "Pooling")]
    try writePooling(folder + "/1_Pooling")
    for step in model.steps {
      let number = parts.count
      switch step {
      case .normalize: parts.append(Part(number, "\(number)_Normalize", "Normalize"))
      case .dense(let dense):
        parts.append(Part(number, "\(number)_Dense", "Dense"))
        try write(dense, to: "\(folder)/\(number)_Dense")
      }
    }
    try Self.write(parts, to: folder + "/modules.json")
    struct Limits: Encodable {
      let max_seq_length: Int
      let do_lower_case: Bool
    }
    try Self.write(
      Limits(max_seq_length: model.limits.maximumTokens, do_lower_case: model.lowercases),
      to: folder + "/sentence_bert_config.json")
    struct Prompts: Encodable {
      let prompts: [String: String]
      let default_prompt_name: String?
    }
    try Self.write(
      Prompts(prompts: model.prompts.texts, default_prompt_name: model.prompts.defaultName),
      to: folder + "/config_sentence_transformers.json")
  }

  private func writePooling(_ folder: String) throws {
    struct Settings: Encodable {
      let word_embedding_dimension: Int
      let pooling_mode_cls_token: Bool
      let pooling_mode_mean_tokens: Bool
      let pooling_mode_max_tokens: Bool
      let pooling_mode_mean_sqrt_len_tokens: Bool
      let pooling_mode_weightedmean_tokens: Bool
      let pooling_mode_lasttoken: Bool
      let include_prompt: Bool
    }
    let pooling = model.pooling
    try Folder.create(folder)
    try Self.write(
      Settings(
        word_embedding_dimension: model.encoder.configuration.hiddenSize, pooling_mode_cls_token: pooling == .cls,
        pooling_mode_mean_tokens: pooling == .mean, pooling_mode_max_tokens: pooling == .max,
        pooling_mode_mean_sqrt_len_tokens: pooling == .meanSquareRootLength,
        pooling_mode_weightedmean_tokens: pooling == .weightedMean, pooling_mode_lasttoken: pooling == .lastToken,
        include_prompt: model.poolsPrompt),
      to: folder + "/config.json")
  }

  private func write(_ dense: SentenceDense, to folder: String) throws {
    struct Settings: Encodable {
      let in_features: Int
      let out_features: Int
      let bias: Bool
      let activation_function: String
    }
    let weight = dense.linear.weight, bias = dense.linear.bias
    let module = dense.activation == .identity ? "linear" : "activation"
    try Folder.create(folder)
    try Self.write(
      Settings(
        in_features: weight.shape[1], out_features: weight.shape[0], bias: bias != nil,
        activation_function: "torch.nn.modules.\(module).\(dense.activation.rawValue)"),
      to: folder + "/config.json")
    let weights = SafetensorsWriter(path: folder + "/" + ModelFolder.weightsName, metadata: ["format": "pt"])
    weights.add("linear.weight", shape: weight.shape, floats: weight.value.floats())
    if let bias { weights.add("linear.bias", shape: bias.shape, floats: bias.value.floats()) }
    try weights.commit()
  }

  private static func write(_ value: some Encodable, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let output = try OutputFile(path: path)
    try output.write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
    try output.commit()
  }
}
