import GradusCore
import GradusFormats
import GradusTensor

extension BertEncoder {
  /// Loads the encoder of a Hugging Face folder: BERT's tensor names with any prefix that the usual classes give them
  /// (`bert.`, none), with `weight`/`bias` or the older `gamma`/`beta` of layer norms.
  ///
  /// - Throws: ``ModelError`` that names the file and the tensor.
  public init(folder: ModelFolder) throws {
    let configuration = try folder.bertConfiguration()
    let source = try WeightSource(path: folder.file(ModelFolder.weightsName))
    var generator = SeededGenerator(seed: 0)
    self.init(configuration, using: &generator)
    try load(from: source)
  }

  /// Replaces all weights by those of a file with Hugging Face's names.
  func load(from source: WeightSource) throws {
    for prefix in ["", "bert.", "encoder_model."] where source.contains(prefix + "embeddings.word_embeddings.weight") {
      return try load(from: source, prefix: prefix)
    }
    throw ModelError.missingTensor(file: source.path, name: "embeddings.word_embeddings.weight")
  }

  private func load(from source: WeightSource, prefix: String) throws {
    let width = configuration.hiddenSize
    for table in [wordEmbeddings, positionEmbeddings, segmentEmbeddings] {
      table.weight.value = try source.tensor(prefix + table.weight.name, shape: table.weight.shape)
    }
    try load(embeddingNorm, prefix + "embeddings.LayerNorm", from: source)
    for (number, layer) in layers.enumerated() {
      let base = prefix + "encoder.layer.\(number)."
      let parts = ["query", "key", "value"].map { base + "attention.self.\($0)." }
      layer.projection.weight.value = try concatenated(parts.map { try source.tensor($0 + "weight", shape: [width, width]) })
      layer.projection.bias?.value = try concatenated(parts.map { try source.tensor($0 + "bias", shape: [width]) })
      try load(layer.attentionOutput, base + "attention.output.dense", from: source)
      try load(layer.attentionNorm, base + "attention.output.LayerNorm", from: source)
      try load(layer.intermediate, base + "intermediate.dense", from: source)
      try load(layer.output, base + "output.dense", from: source)
      try load(layer.outputNorm, base + "output.LayerNorm", from: source)
    }
  }

  private func load(_ part: Linear, _ name: String, from source: WeightSource) throws {
    part.weight.value = try source.tensor(name + ".weight", shape: part.weight.shape)
    if let bias = part.bias { bias.value = try source.tensor(name + ".bias", shape: bias.shape) }
  }

  private func load(_ part: LayerNorm, _ name: String, from source: WeightSource) throws {
    let isOld = source.contains(name + ".gamma")
    part.weight.value = try source.tensor(name + (isOld ? ".gamma" : ".weight"), shape: part.weight.shape)
    part.bias.value = try source.tensor(name + (isOld ? ".beta" : ".bias"), shape: part.bias.shape)
  }

  /// All weights under Hugging Face's names, the joint projection taken apart: what ``load(from:)`` reads.
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
