import GradusCore
import GradusTensor

/// A BERT-like transformer encoder (Devlin et al., NAACL 2019): token ids to one vector per token.
///
///     let encoder = try BertEncoder(folder: ModelFolder(path: "models/minilm-l6"))
///     let hidden = encoder(batch, .inference)   // [tokens, hidden]
///
/// Sequences are packed without padding and attend only to themselves, so a token's vector does not depend on what else
/// is in the batch. One definition serves training and inference.
public struct BertEncoder: Module {
  public let configuration: BertConfiguration
  let wordEmbeddings: Embedding
  let positionEmbeddings: Embedding
  let segmentEmbeddings: Embedding
  let embeddingNorm: LayerNorm
  let layers: [BertLayer]
  private let embeddingDropout: Dropout

  /// Freshly initialised weights: truncated normal with `initializerRange`, biases 0.
  public init(_ configuration: BertConfiguration, name: String = "", using generator: inout SeededGenerator) {
    self.configuration = configuration
    let width = configuration.hiddenSize
    let deviation = configuration.initializerRange
    let embeddings = dottedName(name, "embeddings")
    wordEmbeddings = Embedding(
      dottedName(embeddings, "word_embeddings"), count: configuration.vocabularySize, width: width,
      standardDeviation: deviation, using: &generator)
    positionEmbeddings = Embedding(
      dottedName(embeddings, "position_embeddings"), count: configuration.maximumPositions, width: width,
      standardDeviation: deviation, using: &generator)
    segmentEmbeddings = Embedding(
      dottedName(embeddings, "token_type_embeddings"), count: configuration.segmentCount, width: width,
      standardDeviation: deviation, using: &generator)
    embeddingNorm = LayerNorm(
      dottedName(embeddings, "LayerNorm"), width: width, epsilon: configuration.layerNormEpsilon)
    var layers: [BertLayer] = []
    for number in 0..<configuration.layerCount {
      layers.append(BertLayer(dottedName(name, "encoder.layer.\(number)"), configuration, using: &generator))
    }
    self.layers = layers
    embeddingDropout = Dropout(rate: configuration.hiddenDropout)
  }

  /// From parts that exist.
  init(
    configuration: BertConfiguration, wordEmbeddings: Embedding, positionEmbeddings: Embedding, segmentEmbeddings: Embedding,
    embeddingNorm: LayerNorm, layers: [BertLayer]
  ) {
    self.configuration = configuration
    self.wordEmbeddings = wordEmbeddings
    self.positionEmbeddings = positionEmbeddings
    self.segmentEmbeddings = segmentEmbeddings
    self.embeddingNorm = embeddingNorm
    self.layers = layers
    embeddingDropout = Dropout(rate: configuration.hiddenDropout)
  }

  public var parameters: [Parameter] {
    wordEmbeddings.parameters + positionEmbeddings.parameters + segmentEmbeddings.parameters + embeddingNorm.parameters
      + layers.flatMap(\.parameters)
  }

  /// Vectors of all tokens after the last layer, `[tokens, hidden]`.
  ///
  /// Ids, segments and positions must lie within the configuration: ``ModelFolder/tokenizer()`` vouches for ids and
  /// segments, ``CrossEncoder`` and ``BiEncoder`` for the lengths.
  public func callAsFunction(_ batch: TokenBatch, _ context: ForwardContext) -> Tensor {
    let tokens = [batch.tokenCount]
    var hidden =
      wordEmbeddings(Tensor(indices: batch.ids, shape: tokens))
      + positionEmbeddings(Tensor(indices: batch.positions, shape: tokens))
    hidden = embeddingNorm(hidden, residual: segmentEmbeddings(Tensor(indices: batch.segments, shape: tokens)))
    hidden = embeddingDropout(hidden, context)
    let ragged = RaggedBatch(offsets: batch.offsets)
    for layer in layers { hidden = layer(hidden, ragged, context) }
    return hidden
  }

  /// Trains the last `count` layers only; embeddings and the layers below become constants, and cost no backward pass.
  public func trainLastLayers(_ count: Int) {
    for parameter in parameters { parameter.isTrainable = false }
    for parameter in layers.suffix(max(0, count)).flatMap(\.parameters) { parameter.isTrainable = true }
  }

  /// Trains all weights but the three embedding tables.
  public func freezeEmbeddings() {
    for table in [wordEmbeddings, positionEmbeddings, segmentEmbeddings] { table.weight.isTrainable = false }
  }
}
