#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats

/// What a saved model says about itself: how to load it, and where it comes from.
///
/// Stands as `gradus.json` beside the weights. Enough to train the model again: base, data, recipe and seed.
public struct ModelManifest: Sendable, Equatable, Codable {
  public static let fileName = "gradus.json"
  /// The layout that this version writes.
  public static let currentFormat = 1

  public enum Architecture: String, Sendable, Codable, CaseIterable {
    case crossEncoder = "cross-encoder"
    case convKNRM = "conv-knrm"
  }

  public var format = Self.currentFormat
  public var architecture: Architecture
  /// Name or path of the model that training started from.
  public var base: String
  /// SHA-256 of that model's weights.
  public var baseDigest: String
  /// What the training was asked to do, option by option.
  public var recipe: [String: String]
  public var seed: UInt64
  /// SHA-256 of each data file, by its role.
  public var dataDigests: [String: String]
  public var codeVersion = GradusVersion.current
  /// Cross-encoders only.
  public var head: CrossEncoderHead?
  /// Tokens that a cross-encoder reads of a pair, specials included.
  public var maximumTokens: Int?
  public var maximumQueryTokens: Int?
  /// Conv-KNRM only.
  public var convKNRM: ConvKNRM.Options?

  /// Weight of the first stage's score that ranked the development queries best when added to the model's:
  /// `score = model + firstStageWeight * firstStage`. Nil where it was not tuned; 0 where the model did best alone.
  public var firstStageWeight: Double?

  public init(
    architecture: Architecture, base: String, baseDigest: String, recipe: [String: String] = [:], seed: UInt64,
    dataDigests: [String: String] = [:]
  ) {
    self.architecture = architecture
    self.base = base
    self.baseDigest = baseDigest
    self.recipe = recipe
    self.seed = seed
    self.dataDigests = dataDigests
  }

  /// - Throws: ``ModelError/missingFile(folder:name:)`` where the folder holds no saved model, ``ModelError/manifest(file:reason:)``.
  public init(folder: ModelFolder) throws {
    let file = try folder.file(Self.fileName)
    do {
      self = try JSONDecoder().decode(Self.self, from: try folder.readData(file))
    } catch let error as DecodingError {
      throw ModelError.manifest(file: file, reason: describe(error))
    }
    guard format == Self.currentFormat else {
      throw ModelError.manifest(
        file: file, reason: "format \(format) was written by another version; this one reads format \(Self.currentFormat)")
    }
  }

  func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let output = try OutputFile(path: folder + "/" + Self.fileName)
    try output.write(String(decoding: encoder.encode(self), as: UTF8.self) + "\n")
    try output.commit()
  }
}
