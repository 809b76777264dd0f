import GradusCore
import GradusFormats
import GradusTensor

extension BertEncoder {
  /// Loads the encoder of a Hugging Face folder of any ``EncoderFamily``: its tensor names, plain or behind the prefix of a
  /// class with a head, with `weight`/`bias` or the older `gamma`/`beta` of layer norms. Tensors outside the encoder (poolers,
  /// heads) are left alone; one among the layers that the configuration has no place for is an error.
  ///
  /// - Throws: ``ModelError`` that names the file and the tensor.
  public init(folder: ModelFolder) throws {
    let configuration = try folder.bertConfiguration()
    let names = configuration.family.tensorNames
    let source = try WeightSource(path: folder.file(ModelFolder.weightsName)).encoder(names)
    let width = configuration.hiddenSize, narrow = configuration.embeddingSize
    let hasBias = configuration.family != .modernbert
    let words = try source.embedding(
      names.words, as: "embeddings.word_embeddings", count: configuration.vocabularySize, width: narrow)
    let positions = try names.positions.map {
      try source.embedding(
        $0, as: "embeddings.position_embeddings", count: configuration.maximumPositions + configuration.positionOffset,
        width: narrow)
    }
    let segments = try names.segments.map {
      try source.embedding($0, as: "embeddings.token_type_embeddings", count: configuration.segmentCount, width: narrow)
    }
    let norm = try source.norm(
      names.embeddingNorm, as: "embeddings.LayerNorm", width: narrow, epsilon: configuration.layerNormEpsilon, hasBias: hasBias)
    let projection = narrow == width ? nil : try source.linear(
      names.projection, as: "embeddings_project", inputs: narrow, outputs: width)
    let bias = try names.relativeBias.map {
      try source.embedding(
        $0, as: "encoder.relative_attention_bias", count: BertConfiguration.relativeBuckets, width: configuration.headCount)
    }
    let layers = try (0..<configuration.layerCount).map { try BertLayer(number: $0, configuration, from: source) }
    let final = try names.finalNorm.map {
      try source.norm($0, as: "final_norm", width: width, epsilon: configuration.layerNormEpsilon, hasBias: hasBias)
    }
    try source.requireAllRead(under: names.layers)
    self.init(
      configuration: configuration, wordEmbeddings: words, positionEmbeddings: positions, segmentEmbeddings: segments,
      embeddingNorm: norm, embeddingProjection: projection, relativeBias: bias, layers: layers, finalNorm: final)
  }

  /// All weights under Hugging Face's names, with `prefix` before them: what ``init(folder:)`` reads.
  func exportedWeights(prefix: String = "") -> [NamedTensor] {
    let names = configuration.family.tensorNames
    var result: [NamedTensor] = []
    func export(_ parameters: [Parameter], _ name: String?) {
      guard let name else { return }
      for parameter in parameters {
        let suffix = parameter.name.split(separator: ".").last ?? ""
        result.append(NamedTensor("\(prefix)\(name).\(suffix)", parameter.value))
      }
    }
    export(wordEmbeddings.parameters, names.words)
    export(positionEmbeddings?.parameters ?? [], names.positions)
    export(segmentEmbeddings?.parameters ?? [], names.segments)
    export(embeddingNorm.parameters, names.embeddingNorm)
    export(embeddingProjection?.parameters ?? [], names.projection)
    export(relativeBias?.parameters ?? [], names.relativeBias)
    for (number, layer) in layers.enumerated() {
      let base = names.layers + "\(number)."
      let height = 3 * configuration.hiddenSize / names.attention.count
      for (position, part) in names.attention.enumerated() {
        for parameter in layer.projection.parameters {
          let suffix = parameter.shape.count == 2 ? "weight" : "bias"
          let slice = withoutGradients {
            parameter.value.slice(axis: 0, from: position * height, to: (position + 1) * height)
          }
          result.append(NamedTensor("\(prefix)\(base)\(part).\(suffix)", slice))
        }
      }
      export(layer.attentionOutput.parameters, base + names.attentionOutput)
      export(layer.attentionNorm?.parameters ?? [], base + names.attentionNorm)
      export(layer.intermediate.parameters, base + names.intermediate)
      export(layer.output.parameters, base + names.output)
      export(layer.outputNorm.parameters, base + names.outputNorm)
    }
    export(finalNorm?.parameters ?? [], names.finalNorm)
    return result
  }
}

extension BertLayer {
  init(number: Int, _ configuration: BertConfiguration, from source: WeightSource) throws {
    let names = configuration.family.tensorNames
    let base = names.layers + "\(number).", own = "encoder.layer.\(number)."
    let width = configuration.hiddenSize, inner = configuration.intermediateSize
    let epsilon = configuration.layerNormEpsilon
    let isModern = configuration.family == .modernbert
    let parts = try names.attention.map {
      try source.linear(base + $0, as: $0, inputs: width, outputs: 3 * width / names.attention.count, hasBias: !isModern)
    }
    func linear(_ name: String, _ part: String, _ inputs: Int, _ outputs: Int, _ activation: LinearActivation?) throws -> Linear {
      try source.linear(
        base + name, as: own + part, inputs: inputs, outputs: outputs, hasBias: !isModern, activation: activation)
    }
    func norm(_ name: String, _ part: String) throws -> EncoderNorm {
      try source.norm(base + name, as: own + part, width: width, epsilon: epsilon, hasBias: !isModern)
    }
    self.init(
      number: number, configuration,
      projection: Linear(
        own + "attention.qkv", weight: concatenated(parts.map(\.weight.value)),
        bias: isModern ? nil : concatenated(parts.compactMap(\.bias?.value))),
      attentionOutput: try linear(names.attentionOutput, "attention.output.dense", width, width, nil),
      attentionNorm: isModern && number == 0 ? nil : try norm(names.attentionNorm, "attention.output.LayerNorm"),
      intermediate: try linear(
        names.intermediate, "intermediate.dense", width, isModern ? 2 * inner : inner, isModern ? nil : .gelu),
      output: try linear(names.output, "output.dense", inner, width, nil),
      outputNorm: try norm(names.outputNorm, "output.LayerNorm"))
  }
}
