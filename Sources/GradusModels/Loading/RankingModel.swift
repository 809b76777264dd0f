#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats
import GradusTensor
import GradusText

/// A saved pair scorer with its manifest: what training leaves and re-ranking loads.
///
///     try RankingModel(scorer: model, manifest: manifest).save(to: "my-ranker", tokenizerOf: base)
///     let again = try RankingModel(folder: ModelFolder(path: "my-ranker"))
///
/// A loaded model gives the saved one's scores to the bit.
public struct RankingModel {
  public let scorer: any PairScorer
  public var manifest: ModelManifest

  public init(scorer: CrossEncoder, manifest: ModelManifest) {
    self.scorer = scorer
    self.manifest = manifest
    self.manifest.architecture = .crossEncoder
    self.manifest.head = scorer.head
    self.manifest.maximumTokens = scorer.limits.maximumTokens
    self.manifest.maximumQueryTokens = scorer.limits.maximumQueryTokens
  }

  public init(scorer: ConvKNRM, manifest: ModelManifest) {
    self.scorer = scorer
    self.manifest = manifest
    self.manifest.architecture = .convKNRM
    self.manifest.convKNRM = scorer.options
  }

  /// Loads a folder that ``save(to:tokenizerOf:)`` wrote.
  public init(folder: ModelFolder) throws {
    manifest = try ModelManifest(folder: folder)
    let source = try WeightSource(path: try folder.file(ModelFolder.weightsName))
    let tokenizer = try folder.tokenizer()
    switch manifest.architecture {
    case .crossEncoder:
      var limits = TokenLimits(maximumTokens: manifest.maximumTokens ?? 512)
      limits.maximumQueryTokens = manifest.maximumQueryTokens ?? limits.maximumQueryTokens
      let model = CrossEncoder(
        encoder: try BertEncoder(folder: folder), tokenizer: tokenizer, head: manifest.head ?? .cls, limits: limits, seed: 0)
      try source.fill(model.headParameters)
      scorer = model
    case .convKNRM:
      guard let shape = source.shape(ConvKNRM.embeddingsName), shape.count == 2 else {
        throw ModelError.missingTensor(file: source.path, name: ConvKNRM.embeddingsName)
      }
      let model = ConvKNRM(
        embeddings: try source.tensor(ConvKNRM.embeddingsName, shape: shape), tokenizer: tokenizer,
        options: manifest.convKNRM ?? ConvKNRM.Options(), seed: 0)
      try source.fill(model.parameters)
      scorer = model
    }
  }

  /// Writes weights, configuration, tokenizer and manifest; the manifest last, so that a folder with one is complete.
  ///
  /// - Parameter tokenizerOf: The folder whose tokenizer files are copied.
  public func save(to path: String, tokenizerOf base: ModelFolder) throws {
    try Folder.create(path)
    let weights = SafetensorsWriter(path: path + "/" + ModelFolder.weightsName, metadata: ["format": "pt"])
    var tensors: [NamedTensor]
    switch scorer {
    case let model as CrossEncoder:
      tensors = model.encoder.exportedWeights() + model.headParameters.map { NamedTensor($0.name, $0.value) }
      try model.encoder.configuration.write(to: path)
    case let model as ConvKNRM:
      tensors = model.parameters.map { NamedTensor($0.name, $0.value) }
      tensors.append(NamedTensor(ConvKNRM.embeddingsName, model.vocabularyEmbeddings))
    default:
      preconditionFailure("\(type(of: scorer)) cannot be constructed as a ranking model")
    }
    for tensor in tensors { weights.add(tensor.name, shape: tensor.tensor.shape, floats: tensor.tensor.floats()) }
    try weights.commit()
    for name in ["tokenizer.json", "vocab.txt", "tokenizer_config.json"] where (try? base.file(name)) != nil {
      let output = try OutputFile(path: path + "/" + name)
      try output.write(try base.readData(try base.file(name)).withUnsafeBytes { Array($0) })
      try output.commit()
    }
    try manifest.write(to: path)
  }
}

extension WeightSource {
  /// Replaces the values of `parameters` by the tensors of their names.
  func fill(_ parameters: [Parameter]) throws {
    for parameter in parameters { parameter.value = try tensor(parameter.name, shape: parameter.shape) }
  }

  func shape(_ name: String) -> [Int]? { info(name)?.shape }
}

extension ConvKNRM {
  static let embeddingsName = "embeddings.weight"

  /// The embedding table without the zero row that stands right of a text's end.
  var vocabularyEmbeddings: Tensor { embeddings.slice(axis: 0, from: 0, to: embeddings.shape[0] - 1) }
}

extension BertConfiguration {
  /// Writes `config.json` so that Hugging Face's loaders find their way, too.
  func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    var text = String(decoding: try encoder.encode(self), as: UTF8.self)
    text = "{\"architectures\":[\"BertModel\"],\"model_type\":\"bert\"," + text.dropFirst() + "\n"
    let output = try OutputFile(path: folder + "/" + ModelFolder.configurationName)
    try output.write(text)
    try output.commit()
  }
}
