#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Sizes and constants of a BERT-like encoder, as `config.json` of a Hugging Face folder gives them.
///
///     let configuration = try BertEncoder(folder: ModelFolder(path: "models/minilm-l6")).configuration
///     configuration.headSize   // 32 for MiniLM-L6: 384 / 12
public struct BertConfiguration: Sendable, Equatable, Codable {
  public var vocabularySize: Int
  public var hiddenSize: Int
  public var intermediateSize: Int
  public var layerCount: Int
  public var headCount: Int
  /// Longest sequence in tokens, specials included.
  public var maximumPositions: Int
  public var segmentCount: Int
  public var layerNormEpsilon: Double
  /// Probability of dropping a hidden unit while training.
  public var hiddenDropout: Double
  /// Probability of dropping an attention weight while training.
  public var attentionDropout: Double
  /// Standard deviation of freshly initialised weights.
  public var initializerRange: Double
  /// Only `gelu` (the exact form with erf) is accepted.
  public var activation: String

  public var headSize: Int { hiddenSize / headCount }

  enum CodingKeys: String, CodingKey {
    case vocabularySize = "vocab_size"
    case hiddenSize = "hidden_size"
    case intermediateSize = "intermediate_size"
    case layerCount = "num_hidden_layers"
    case headCount = "num_attention_heads"
    case maximumPositions = "max_position_embeddings"
    case segmentCount = "type_vocab_size"
    case layerNormEpsilon = "layer_norm_eps"
    case hiddenDropout = "hidden_dropout_prob"
    case attentionDropout = "attention_probs_dropout_prob"
    case initializerRange = "initializer_range"
    case activation = "hidden_act"
  }

  public init(
    vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int,
    maximumPositions: Int = 512, segmentCount: Int = 2, layerNormEpsilon: Double = 1e-12, hiddenDropout: Double = 0.1,
    attentionDropout: Double = 0.1, initializerRange: Double = 0.02, activation: String = "gelu"
  ) {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.maximumPositions = maximumPositions
    self.segmentCount = segmentCount
    self.layerNormEpsilon = layerNormEpsilon
    self.hiddenDropout = hiddenDropout
    self.attentionDropout = attentionDropout
    self.initializerRange = initializerRange
    self.activation = activation
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    vocabularySize = try values.decode(Int.self, forKey: .vocabularySize)
    hiddenSize = try values.decode(Int.self, forKey: .hiddenSize)
    intermediateSize = try values.decode(Int.self, forKey: .intermediateSize)
    layerCount = try values.decode(Int.self, forKey: .layerCount)
    headCount = try values.decode(Int.self, forKey: .headCount)
    maximumPositions = try values.decode(Int.self, forKey: .maximumPositions)
    segmentCount = try values.decodeIfPresent(Int.self, forKey: .segmentCount) ?? 2
    layerNormEpsilon = try values.decodeIfPresent(Double.self, forKey: .layerNormEpsilon) ?? 1e-12
    hiddenDropout = try values.decodeIfPresent(Double.self, forKey: .hiddenDropout) ?? 0.1
    attentionDropout = try values.decodeIfPresent(Double.self, forKey: .attentionDropout) ?? 0.1
    initializerRange = try values.decodeIfPresent(Double.self, forKey: .initializerRange) ?? 0.02
    activation = try values.decodeIfPresent(String.self, forKey: .activation) ?? "gelu"
  }

  /// What is wrong with the values, or nil: sizes must be positive, the heads must divide the width, rates lie in 0..<1.
  var contradiction: String? {
    let sizes = [
      ("vocab_size", vocabularySize), ("hidden_size", hiddenSize), ("intermediate_size", intermediateSize),
      ("num_hidden_layers", layerCount), ("num_attention_heads", headCount), ("max_position_embeddings", maximumPositions),
      ("type_vocab_size", segmentCount),
    ]
    if let bad = sizes.first(where: { $0.1 < 1 || $0.1 > 1 << 24 }) { return "\(bad.0) is \(bad.1)" }
    if hiddenSize % headCount != 0 {
      return "hidden_size \(hiddenSize) is not a multiple of num_attention_heads \(headCount)"
    }
    if !(layerNormEpsilon > 0 && layerNormEpsilon < 1) { return "layer_norm_eps is \(layerNormEpsilon)" }
    for (name, rate) in [("hidden_dropout_prob", hiddenDropout), ("attention_probs_dropout_prob", attentionDropout)]
    where !(rate >= 0 && rate < 1) {
      return "\(name) is \(rate)"
    }
    if !(initializerRange >= 0 && initializerRange <= 1) { return "initializer_range is \(initializerRange)" }
    if activation != "gelu" { return "hidden_act is '\(activation)'; 'gelu' is supported" }
    return nil
  }
}
