import GradusCore
import GradusTensor

/// An encoder with its masked-language-model head: a logit for every entry of the vocabulary at every position.
///
///     let model = try MaskedLanguageModel(folder: ModelFolder(path: "models/splade-tiny"))
///     let logits = model.logits(model.encoder(batch, .inference))   // [tokens, vocabulary]
///
/// The head is a dense layer with GELU, a layer norm, and a product with the word embeddings (or a table of its own, where the
/// folder has one) plus a bias (Devlin et al., NAACL 2019).
public struct MaskedLanguageModel: Module {
  public let encoder: BertEncoder
  let transform: Linear
  let norm: LayerNorm
  /// Nil where the word embeddings decode.
  let untied: Parameter?
  let bias: Parameter

  /// A fresh head, tied to the word embeddings, on an encoder that has none.
  ///
  /// - Throws: ``MaskedLanguageModelError/unsupportedFamily(_:)``.
  public init(encoder: BertEncoder, using generator: inout SeededGenerator) throws {
    let configuration = encoder.configuration, names = try HeadNames(of: encoder)
    self.encoder = encoder
    transform = Linear(
      names.transform, inputs: configuration.hiddenSize, outputs: configuration.embeddingSize, activation: .gelu,
      standardDeviation: configuration.initializerRange, using: &generator)
    norm = LayerNorm(names.norm, width: configuration.embeddingSize, epsilon: configuration.layerNormEpsilon)
    untied = nil
    bias = Parameter(names.biases[0], .zeros([configuration.vocabularySize]))
  }

  /// Loads the folder of a class `...ForMaskedLM` of a family other than ModernBERT.
  ///
  /// - Throws: ``ModelError``; ``MaskedLanguageModelError/noHead(file:tensor:)`` where the folder has none.
  public init(folder: ModelFolder) throws { try self.init(encoder: BertEncoder(folder: folder), headOf: folder) }

  /// Loads a folder's encoder, with the folder's head where it has one, else with a fresh one.
  public init(folder: ModelFolder, orFreshHead generator: inout SeededGenerator) throws {
    let encoder = try BertEncoder(folder: folder)
    do {
      try self.init(encoder: encoder, headOf: folder)
    } catch MaskedLanguageModelError.noHead {
      try self.init(encoder: encoder, using: &generator)
    }
  }

  private init(encoder: BertEncoder, headOf folder: ModelFolder) throws {
    self.encoder = encoder
    let configuration = encoder.configuration, names = try HeadNames(of: encoder)
    let width = configuration.embeddingSize, vocabulary = configuration.vocabularySize
    let source = try WeightSource(path: folder.file(ModelFolder.weightsName))
    guard source.shape(names.transform + ".weight") != nil else {
      throw MaskedLanguageModelError.noHead(file: source.path, tensor: names.transform + ".weight")
    }
    transform = try source.linear(
      names.transform, as: names.transform, inputs: configuration.hiddenSize, outputs: width, activation: .gelu)
    let isOld = source.shape(names.norm + ".gamma") != nil
    norm = LayerNorm(
      names.norm, weight: try source.tensor(names.norm + (isOld ? ".gamma" : ".weight"), shape: [width]),
      bias: try source.tensor(names.norm + (isOld ? ".beta" : ".bias"), shape: [width]), epsilon: configuration.layerNormEpsilon)
    let decoder = names.decoder + ".weight"
    untied = source.shape(decoder) == nil
      ? nil : Parameter(decoder, try source.tensor(decoder, shape: [vocabulary, width]))
    let biasName = names.biases.first { source.shape($0) != nil } ?? names.biases[0]
    bias = Parameter(biasName, try source.tensor(biasName, shape: [vocabulary]))
  }

  public var headParameters: [Parameter] { transform.parameters + norm.parameters + (untied.map { [$0] } ?? []) + [bias] }
  public var parameters: [Parameter] { encoder.parameters + headParameters }
  public var vocabularySize: Int { encoder.configuration.vocabularySize }

  /// What the decoder multiplies with: `[vocabulary, embedding]`.
  var decoder: Tensor { untied?.value ?? encoder.wordEmbeddings.weight.value }

  /// The head without its decoder, `[.., hidden]` to `[.., embedding]`.
  func transformed(_ hidden: Tensor) -> Tensor { norm(transform(hidden)) }

  /// Logits over the vocabulary of hidden states, `[.., hidden]` to `[.., vocabulary]`; differentiable.
  public func logits(_ hidden: Tensor) -> Tensor { linear(transformed(hidden), weight: decoder, bias: bias.value) }

  /// The largest logit of each sequence's tokens for each entry of the vocabulary, `[sequences * vocabulary]`, from the encoder's
  /// states `[tokens * hidden]`; -inf for a sequence without tokens. Without gradient.
  func largestLogits(_ hidden: [Float], _ tokens: TokenBatch) -> [Float] {
    withoutGradients {
      let states = Tensor(hidden, shape: [tokens.tokenCount, encoder.configuration.hiddenSize])
      let peaks = segmentMaxProduct(transformed(states), weight: decoder, RaggedBatch(offsets: tokens.offsets))
      // Rounding never falls: the largest sum is that of the largest product.
      return (peaks + bias.value).floats()
    }
  }

  /// Writes a model folder that transformers reads as `...ForMaskedLM`, and every training here as a model to start from.
  ///
  /// - Parameter tokenizerOf: The folder whose tokenizer files are copied.
  /// - Throws: ``ModelError/missingFile(folder:name:)`` where that folder holds no tokenizer; `FileError`.
  public func save(to path: String, tokenizerOf base: ModelFolder) throws {
    let tensors = encoder.exportedWeights(prefix: encoder.configuration.family.tensorNames.prefix)
      + headParameters.map { NamedTensor($0.name, $0.value) }
    try SavedEncoder(configuration: encoder.configuration, className: "ForMaskedLM", tensors: tensors)
      .write(to: path, tokenizerOf: base)
  }
}

/// Names of the head's tensors on disk, as transformers has them.
private struct HeadNames {
  let transform: String
  let norm: String
  let decoder: String
  /// The first that the file has.
  let biases: [String]

  init(of encoder: BertEncoder) throws {
    switch encoder.configuration.family {
    case .bert:
      (transform, norm) = ("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm")
      decoder = "cls.predictions.decoder"
      biases = ["cls.predictions.bias", "cls.predictions.decoder.bias"]
    case .distilbert:
      (transform, norm, decoder) = ("vocab_transform", "vocab_layer_norm", "vocab_projector")
      biases = ["vocab_projector.bias"]
    case .roberta, .xlmRoberta, .mpnet:
      (transform, norm, decoder) = ("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder")
      biases = ["lm_head.bias", "lm_head.decoder.bias"]
    case .electra:
      (transform, norm, decoder) = ("generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head")
      biases = ["generator_lm_head.bias"]
    // Its head has no biases.
    case .modernbert: throw MaskedLanguageModelError.unsupportedFamily(.modernbert)
    }
  }
}

/// An encoder without a masked-language-model head, or of a family whose head is not known here.
public enum MaskedLanguageModelError: GradusError, Equatable {
  case noHead(file: String, tensor: String)
  case unsupportedFamily(EncoderFamily)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .noHead(let file, let tensor):
      "\(file): tensor '\(tensor)' is missing: the model has no masked-language-model head; take one saved as ...ForMaskedLM"
    case .unsupportedFamily(let family):
      "the masked-language-model head of '\(family.rawValue)' is not supported; "
        + "take a BERT, DistilBERT, RoBERTa, MPNet or ELECTRA"
    }
  }
}
