#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Sizes and constants of an encoder of BERT's kind, as `config.json` of a Hugging Face folder gives them: one type for all of
/// ``EncoderFamily``.
///
///     let configuration = try BertEncoder(folder: ModelFolder(path: "models/minilm-l6")).configuration
///     configuration.headSize   // 32 for MiniLM-L6: 384 / 12
public struct BertConfiguration: Sendable, Equatable {
  public var family: EncoderFamily
  public var vocabularySize: Int
  public var hiddenSize: Int
  /// Width of the embedding tables; narrower than the layers in some ELECTRA models, else the same.
  public var embeddingSize: Int
  public var intermediateSize: Int
  public var layerCount: Int
  public var headCount: Int
  /// Longest sequence in tokens, specials included.
  public var maximumPositions: Int
  /// Rows of the position table before the first token's: padding id + 1 in RoBERTa's relatives, else 0.
  public var positionOffset: Int
  /// Rows of the segment table; 0 in families without segments.
  public var segmentCount: Int
  public var layerNormEpsilon: Double
  /// Probability of dropping a hidden unit while training.
  public var hiddenDropout: Double
  /// The same for embeddings, which ModernBERT names apart.
  public var embeddingDropout: Double
  /// Probability of dropping an attention weight while training.
  public var attentionDropout: Double
  /// Standard deviation of freshly initialised weights.
  public var initializerRange: Double
  /// Only `gelu` (the exact form with erf) is accepted.
  public var activation: String
  /// ModernBERT only.
  public var rotary: RotarySettings?

  public var headSize: Int { hiddenSize / headCount }

  /// Rows of MPNet's table of biases, and the distance from which on all share the last.
  static let relativeBuckets = 32
  static let relativeDistance = 128

  public init(
    vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int,
    maximumPositions: Int = 512, segmentCount: Int? = nil, layerNormEpsilon: Double = 1e-12, hiddenDropout: Double = 0.1,
    attentionDropout: Double = 0.1, initializerRange: Double = 0.02, activation: String = "gelu",
    family: EncoderFamily = .bert, embeddingSize: Int? = nil, rotary: RotarySettings? = nil
  ) {
    self.family = family
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.embeddingSize = embeddingSize ?? hiddenSize
    self.intermediateSize = intermediateSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.maximumPositions = maximumPositions
    positionOffset = family.countsFromPadding ? 2 : 0
    self.segmentCount = family.hasSegments ? segmentCount ?? (family == .bert || family == .electra ? 2 : 1) : 0
    self.layerNormEpsilon = layerNormEpsilon
    self.hiddenDropout = hiddenDropout
    embeddingDropout = hiddenDropout
    self.attentionDropout = attentionDropout
    self.initializerRange = initializerRange
    self.activation = activation
    self.rotary = family != .modernbert ? nil : rotary ??
      RotarySettings(isLocal: (0..<max(0, min(layerCount, 1 << 16))).map { $0 % 3 != 0 })
  }

  /// What is wrong with the values, or nil: sizes must be positive, the heads must divide the width, rates lie in 0..<1.
  var contradiction: String? {
    let sizes = [
      ("vocab_size", vocabularySize), ("hidden_size", hiddenSize), ("intermediate_size", intermediateSize),
      ("num_hidden_layers", layerCount), ("num_attention_heads", headCount), ("max_position_embeddings", maximumPositions),
      ("embedding_size", embeddingSize), ("type_vocab_size", family.hasSegments ? segmentCount : 1),
    ]
    if let bad = sizes.first(where: { $0.1 < 1 || $0.1 > 1 << 24 }) { return "\(bad.0) is \(bad.1)" }
    if hiddenSize % headCount != 0 {
      return "hidden_size \(hiddenSize) is not a multiple of num_attention_heads \(headCount)"
    }
    if !(layerNormEpsilon > 0 && layerNormEpsilon < 1) { return "layer_norm_eps is \(layerNormEpsilon)" }
    for (name, rate) in [
      ("hidden_dropout_prob", hiddenDropout), ("attention_probs_dropout_prob", attentionDropout),
      ("embedding_dropout", embeddingDropout),
    ]
    where !(rate >= 0 && rate < 1) {
      return "\(name) is \(rate)"
    }
    if !(initializerRange >= 0 && initializerRange <= 1) { return "initializer_range is \(initializerRange)" }
    if let rotary {
      guard rotary.isLocal.count == layerCount else {
        return "layer_types has \(rotary.isLocal.count) entries for num_hidden_layers \(layerCount)"
      }
      guard rotary.localWindow >= 1, rotary.globalBase > 0, rotary.globalBase.isFinite, rotary.localBase > 0,
        rotary.localBase.isFinite
      else { return "local_attention is \(rotary.localWindow), rope_theta \(rotary.globalBase) and \(rotary.localBase)" }
      if headSize % 2 != 0 { return "hidden_size / num_attention_heads is \(headSize), which is odd and cannot be rotated" }
    }
    if activation != "gelu" { return "hidden_act is '\(activation)'; 'gelu' is supported" }
    return nil
  }
}
