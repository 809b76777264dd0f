/// Which published architecture an encoder has: the differences from BERT, as data.
///
///     EncoderFamily(rawValue: "xlm-roberta")   // .xlmRoberta, by config.json's model_type
public enum EncoderFamily: String, Sendable, Codable, CaseIterable {
  /// Devlin et al., NAACL 2019.
  case bert
  /// Sanh et al., 2019: BERT without segments.
  case distilbert
  /// Clark et al., ICLR 2020: BERT, whose embeddings may be narrower than its layers.
  case electra
  /// Liu et al., 2019: positions counted from the padding id on.
  case roberta
  /// Conneau et al., ACL 2020: RoBERTa with another vocabulary.
  case xlmRoberta = "xlm-roberta"
  /// Song et al., NeurIPS 2020: RoBERTa's positions plus a bias by distance in attention, no segments.
  case mpnet
  /// Warner et al., 2024: rotated queries and keys, most layers with local attention, norms before the parts, gated
  /// feed-forward, no biases.
  case modernbert

  /// Whether there is a table of segments.
  public var hasSegments: Bool {
    switch self {
    case .bert, .electra, .roberta, .xlmRoberta: true
    case .distilbert, .mpnet, .modernbert: false
    }
  }

  /// Whether positions are counted from the padding id on, so that the table has rows that no text reaches.
  var countsFromPadding: Bool { self == .roberta || self == .xlmRoberta || self == .mpnet }

  /// `BertForSequenceClassification` begins with it.
  var className: String {
    switch self {
    case .bert: "Bert"
    case .distilbert: "DistilBert"
    case .electra: "Electra"
    case .roberta: "Roberta"
    case .xlmRoberta: "XLMRoberta"
    case .mpnet: "MPNet"
    case .modernbert: "ModernBert"
    }
  }

  /// Keys of `config.json` that differ between the families.
  struct ConfigurationNames {
    var hiddenSize = "hidden_size"
    var intermediateSize = "intermediate_size"
    var layerCount = "num_hidden_layers"
    var headCount = "num_attention_heads"
    /// Nil where transformers fixes it at 1e-12.
    var epsilon: String? = "layer_norm_eps"
    var hiddenDropout = "hidden_dropout_prob"
    var attentionDropout = "attention_probs_dropout_prob"
    var activation = "hidden_act"
  }

  var configurationNames: ConfigurationNames {
    var names = ConfigurationNames()
    switch self {
    case .distilbert:
      names.hiddenSize = "dim"
      names.intermediateSize = "hidden_dim"
      names.layerCount = "n_layers"
      names.headCount = "n_heads"
      names.epsilon = nil
      names.hiddenDropout = "dropout"
      names.attentionDropout = "attention_dropout"
      names.activation = "activation"
    case .modernbert:
      names.epsilon = "norm_eps"
      names.hiddenDropout = "mlp_dropout"
      names.attentionDropout = "attention_dropout"
      names.activation = "hidden_activation"
    case .bert, .electra, .roberta, .xlmRoberta, .mpnet: break
    }
    return names
  }

  /// Names of tensors on disk, without what a class with a head puts before them.
  struct TensorNames {
    /// What a class with a head puts before the encoder's names.
    var prefix: String
    var words = "embeddings.word_embeddings"
    var positions: String? = "embeddings.position_embeddings"
    var segments: String? = "embeddings.token_type_embeddings"
    var embeddingNorm = "embeddings.LayerNorm"
    var projection = "embeddings_project"
    var relativeBias: String?
    var finalNorm: String?
    /// Layer n is `layers` + n.
    var layers = "encoder.layer."
    /// Query, key and value; or the one that holds all three.
    var attention = ["attention.self.query", "attention.self.key", "attention.self.value"]
    var attentionOutput = "attention.output.dense"
    var attentionNorm = "attention.output.LayerNorm"
    var intermediate = "intermediate.dense"
    var output = "output.dense"
    var outputNorm = "output.LayerNorm"
  }

  var tensorNames: TensorNames {
    switch self {
    case .bert: return TensorNames(prefix: "bert.")
    case .electra: return TensorNames(prefix: "electra.")
    case .roberta, .xlmRoberta: return TensorNames(prefix: "roberta.")
    case .distilbert:
      return TensorNames(
        prefix: "distilbert.", segments: nil, layers: "transformer.layer.",
        attention: ["attention.q_lin", "attention.k_lin", "attention.v_lin"], attentionOutput: "attention.out_lin",
        attentionNorm: "sa_layer_norm", intermediate: "ffn.lin1", output: "ffn.lin2", outputNorm: "output_layer_norm")
    case .mpnet:
      return TensorNames(
        prefix: "mpnet.", segments: nil, relativeBias: "encoder.relative_attention_bias",
        attention: ["attention.attn.q", "attention.attn.k", "attention.attn.v"], attentionOutput: "attention.attn.o",
        attentionNorm: "attention.LayerNorm")
    case .modernbert:
      return TensorNames(
        prefix: "model.", words: "embeddings.tok_embeddings", positions: nil, segments: nil, embeddingNorm: "embeddings.norm",
        finalNorm: "final_norm", layers: "layers.", attention: ["attn.Wqkv"], attentionOutput: "attn.Wo",
        attentionNorm: "attn_norm", intermediate: "mlp.Wi", output: "mlp.Wo", outputNorm: "mlp_norm")
    }
  }
}

/// How ModernBERT tells positions apart.
public struct RotarySettings: Sendable, Equatable {
  /// Base of the rotation's wavelengths where all tokens are attended to.
  public var globalBase: Double
  public var localBase: Double
  /// A local layer attends to tokens at most half as far away.
  public var localWindow: Int
  /// Whether each layer's attention is local.
  public var isLocal: [Bool]

  public init(globalBase: Double = 160_000, localBase: Double = 10_000, localWindow: Int = 128, isLocal: [Bool]) {
    self.globalBase = globalBase
    self.localBase = localBase
    self.localWindow = localWindow
    self.isLocal = isLocal
  }
}
