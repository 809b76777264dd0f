#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension BertConfiguration: Codable {
  /// A key of `config.json`, which the family decides.
  struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }

  private struct RotaryEntry: Codable {
    var rope_theta: Double?
    var rope_type: String?
  }

  /// Without `model_type` as BERT: configurations of 2018 and 2019 do not name the type.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    func get<Value: Decodable>(_ name: String, _ fallback: Value) throws -> Value {
      try values.decodeIfPresent(Value.self, forKey: Key(name)) ?? fallback
    }
    func refuse(_ name: String, _ reason: String) -> DecodingError {
      DecodingError.dataCorruptedError(forKey: Key(name), in: values, debugDescription: reason)
    }
    func size(_ name: String) throws -> Int { try values.decode(Int.self, forKey: Key(name)) }
    let family = try get("model_type", EncoderFamily.bert)
    let names = family.configurationNames
    let layers = try size(names.layerCount)
    let rows = try size("max_position_embeddings")
    // MPNet's code fixes the padding id.
    let padding = family == .mpnet ? 1 : try get("pad_token_id", 1)
    guard !family.countsFromPadding || (0..<1 << 24).contains(padding) else {
      throw refuse("pad_token_id", "it is \(padding)")
    }
    let offset = family.countsFromPadding ? padding + 1 : 0
    self.init(
      vocabularySize: try size("vocab_size"), hiddenSize: try size(names.hiddenSize),
      intermediateSize: try size(names.intermediateSize), layerCount: layers, headCount: try size(names.headCount),
      maximumPositions: rows &- offset, segmentCount: try get("type_vocab_size", 2),
      layerNormEpsilon: try names.epsilon.map { try get($0, family == .modernbert ? 1e-5 : 1e-12) } ?? 1e-12,
      hiddenDropout: try get(names.hiddenDropout, family == .modernbert ? 0 : 0.1),
      attentionDropout: try get(names.attentionDropout, family == .modernbert ? 0 : 0.1),
      initializerRange: try get("initializer_range", 0.02), activation: try get(names.activation, "gelu"), family: family,
      embeddingSize: family == .electra ? try get("embedding_size", 128) : nil)
    positionOffset = offset
    if family == .modernbert {
      embeddingDropout = try get("embedding_dropout", 0.0)
      for name in ["norm_bias", "attention_bias", "mlp_bias"] where try get(name, false) {
        throw refuse(name, "\(name) is true; ModernBERT without biases is supported")
      }
      rotary = try Self.rotary(values, layers: layers)
    }
    if family == .mpnet {
      let buckets = try get("relative_attention_num_buckets", Self.relativeBuckets)
      guard buckets == Self.relativeBuckets else {
        throw refuse("relative_attention_num_buckets", "it is \(buckets); 32 is supported")
      }
    }
  }

  private static func rotary(_ values: KeyedDecodingContainer<Key>, layers: Int) throws -> RotarySettings {
    // Since 2025 in entries by the kind of layer, before that in keys of their own.
    let entries = try values.decodeIfPresent([String: RotaryEntry].self, forKey: Key("rope_parameters")) ?? [:]
    for (kind, entry) in entries.sorted(by: { $0.key < $1.key }) where entry.rope_type ?? "default" != "default" {
      throw DecodingError.dataCorruptedError(
        forKey: Key("rope_parameters"), in: values,
        debugDescription: "rope_type of \(kind) is '\(entry.rope_type ?? "")'; 'default' is supported")
    }
    func base(_ kind: String, _ key: String, _ fallback: Double) throws -> Double {
      try entries[kind]?.rope_theta ?? values.decodeIfPresent(Double.self, forKey: Key(key)) ?? fallback
    }
    var isLocal: [Bool]
    if let types = try values.decodeIfPresent([String].self, forKey: Key("layer_types")) {
      if let other = types.first(where: { $0 != "sliding_attention" && $0 != "full_attention" }) {
        throw DecodingError.dataCorruptedError(
          forKey: Key("layer_types"), in: values, debugDescription: "'\(other)' is neither sliding_attention nor full_attention")
      }
      isLocal = types.map { $0 == "sliding_attention" }
    } else {
      let period = max(1, try values.decodeIfPresent(Int.self, forKey: Key("global_attn_every_n_layers")) ?? 3)
      isLocal = (0..<min(max(0, layers), 1 << 16)).map { $0 % period != 0 }
    }
    return RotarySettings(
      globalBase: try base("full_attention", "global_rope_theta", 160_000),
      localBase: try base("sliding_attention", "local_rope_theta", 10_000),
      localWindow: try values.decodeIfPresent(Int.self, forKey: Key("local_attention")) ?? 128, isLocal: isLocal)
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    let names = family.configurationNames
    try values.encode(family.rawValue, forKey: Key("model_type"))
    for (name, value) in [
      ("vocab_size", vocabularySize), (names.hiddenSize, hiddenSize), (names.intermediateSize, intermediateSize),
      (names.layerCount, layerCount), (names.headCount, headCount),
      ("max_position_embeddings", maximumPositions + positionOffset),
    ] { try values.encode(value, forKey: Key(name)) }
    if family.hasSegments { try values.encode(segmentCount, forKey: Key("type_vocab_size")) }
    if family == .electra { try values.encode(embeddingSize, forKey: Key("embedding_size")) }
    if family.countsFromPadding { try values.encode(positionOffset - 1, forKey: Key("pad_token_id")) }
    if let epsilon = names.epsilon { try values.encode(layerNormEpsilon, forKey: Key(epsilon)) }
    for (name, value) in [
      (names.hiddenDropout, hiddenDropout), (names.attentionDropout, attentionDropout), ("initializer_range", initializerRange),
    ] { try values.encode(value, forKey: Key(name)) }
    try values.encode(activation, forKey: Key(names.activation))
    guard let rotary else { return }
    try values.encode(embeddingDropout, forKey: Key("embedding_dropout"))
    try values.encode(rotary.localWindow, forKey: Key("local_attention"))
    try values.encode(
      rotary.isLocal.map { $0 ? "sliding_attention" : "full_attention" }, forKey: Key("layer_types"))
    try values.encode(
      [
        "full_attention": RotaryEntry(rope_theta: rotary.globalBase, rope_type: "default"),
        "sliding_attention": RotaryEntry(rope_theta: rotary.localBase, rope_type: "default"),
      ], forKey: Key("rope_parameters"))
  }
}
