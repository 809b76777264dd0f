import GradusCore
import GradusFormats
import GradusTensor

extension BertEncoder {
  /// Loads the encoder of a Hugging Face folder: BERT's tensor names, plain or behind `bert.`, with `weight`/`bias` or the
  /// older `gamma`/`beta` of layer norms. Other tensors of the file (poolers, heads) are left alone.
  ///
  /// - Throws: ``ModelError`` that names the file and the tensor.
  public init(folder: ModelFolder) throws {
    let configuration = try folder.bertConfiguration()
    let source = try WeightSource(path: folder.file(ModelFolder.weightsName)).bert()
    let width = configuration.hiddenSize
    self.init(
      configuration: configuration,
      wordEmbeddings: try source.embedding(
        "embeddings.word_embeddings", count: configuration.vocabularySize, width: width),
      positionEmbeddings: try source.embedding(
        "embeddings.position_embeddings", count: configuration.maximumPositions, width: width),
      segmentEmbeddings: try source.embedding(
        "embeddings.token_type_embeddings", count: configuration.segmentCount, width: width),
      embeddingNorm: try source.layerNorm("embeddings.LayerNorm", width: width, epsilon: configuration.layerNormEpsilon),
      layers: try (0..<configuration.layerCount).map {
        try BertLayer("encoder.layer.\($0)", configuration, from: source)
      })
  }

  /// All weights under Hugging Face's names, the joint projection taken apart: what ``init(folder:)`` reads.
  func exportedWeights() -> [NamedTensor] {
    let width = configuration.hiddenSize
    var result = [wordEmbeddings, positionEmbeddings, segmentEmbeddings].map { NamedTensor($0.weight.name, $0.weight.value) }
    func export(_ parameters: [Parameter]) { result += parameters.map { NamedTensor($0.name, $0.value) } }
    export(embeddingNorm.parameters)
    for (number, layer) in layers.enumerated() {
      for (position, part) in ["query", "key", "value"].enumerated() {
        let base = "encoder.layer.\(number).attention.self.\(part)."
        for parameter in layer.projection.parameters {
          let suffix = parameter.shape.count == 2 ? "weight" : "bias"
          let slice = withoutGradients {
            parameter.value.slice(axis: 0, from: position * width, to: (position + 1) * width)
          }
          result.append(NamedTensor(base + suffix, slice))
        }
      }
      export(layer.attentionOutput.parameters + layer.attentionNorm.parameters)
      export(layer.intermediate.parameters + layer.output.parameters + layer.outputNorm.parameters)
    }
    return result
  }
}

extension BertLayer {
  init(_ name: String, _ configuration: BertConfiguration, from source: WeightSource) throws {
    let width = configuration.hiddenSize, inner = configuration.intermediateSize
    let epsilon = configuration.layerNormEpsilon
    let parts = try ["query", "key", "value"].map {
      try source.linear("\(name).attention.self.\($0)", inputs: width, outputs: width)
    }
    self.init(
      configuration,
      projection: Linear(
        "\(name).attention.qkv", weight: concatenated(parts.map(\.weight.value)),
        bias: concatenated(parts.compactMap(\.bias?.value))),
      attentionOutput: try source.linear("\(name).attention.output.dense", inputs: width, outputs: width),
      attentionNorm: try source.layerNorm("\(name).attention.output.LayerNorm", width: width, epsilon: epsilon),
      intermediate: try source.linear("\(name).intermediate.dense", inputs: width, outputs: inner, activation: .gelu),
      output: try source.linear("\(name).output.dense", inputs: inner, outputs: width),
      outputNorm: try source.layerNorm("\(name).output.LayerNorm", width: width, epsilon: epsilon))
  }
}
