#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
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
    self.manifest.truncation = scorer.limits.policy
    self.manifest.windowStride = scorer.limits.windowStride
    self.manifest.joinLayer = scorer.joinLayer == 0 ? nil : scorer.joinLayer
    let exits = scorer.exits.map { ModelManifest.Exit(layer: $0.layer, calibration: $0.calibration) }
    self.manifest.exits = exits.isEmpty ? nil : exits
  }

  public init(scorer: ConvKNRM, manifest: ModelManifest) {
    self.scorer = scorer
    self.manifest = manifest
    self.manifest.architecture = .convKNRM
    self.manifest.convKNRM = scorer.options
  }

  public init(scorer: BiEncoder, manifest: ModelManifest) {
    self.scorer = scorer
    self.manifest = manifest
    self.manifest.architecture = .biEncoder
    self.manifest.scoreScale = scorer.scoreScale
    self.manifest.truncation = scorer.limits.policy
  }

  /// Loads a folder that ``save(to:tokenizerOf:)`` wrote, or a cross-encoder of transformers
  /// (``ModelFolder/isSequenceClassifier``), which has no manifest and reads all positions of its encoder.
  ///
  /// - Throws: ``ModelError``, `TokenizerError`, `SafetensorsError`: nothing that a file lacks is made up.
  public init(folder: ModelFolder) throws {
    if folder.isSequenceClassifier {
      let manifest = ModelManifest(architecture: .crossEncoder, base: folder.path, baseDigest: "", seed: 0)
      let model = try CrossEncoder(base: folder, head: .classifier, seed: 0)
      scorer = model
      self.manifest = RankingModel(scorer: model, manifest: manifest).manifest
      return
    }
    manifest = try ModelManifest(folder: folder)
    let manifestFile = try folder.file(ModelManifest.fileName)
    let source = try WeightSource(path: try folder.file(ModelFolder.weightsName))
    let tokenizer = try folder.tokenizer()
    switch manifest.architecture {
    case .biEncoder:
      // Pooling, prompts and the longest text stand in sentence-transformers' files, where other programs find them, too.
      var model = try BiEncoder(folder: folder)
      model.scoreScale = try manifest.required(manifest.scoreScale, .scoreScale, file: manifestFile)
      guard model.scoreScale.isFinite, model.scoreScale > 0 else {
        throw ModelError.manifest(file: manifestFile, reason: "scoreScale is \(model.scoreScale), which is not above 0")
      }
      model.limits.policy = manifest.truncation ?? .truncate
      scorer = model
    case .crossEncoder:
      let encoder = try BertEncoder(folder: folder)
      let head = try manifest.required(manifest.head, .head, file: manifestFile)
      let limits = try manifest.tokenLimits(positions: encoder.configuration.maximumPositions, file: manifestFile)
      if head == .classifier {
        let classifier = try SequenceClassifier(folder: folder, configuration: encoder.configuration)
        let model = CrossEncoder(encoder: encoder, tokenizer: tokenizer, classifier: classifier, limits: limits)
        scorer = try Self.completed(model, manifest, from: source, file: manifestFile)
        return
      }
      let model = CrossEncoder(encoder: encoder, tokenizer: tokenizer, head: head, limits: limits, seed: 0)
      try source.fill(model.headParameters)
      scorer = try Self.completed(model, manifest, from: source, file: manifestFile)
    case .convKNRM:
      let options = try manifest.required(manifest.convKNRM, .convKNRM, file: manifestFile)
      if let reason = options.contradiction { throw ModelError.manifest(file: manifestFile, reason: reason) }
      guard let shape = source.shape(ConvKNRM.embeddingsName) else {
        throw ModelError.missingTensor(file: source.path, name: ConvKNRM.embeddingsName)
      }
      guard shape.count == 2, shape[1] > 0 else {
        throw ModelError.shape(
          file: source.path, name: ConvKNRM.embeddingsName, expected: [tokenizer.vocabularySize, 1], found: shape)
      }
      try folder.check(tokenizer, vocabulary: shape[0])
      let model = ConvKNRM(
        embeddings: try source.tensor(ConvKNRM.embeddingsName, shape: shape), tokenizer: tokenizer, options: options, seed: 0)
      try source.fill(model.parameters)
      scorer = model
    }
  }

  /// A cross-encoder with the join layer and the exits that its manifest tells of.
  private static func completed(
    _ model: CrossEncoder, _ manifest: ModelManifest, from source: WeightSource, file: String
  ) throws -> CrossEncoder {
    let layers = model.encoder.configuration.layerCount, layer = manifest.joinLayer ?? 0
    guard (0...layers).contains(layer) else {
      throw ModelError.manifest(file: file, reason: "joinLayer is \(layer); the encoder has \(layers) layers")
    }
    let joined = try model.joined(at: layer)
    guard let exits = manifest.exits else { return joined }
    for exit in exits {
      if let known = exit.calibration, !(known.slope >= 0 && known.slope.isFinite && known.offset.isFinite) {
        throw ModelError.manifest(file: file, reason: "the exit after layer \(exit.layer) has the slope \(known.slope)")
      }
    }
    var result: CrossEncoder
    do {
      result = try joined.withExits(at: exits.map(\.layer), seed: 0)
    } catch {
      throw ModelError.manifest(file: file, reason: "exits: \(error)")
    }
    for number in exits.indices {
      try source.fill(result.exits[number].parameters)
      result.exits[number].calibration = exits[number].calibration
    }
    return result
  }

  /// Writes weights, configuration, tokenizer and manifest.
  ///
  /// An old manifest goes first and the new one comes last, so that a folder with one is complete and of one piece.
  ///
  /// - Parameter tokenizerOf: The folder whose tokenizer files are copied.
  /// - Throws: ``ModelError/missingFile(folder:name:)`` where that folder holds no tokenizer; `FileError`.
  public func save(to path: String, tokenizerOf base: ModelFolder) throws {
    let tokenizerFiles = try base.tokenizerFiles()
    try Folder.create(path)
    // Files of another model under these names would be taken for this one's.
    let own = [ModelManifest.fileName, ModelFolder.configurationName, "tokenizer.json", "vocab.txt", "tokenizer_config.json"]
    for name in own + SavedSentenceSettings.fileNames {
      try Self.removeFile(path + "/" + name)
    }
    let weights = SafetensorsWriter(path: path + "/" + ModelFolder.weightsName, metadata: ["format": "pt"])
    var tensors: [NamedTensor]
    switch scorer {
    case let model as CrossEncoder:
      let configuration = model.encoder.configuration
      if let classifier = model.classifier {
        // As transformers' own class has it, so that its loaders find the head, too.
        tensors = model.encoder.exportedWeights(prefix: configuration.family.tensorNames.prefix)
        tensors += classifier.exportedWeights(configuration.family)
        tensors += model.exits.flatMap(\.parameters).map { NamedTensor($0.name, $0.value) }
      } else {
        tensors = model.encoder.exportedWeights() + model.headParameters.map { NamedTensor($0.name, $0.value) }
      }
      try SavedConfiguration(
        configuration, className: model.classifier == nil ? "Model" : "ForSequenceClassification",
        classifier: model.classifier?.configurationEntries
      ).write(to: path)
    case let model as BiEncoder:
      tensors = model.encoder.exportedWeights()
      try SavedConfiguration(model.encoder.configuration).write(to: path)
      try SavedSentenceSettings(model).write(to: path)
    case let model as ConvKNRM:
      tensors = model.parameters.map { NamedTensor($0.name, $0.value) }
      tensors.append(NamedTensor(ConvKNRM.embeddingsName, model.vocabularyEmbeddings))
    default:
      preconditionFailure("\(type(of: scorer)) cannot be constructed as a ranking model")
    }
    for tensor in tensors { weights.add(tensor.name, shape: tensor.tensor.shape, floats: tensor.tensor.floats()) }
    try weights.commit()
    for (name, data) in tokenizerFiles {
      let output = try OutputFile(path: path + "/" + name)
      try output.write(Array(data))
      try output.commit()
    }
    try manifest.write(to: path)
  }

  private static func removeFile(_ path: String) throws {
    if unlink(path) != 0, errno != ENOENT { throw FileError(.remove, path: path, code: errno) }
  }
}

extension ConvKNRM {
  static let embeddingsName = "embeddings.weight"

  /// The embedding table without the zero row that stands right of a text's end.
  var vocabularyEmbeddings: Tensor { embeddings.slice(axis: 0, from: 0, to: embeddings.shape[0] - 1) }
}
