#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats

extension DecoderConfiguration {
  /// From a GGUF file's metadata.
  ///
  /// - Throws: ``DecoderError/unsupportedArchitecture(file:found:)``, ``DecoderError/configuration(file:reason:)``; `GGUFError`
  ///   where a value is missing or of the wrong kind.
  public init(gguf file: GGUFFile) throws {
    let name = try file.string("general.architecture")
    guard let architecture = Architecture(rawValue: name) else {
      throw DecoderError.unsupportedArchitecture(file: file.path, found: name)
    }
    func integer(_ key: String) throws -> Int? { file.hasKey("\(name).\(key)") ? try file.integer("\(name).\(key)") : nil }
    func number(_ key: String) throws -> Double? { file.hasKey("\(name).\(key)") ? try file.double("\(name).\(key)") : nil }
    guard let embedding = file.tensorInfo("token_embd.weight") else {
      throw DecoderError.missingTensor(file: file.path, name: "token_embd.weight")
    }
    var scaling = RotaryScaling.none
    if file.hasKey("\(name).rope.scaling.type") {
      switch try file.string("\(name).rope.scaling.type") {
      case "none": break
      case "linear": scaling = .linear(factor: try file.double("\(name).rope.scaling.factor"))
      case let type: throw DecoderError.configuration(file: file.path, reason: "rope scaling '\(type)' cannot be computed")
      }
    }
    if file.tensorInfo("rope_freqs.weight") != nil { scaling = .factors(try file.floats("rope_freqs.weight")) }
    self.init(
      architecture: architecture, vocabularySize: embedding.rowCount, hiddenSize: try file.integer("\(name).embedding_length"),
      intermediateSize: try file.integer("\(name).feed_forward_length"), layerCount: try file.integer("\(name).block_count"),
      headCount: try file.integer("\(name).attention.head_count"),
      keyValueHeadCount: try integer("attention.head_count_kv"), headSize: try integer("attention.key_length"),
      maximumPositions: try file.integer("\(name).context_length"),
      normEpsilon: try file.double("\(name).attention.layer_norm_rms_epsilon"),
      rotaryBase: try number("rope.freq_base") ?? 10_000, rotarySize: try integer("rope.dimension_count"),
      rotaryScaling: scaling, slidingWindow: try integer("attention.sliding_window"),
      tiesEmbeddings: file.tensorInfo("output.weight") == nil)
    if let reason = contradiction { throw DecoderError.configuration(file: file.path, reason: reason) }
  }

  /// From a Hugging Face folder's `config.json`.
  ///
  /// - Throws: ``DecoderError/unsupportedArchitecture(file:found:)``, ``DecoderError/configuration(file:reason:)``.
  public init(json data: [UInt8], file: String) throws {
    let values: HuggingFaceConfiguration
    do {
      values = try JSONDecoder().decode(HuggingFaceConfiguration.self, from: Data(data))
    } catch let error as DecodingError {
      throw DecoderError.configuration(file: file, reason: describe(error))
    }
    guard let architecture = Architecture(rawValue: values.model_type) else {
      throw DecoderError.unsupportedArchitecture(file: file, found: values.model_type)
    }
    func refuse(_ reason: String) -> DecoderError { .configuration(file: file, reason: reason) }
    if let activation = values.hidden_act, activation != "silu" {
      throw refuse("hidden_act is '\(activation)'; 'silu' is computed")
    }
    if values.mlp_bias == true { throw refuse("mlp_bias is true; biases of the feed-forward network are not computed") }
    let mixesWindows = architecture == .qwen2 || architecture == .qwen3
    if mixesWindows, values.use_sliding_window == true {
      throw refuse("use_sliding_window is true; windows of some layers only are not computed")
    }
    if architecture != .qwen2, values.attention_bias == true {
      throw refuse("attention_bias is true; only qwen2's biases are computed")
    }
    let rotation = values.rope_parameters ?? values.rope_scaling
    self.init(
      architecture: architecture, vocabularySize: values.vocab_size, hiddenSize: values.hidden_size,
      intermediateSize: values.intermediate_size, layerCount: values.num_hidden_layers, headCount: values.num_attention_heads,
      keyValueHeadCount: values.num_key_value_heads, headSize: values.head_dim,
      maximumPositions: values.max_position_embeddings ?? 2048, normEpsilon: values.rms_norm_eps ?? 1e-6,
      rotaryBase: rotation?.rope_theta ?? values.rope_theta ?? 10_000,
      rotaryScaling: try rotation?.scaling(file: file, positions: values.max_position_embeddings ?? 2048) ?? .none,
      slidingWindow: architecture == .mistral ? values.sliding_window : nil,
      tiesEmbeddings: values.tie_word_embeddings ?? false)
    if let reason = contradiction { throw DecoderError.configuration(file: file, reason: reason) }
  }
}

/// Names are those of `config.json`.
private struct HuggingFaceConfiguration: Decodable {
  let model_type: String
  let vocab_size: Int
  let hidden_size: Int
  let intermediate_size: Int
  let num_hidden_layers: Int
  let num_attention_heads: Int
  let num_key_value_heads: Int?
  let head_dim: Int?
  let max_position_embeddings: Int?
  let rms_norm_eps: Double?
  let rope_theta: Double?
  let rope_scaling: Rotation?
  let rope_parameters: Rotation?
  let sliding_window: Int?
  let use_sliding_window: Bool?
  let attention_bias: Bool?
  let mlp_bias: Bool?
  let hidden_act: String?
  let tie_word_embeddings: Bool?

  struct Rotation: Decodable {
    let rope_type: String?
    let type: String?
    let rope_theta: Double?
    let factor: Double?
    let low_freq_factor: Double?
    let high_freq_factor: Double?
    let original_max_position_embeddings: Int?
    let partial_rotary_factor: Double?

    func scaling(file: String, positions: Int) throws -> DecoderConfiguration.RotaryScaling {
      if let part = partial_rotary_factor, part != 1 {
        throw DecoderError.configuration(file: file, reason: "partial_rotary_factor is \(part); 1 is computed")
      }
      switch rope_type ?? type ?? "default" {
      case "default": return .none
      case "linear":
        guard let factor else { throw DecoderError.configuration(file: file, reason: "linear rope scaling without factor") }
        return .linear(factor: factor)
      case "llama3":
        guard let factor, let low_freq_factor, let high_freq_factor else {
          throw DecoderError.configuration(file: file, reason: "llama3 rope scaling without its three factors")
        }
        return .llama3(
          factor: factor, lowFrequencyFactor: low_freq_factor, highFrequencyFactor: high_freq_factor,
          originalPositions: original_max_position_embeddings ?? positions)
      case let kind: throw DecoderError.configuration(file: file, reason: "rope scaling '\(kind)' cannot be computed")
      }
    }
  }
}
