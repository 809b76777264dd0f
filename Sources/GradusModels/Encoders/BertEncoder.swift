import GradusCore
import GradusTensor

/// A transformer encoder of BERT's kind: token ids to one vector per token. See ``EncoderFamily`` for what it runs.
///
///     let encoder = try BertEncoder(folder: ModelFolder(path: "models/minilm-l6"))
///     let hidden = encoder(batch, .inference)   // [tokens, hidden]
///
/// Sequences are packed without padding and attend only to themselves, so a token's vector does not depend on what else
/// is in the batch. One definition serves training and inference.
public struct BertEncoder: Module {
  public let configuration: BertConfiguration
  let wordEmbeddings: Embedding
  /// Nil in ModernBERT.
  let positionEmbeddings: Embedding?
  /// Nil in families without segments.
  let segmentEmbeddings: Embedding?
  let embeddingNorm: EncoderNorm
  /// From the width of the embeddings to that of the layers, where they differ.
  let embeddingProjection: Linear?
  /// MPNet's biases by distance, `[32, heads]`, which all layers share.
  let relativeBias: Embedding?
  let layers: [BertLayer]
  /// ModernBERT's, after the last layer.
  let finalNorm: EncoderNorm?
  private let embeddingDropout: Dropout

  /// Freshly initialised weights: truncated normal with `initializerRange`, biases 0.
  public init(_ configuration: BertConfiguration, name: String = "", using generator: inout SeededGenerator) {
    let width = configuration.hiddenSize, narrow = configuration.embeddingSize
    let deviation = configuration.initializerRange
    let hasBias = configuration.family != .modernbert
    let embeddings = dottedName(name, "embeddings")
    func table(_ part: String, _ count: Int, _ width: Int) -> Embedding {
      Embedding(part, count: count, width: width, standardDeviation: deviation, using: &generator)
    }
    func norm(_ part: String, _ width: Int) -> EncoderNorm {
      EncoderNorm(LayerNorm(part, width: width, epsilon: configuration.layerNormEpsilon), hasBias: hasBias)
    }
    let words = table(dottedName(embeddings, "word_embeddings"), configuration.vocabularySize, narrow)
    let positions = configuration.rotary != nil ? nil : table(
      dottedName(embeddings, "position_embeddings"), configuration.maximumPositions + configuration.positionOffset, narrow)
    let segments = !configuration.family.hasSegments ? nil : table(
      dottedName(embeddings, "token_type_embeddings"), configuration.segmentCount, narrow)
    let projection = narrow == width ? nil : Linear(
      dottedName(name, "embeddings_project"), inputs: narrow, outputs: width, standardDeviation: deviation, using: &generator)
    let bias = configuration.family != .mpnet ? nil : table(
      dottedName(name, "encoder.relative_attention_bias"), BertConfiguration.relativeBuckets, configuration.headCount)
    var layers: [BertLayer] = []
    for number in 0..<configuration.layerCount {
      layers.append(
        BertLayer(dottedName(name, "encoder.layer.\(number)"), number: number, configuration, using: &generator))
    }
    self.init(
      configuration: configuration, wordEmbeddings: words, positionEmbeddings: positions, segmentEmbeddings: segments,
      embeddingNorm: norm(dottedName(embeddings, "LayerNorm"), narrow), embeddingProjection: projection, relativeBias: bias,
      layers: layers, finalNorm: hasBias ? nil : norm(dottedName(name, "final_norm"), width))
  }

  /// From parts that exist.
  init(
    configuration: BertConfiguration, wordEmbeddings: Embedding, positionEmbeddings: Embedding?,
    segmentEmbeddings: Embedding?, embeddingNorm: EncoderNorm, embeddingProjection: Linear?, relativeBias: Embedding?,
    layers: [BertLayer], finalNorm: EncoderNorm?
  ) {
    self.configuration = configuration
    self.wordEmbeddings = wordEmbeddings
    self.positionEmbeddings = positionEmbeddings
    self.segmentEmbeddings = segmentEmbeddings
    self.embeddingNorm = embeddingNorm
    self.embeddingProjection = embeddingProjection
    self.relativeBias = relativeBias
    self.layers = layers
    self.finalNorm = finalNorm
    embeddingDropout = Dropout(rate: configuration.embeddingDropout)
  }

  var tables: [Embedding] { [wordEmbeddings] + [positionEmbeddings, segmentEmbeddings].compactMap { $0 } }

  public var parameters: [Parameter] {
    tables.flatMap(\.parameters) + embeddingNorm.parameters + (embeddingProjection?.parameters ?? [])
      + (relativeBias?.parameters ?? []) + layers.flatMap(\.parameters) + (finalNorm?.parameters ?? [])
  }

  /// An encoder of the first `count` layers, which shares its weights with this one.
  ///
  /// - Throws: ``ModelError/layerCount(asked:layers:)``.
  public func keepingFirst(_ count: Int) throws -> BertEncoder {
    guard (1...layers.count).contains(count) else { throw ModelError.layerCount(asked: count, layers: layers.count) }
    var configuration = configuration
    configuration.layerCount = count
    configuration.rotary?.isLocal.removeSubrange(count...)
    return BertEncoder(
      configuration: configuration, wordEmbeddings: wordEmbeddings, positionEmbeddings: positionEmbeddings,
      segmentEmbeddings: segmentEmbeddings, embeddingNorm: embeddingNorm, embeddingProjection: embeddingProjection,
      relativeBias: relativeBias, layers: Array(layers[..<count]), finalNorm: finalNorm)
  }

  /// The same weights, which later changes of this encoder do not reach.
  func frozenCopy() -> BertEncoder {
    func copy(_ table: Embedding) -> Embedding { Embedding(table.weight.name, weight: table.weight.value.detached()) }
    return BertEncoder(
      configuration: configuration, wordEmbeddings: copy(wordEmbeddings), positionEmbeddings: positionEmbeddings.map(copy),
      segmentEmbeddings: segmentEmbeddings.map(copy),
      embeddingNorm: EncoderNorm(
        LayerNorm(
          "", weight: embeddingNorm.weight.value.detached(), bias: embeddingNorm.bias.value.detached(),
          epsilon: configuration.layerNormEpsilon)),
      embeddingProjection: embeddingProjection.map {
        Linear("", weight: $0.weight.value.detached(), bias: $0.bias?.value.detached())
      }, relativeBias: nil, layers: [], finalNorm: nil)
  }

  /// What the first layer gets, `[tokens, hidden]`.
  func embedded(_ batch: TokenBatch, _ context: ForwardContext) -> Tensor {
    let tokens = [batch.tokenCount]
    var hidden = wordEmbeddings(Tensor(indices: batch.ids, shape: tokens))
    if let positionEmbeddings {
      let offset = Int32(configuration.positionOffset)
      let places = offset == 0 ? batch.positions : batch.positions.map { $0 + offset }
      hidden = hidden + positionEmbeddings(Tensor(indices: places, shape: tokens))
    }
    hidden = embeddingNorm(hidden, residual: segmentEmbeddings.map { $0(Tensor(indices: batch.segments, shape: tokens)) })
    hidden = embeddingDropout(hidden, context)
    return embeddingProjection.map { $0(hidden) } ?? hidden
  }

  /// Vectors of all tokens after the last layer, `[tokens, hidden]`.
  ///
  /// Ids, segments and positions must lie within the configuration: ``ModelFolder/tokenizer()`` vouches for ids and
  /// segments, ``CrossEncoder`` and ``BiEncoder`` for the lengths.
  ///
  /// - Parameter joinLayer: First layer in which the two texts of a sequence attend to each other (``CrossEncoder/joinLayer``).
  public func callAsFunction(_ batch: TokenBatch, _ context: ForwardContext, joinLayer: Int = 0) -> Tensor {
    states(batch, context, joinLayer: joinLayer)
  }

  /// Vectors of each sequence's first token alone, `[sequences, hidden]`: the last layer computes no others.
  ///
  /// Without dropout they have the bits that they have among all tokens' vectors.
  public func firstTokens(_ batch: TokenBatch, _ context: ForwardContext, joinLayer: Int = 0) -> Tensor {
    firstTokens(batch, context, joinLayer: joinLayer, visiting: nil)
  }

  /// - Parameter visiting: As in ``states(_:_:joinLayer:rows:visiting:)``.
  func firstTokens(
    _ batch: TokenBatch, _ context: ForwardContext, joinLayer: Int, visiting: ((Int, Tensor) -> Void)?
  ) -> Tensor {
    let rows = Tensor(indices: batch.firstTokens, shape: [batch.sequenceCount])
    guard !layers.isEmpty else { return self(batch, context).indexSelect(rows) }
    return states(batch, context, joinLayer: joinLayer, rows: rows, visiting: visiting)
  }

  /// States after the last layer, of all tokens or of `rows`.
  ///
  /// - Parameter visiting: Called after each layer but the last with the number of layers so far and the states of all tokens.
  func states(
    _ batch: TokenBatch, _ context: ForwardContext, joinLayer: Int, rows: Tensor? = nil, visiting: ((Int, Tensor) -> Void)? = nil
  ) -> Tensor {
    var hidden = embedded(batch, context)
    let attention = EncoderAttention(configuration, batch, relativeBias: relativeBias, joinLayer: joinLayer)
    for (number, layer) in layers.enumerated() {
      if number > 0 { visiting?(number, hidden) }
      let rows = number == layers.count - 1 ? rows : nil
      guard context.isTraining && context.checkpointsActivations else {
        hidden = layer(hidden, attention, context, rows: rows)
        continue
      }
      let start = context.copy()
      hidden = checkpointed([hidden] + attention.shared, parameters: layer.parameters) { _ in
        layer(hidden, attention, context, rows: rows)
      } again: {
        layer($0[0], attention.reading($0.dropFirst()), start.copy(), rows: rows)
      }
    }
    return finalNorm.map { $0(hidden) } ?? hidden
  }

  /// What the layers below `layer` make of a batch without gradient, from `states` on or from the embeddings: the path that
  /// trains in parts, with the bits of the whole.
  func inferredStates(_ batch: TokenBatch, before layer: Int, from states: LayerStates?, joinLayer: Int) -> LayerStates {
    let first = states?.layer ?? 0
    precondition((first...layers.count).contains(layer), "layer \(layer) of \(layers.count)")
    return withoutGradients {
      var hidden = states.map { Tensor($0.values, shape: [batch.tokenCount, configuration.hiddenSize]) }
        ?? embedded(batch, .inference)
      let attention = EncoderAttention(configuration, batch, relativeBias: relativeBias, joinLayer: joinLayer)
      for number in first..<layer { hidden = layers[number](hidden, attention, .inference) }
      if layer == layers.count, first < layer, let finalNorm { hidden = finalNorm(hidden) }
      return LayerStates(layer: layer, values: hidden.floats())
    }
  }

  /// Trains the last `count` layers only; embeddings and the layers below become constants, and cost no backward pass.
  public func trainLastLayers(_ count: Int) {
    for parameter in parameters { parameter.isTrainable = false }
    for parameter in layers.suffix(max(0, count)).flatMap(\.parameters) { parameter.isTrainable = true }
  }

  /// Trains all weights but the embedding tables of words, positions and segments.
  public func freezeEmbeddings() {
    for table in tables { table.weight.isTrainable = false }
  }
}
