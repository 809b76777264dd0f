#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats
import GradusTensor

/// A trained ranker of features with what it says about itself; loading gives the saved one's scores to the bit.
///
///     try FeatureModel(.trees(trees), manifest: manifest).save(to: "my-trees")
///     let run = test.run(name: "mine", scores: try FeatureModel(path: "my-trees").scores(test))
///
/// A folder with `ltr.json` and `trees.json` (XGBoost's own format) or `model.safetensors`.
public struct FeatureModel {
  public static let manifestName = "ltr.json"
  static let treesName = "trees.json"

  /// What was trained.
  public enum Ranker {
    case trees(GradientBoostedTrees)
    case network(FeatureRanker)

    /// One score a row; higher is better.
    ///
    /// - Throws: ``FeatureModelError/features(expected:found:)``, ``XGBoostError``.
    public func scores(_ data: FeatureData) throws -> [Double] {
      switch self {
      case .trees(let trees): try trees.scores(data)
      case .network(let network): try network.scores(data)
      }
    }
  }

  /// Where a model comes from and how it is loaded.
  public struct Manifest: Sendable, Equatable, Codable {
    public static let currentFormat = 1

    /// Which ranker the folder holds.
    public enum Kind: String, Sendable, Codable { case trees, network }

    public var format = Self.currentFormat
    public internal(set) var kind: Kind
    public internal(set) var features: Int
    /// What the training was asked to do, option by option.
    public var recipe: [String: String]
    public var seed: UInt64
    /// SHA-256 of each data file, by its role.
    public var dataDigests: [String: String]
    public var codeVersion = GradusVersion.current
    /// Networks only.
    public internal(set) var network: FeatureRanker.Options?
    public internal(set) var transform: FeatureTransform?

    public init(recipe: [String: String], seed: UInt64, dataDigests: [String: String] = [:]) {
      kind = .trees
      features = 0
      self.recipe = recipe
      self.seed = seed
      self.dataDigests = dataDigests
    }
  }

  public let ranker: Ranker
  public let manifest: Manifest

  public init(_ ranker: Ranker, manifest: Manifest) {
    self.ranker = ranker
    var manifest = manifest
    switch ranker {
    case .trees(let trees):
      manifest.kind = .trees
      manifest.features = trees.features
    case .network(let network):
      manifest.kind = .network
      manifest.features = network.features
      manifest.network = network.options
      manifest.transform = network.transform
    }
    self.manifest = manifest
  }

  /// One score a row; higher is better.
  ///
  /// - Throws: ``FeatureModelError/features(expected:found:)``, ``XGBoostError``.
  public func scores(_ data: FeatureData) throws -> [Double] {
    try ranker.scores(data)
  }

  /// Writes the folder; the manifest comes last, so that a folder with one is complete.
  ///
  /// - Throws: `FileError`, ``XGBoostError``.
  public func save(to path: String) throws {
    try Folder.create(path)
    try? FileManager.default.removeItem(atPath: path + "/" + Self.manifestName)
    switch ranker {
    case .trees(let trees):
      let file = try OutputFile(path: path + "/" + Self.treesName)
      try file.write(try trees.encoded())
      try file.commit()
    case .network(let network):
      let weights = SafetensorsWriter(path: path + "/" + ModelFolder.weightsName, metadata: ["format": "pt"])
      for parameter in network.parameters {
        weights.add(parameter.name, shape: parameter.shape, floats: parameter.value.floats())
      }
      try weights.commit()
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let file = try OutputFile(path: path + "/" + Self.manifestName)
    try file.write(String(decoding: try encoder.encode(manifest), as: UTF8.self) + "\n")
    try file.commit()
  }

  /// - Throws: ``FeatureModelError``, ``ModelError``, ``XGBoostError``, `FileError`.
  public init(path: String) throws {
    let folder = ModelFolder(path: path), name = path + "/" + Self.manifestName
    guard folder.contains(Self.manifestName) else { throw FeatureModelError.noModel(folder: path) }
    let manifest: Manifest
    do {
      manifest = try JSONDecoder().decode(Manifest.self, from: try folder.readData(name))
    } catch let error as DecodingError {
      throw FeatureModelError.manifest(file: name, reason: describe(error))
    }
    guard manifest.format == Manifest.currentFormat else {
      throw FeatureModelError.manifest(
        file: name,
        reason: "format \(manifest.format) was written by another version; this one reads format \(Manifest.currentFormat)")
    }
    guard (1...1 << 24).contains(manifest.features) else {
      throw FeatureModelError.manifest(file: name, reason: "features is \(manifest.features), which no model has")
    }
    switch manifest.kind {
    case .trees:
      let bytes = try folder.readData(try folder.file(Self.treesName))
      ranker = .trees(try GradientBoostedTrees(decoding: Array(bytes), features: manifest.features))
    case .network:
      guard let options = manifest.network, let transform = manifest.transform else {
        throw FeatureModelError.manifest(file: name, reason: "a network needs 'network' and 'transform'")
      }
      if let reason = options.contradiction { throw FeatureModelError.manifest(file: name, reason: reason) }
      let expected = transform.kind.standardises ? manifest.features : 0
      guard transform.means.count == expected, transform.scales.count == expected else {
        throw FeatureModelError.manifest(file: name, reason: "the transform is not one of \(manifest.features) features")
      }
      let network = FeatureRanker(transform: transform, features: manifest.features, options: options, seed: 0)
      try WeightSource(path: try folder.file(ModelFolder.weightsName)).fill(network.parameters)
      ranker = .network(network)
    }
    self.manifest = manifest
  }
}
