import GradusCore
import GradusFormats
import GradusIndex
import GradusModels

extension EncoderFingerprint {
  /// The fingerprint of a sentence encoder as it makes the vectors of documents.
  ///
  /// Reads the weights once to name them by their SHA-256. What differs between queries and documents of one encoder is left out:
  /// prompts, the limit of tokens, and the precision of the arithmetic.
  public init(name: String, folder: ModelFolder, encoder: BiEncoder) throws {
    self.init(
      name: name, digest: try Self.digest(of: folder),
      settings: "\(encoder.pooling.rawValue) pooling, \(encoder.isNormalized ? "unit length" : "any length")")
  }

  /// SHA-256 of a folder's weights, of several files as one text.
  static func digest(of folder: ModelFolder, files: [String] = [ModelFolder.weightsName]) throws -> String {
    var digest = SHA256Digest()
    for file in files {
      let weights = try MappedFile(path: try folder.file(file))
      withExtendedLifetime(weights) { digest.update(weights.bytes) }
    }
    return digest.finish()
  }
}
