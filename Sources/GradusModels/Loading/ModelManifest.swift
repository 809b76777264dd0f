#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusFormats
import GradusText

/// What a saved model says about itself: how to load it, and where it comes from.
///
/// Stands as `gradus.json` beside the weights. Enough to train the model again: base, data, recipe and seed.
public struct ModelManifest: Sendable, Equatable, Codable {
  public static let fileName = "gradus.json"
  /// The layout that this version writes.
  public static let currentFormat = 1

  enum CodingKeys: String, CodingKey {
    case format, architecture, base, baseDigest, recipe, seed, dataDigests, codeVersion, head, maximumTokens
    case maximumQueryTokens, truncation, windowStride, convKNRM, firstStageWeight, scoreScale, joinLayer, exits
  }

  /// Which scorer the folder holds.
  public enum Architecture: String, Sendable, Codable, CaseIterable {
    case crossEncoder = "cross-encoder"
    case convKNRM = "conv-knrm"
    case biEncoder = "bi-encoder"
  }

  /// A ``CrossEncoderExit``, whose weights stand with the others.
  public struct Exit: Sendable, Equatable, Codable {
    public var layer: Int
    public var calibration: ExitCalibration?
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
  /// What a cross-encoder does with a longer pair. Nil stands for `truncate`: folders without the entry were made with it.
  public var truncation: TruncationPolicy?
  /// Tokens from one window of a cross-encoder to the next; nil for half a window.
  public var windowStride: Int?
  /// Bi-encoders only: what their inner products are multiplied with.
  public var scoreScale: Double?
  /// First layer in which a cross-encoder's query and document attend to each other; nil for all layers.
  public var joinLayer: Int?
  /// Heads of a cross-encoder on layers before the last; nil for none.
  public var exits: [Exit]?
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

  /// - Throws: ``ModelError/missingFile(folder:name:)`` where the folder holds no saved model;
  ///   ``ModelError/manifest(file:reason:)``.
  public init(folder: ModelFolder) throws {
    let file = try folder.file(Self.fileName)
    struct Version: Decodable { let format: Int }
    do {
      let data = try folder.readData(file)
      let found = try JSONDecoder().decode(Version.self, from: data).format
      guard found == Self.currentFormat else {
        throw ModelError.manifest(
          file: file, reason: "format \(found) was written by another version; this one reads format \(Self.currentFormat)")
      }
      self = try JSONDecoder().decode(Self.self, from: data)
    } catch let error as DecodingError {
      throw ModelError.manifest(file: file, reason: describe(error))
    }
  }

  /// What a cross-encoder with `positions` positions reads of a pair.
  func tokenLimits(positions: Int, file: String) throws -> TokenLimits {
    let tokens = try required(maximumTokens, .maximumTokens, file: file)
    let queryTokens = try required(maximumQueryTokens, .maximumQueryTokens, file: file)
    for (name, value, limit) in [("maximumTokens", tokens, positions), ("maximumQueryTokens", queryTokens, Int.max)]
    where value < 1 || value > limit {
      throw ModelError.manifest(file: file, reason: "\(name) is \(value); the model takes \(positions) tokens")
    }
    if let windowStride, windowStride < 1 {
      throw ModelError.manifest(file: file, reason: "windowStride is \(windowStride), less than 1")
    }
    return TokenLimits(
      maximumTokens: tokens, maximumQueryTokens: queryTokens, policy: truncation ?? .truncate, windowStride: windowStride)
  }

  /// An entry that the architecture needs.
  func required<Value>(_ value: Value?, _ key: CodingKeys, file: String) throws -> Value {
    guard let value else {
      throw ModelError.manifest(file: file, reason: "key '\(key.rawValue)' is missing, which '\(architecture.rawValue)' needs")
    }
    return value
  }

  func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let output = try OutputFile(path: folder + "/" + Self.fileName)
    try output.write(String(decoding: encoder.encode(self), as: UTF8.self) + "\n")
    try output.commit()
  }
}
