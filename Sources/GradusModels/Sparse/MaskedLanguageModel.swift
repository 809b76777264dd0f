import GradusCore
import GradusTensor

/// An encoder with its masked-language-model head: a logit for every entry of the vocabulary at every position.
///
///     let model = try MaskedLanguageModel(folder: ModelFolder(path: "models/splade-tiny"))
///     let logits = model.logits(model.encoder(batch, .inference))   // [tokens, vocabulary]
///
/// The head is a dense layer with GELU, a layer norm, and a product with the word embeddings (or a table of its own, where the
/// folder has one) plus a bias.
public struct MaskedLanguageModel: Module {
  public let encoder: BertEncoder
  let transform: Linear
  let norm: LayerNorm
  /// Nil where the word embeddings decode.
  let untied: Parameter?
  let bias: Parameter

  /// A fresh head, tied to the word embeddings, on an encoder that has none.
  public init(encoder: BertEncoder, using generator: inout SeededGenerator) {
    let width = encoder.configuration.hiddenSize
    precondition(encoder.configuration.embeddingSize == width, "a tied head needs embeddings as wide as the layers")
    self.encoder = encoder
    transform = Linear(
      "cls.predictions.transform.dense", inputs: width, outputs: width, activation: .gelu,
      standardDeviation: encoder.configuration.initializerRange, using: &generator)
    norm = LayerNorm("cls.predictions.transform.LayerNorm", width: width, epsilon: encoder.configuration.layerNormEpsilon)
    untied = nil
    bias = Parameter("cls.predictions.bias", .zeros([encoder.configuration.vocabularySize]))
  }

  /// Loads the folder of a class `...ForMaskedLM` of the families BERT, DistilBERT, RoBERTa, XLM-RoBERTa and MPNet.
  ///
  /// - Throws: ``ModelError``; ``MaskedLanguageModelError/noHead(file:tensor:)`` where the folder has none.
  public init(folder: ModelFolder) throws {
    encoder = try BertEncoder(folder: folder)
    let configuration = encoder.configuration
    let width = configuration.hiddenSize, vocabulary = configuration.vocabularySize
    let source = try WeightSource(path: folder.file(ModelFolder.weightsName))
    guard let names = HeadNames(configuration.family), configuration.embeddingSize == width else {
      throw MaskedLanguageModelError.unsupportedFamily(file: source.path, family: configuration.family)
    }
    guard source.shape(names.transform + ".weight") != nil else {
      throw MaskedLanguageModelError.noHead(file: source.path, tensor: names.transform + ".weight")
    }
    transform = try source.linear(names.transform, as: names.transform, inputs: width, outputs: width, activation: .gelu)
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

  /// What the decoder multiplies with: `[vocabulary, hidden]`.
  var decoder: Tensor { untied?.value ?? encoder.wordEmbeddings.weight.value }

  /// The head without its decoder, `[.., hidden]` to `[.., hidden]`.
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
}

/// Names of the head's tensors on disk.
private struct HeadNames {
  let transform: String
  let norm: String
  let decoder: String
  /// The first that the file has.
  let biases: [String]

  /// Nil for a family whose head is built otherwise.
  init?(_ family: EncoderFamily) {
    switch family {
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
    case .electra, .modernbert: return nil
    }
  }
}

/// A folder that gives no masked-language-model head.
public enum MaskedLanguageModelError: GradusError, Equatable {
  case noHead(file: String, tensor: String)
  case unsupportedFamily(file: String, family: EncoderFamily)

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch self {
    case .noHead(let file, let tensor):
      "\(file): tensor '\(tensor)' is missing: the model has no masked-language-model head; take one saved as ...ForMaskedLM"
    case .unsupportedFamily(let file, let family):
      "\(file): the masked-language-model head of '\(family.rawValue)' cannot be loaded; those of bert, distilbert, roberta, "
        + "xlm-roberta and mpnet can"
    }
  }
}
