import GradusCore
import GradusData
import GradusFormats
import GradusModels
import GradusText

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Vectors of texts by a frozen encoder, computed once and kept under `$GRADUS_HOME/cache/vectors` by the digest of what they
/// follow from.
final class TextVectors {
  static let maximumTokens = 128

  private let base: ModelFolder
  private let digest: String
  private let home: DataHome
  private var encoder: BiEncoder?

  /// - Throws: The catalogue's errors for a model that is not on this machine.
  init(model: String, home: DataHome) throws {
    base = ModelFolder(path: try ModelCatalog(home: home).locate(model).folder)
    digest = try base.weightsDigest()
    self.home = home
  }

  /// A vector for each name.
  func vectors(_ texts: [(name: String, text: String)]) throws -> [String: [Float]] {
    guard !texts.isEmpty else { return [:] }
    let identity = [digest, "\(Self.maximumTokens)"] + texts.map { "\($0.name) \($0.text)" }
    let key = SHA256Digest.hex(of: Array(identity.joined(separator: "\n").utf8))
    let path = "\(home.cache)/vectors/\(key.prefix(24)).safetensors"
    if !FileManager.default.fileExists(atPath: path) {
      let limits = TokenLimits(maximumTokens: Self.maximumTokens)
      let model = try encoder ?? BiEncoder(folder: base, limits: limits).prepared(for: .fp32)
      encoder = model
      let progress = Progress("encoding", total: texts.count, unit: "texts")
      let rows = try model.encode(texts.map(\.text)) { progress.advance(by: $0) }.vectors
      progress.finish()
      try Folder.create("\(home.cache)/vectors")
      let writer = SafetensorsWriter(path: path, metadata: [:])
      writer.add("vectors", shape: [rows.count, model.dimension], floats: rows.flatMap { $0 })
      try writer.commit()
    }
    let file = try SafetensorsFile(path: path)
    let floats = try file.floats("vectors")
    let width = floats.count / max(1, texts.count)
    return Dictionary(uniqueKeysWithValues: texts.enumerated().map { ($1.name, Array(floats[$0 * width..<($0 + 1) * width])) })
  }
}
