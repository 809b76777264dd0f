import GradusIndex
import GradusModels

extension EncoderFingerprint {
  /// The fingerprint of a sentence encoder as it makes the vectors of documents.
  ///
  /// Reads the weights once, all shards of them, to name them by their SHA-256. What differs between queries and documents of
  /// one encoder is left out: prompts, the limit of tokens, and the precision of the arithmetic.
  public init(name: String, folder: ModelFolder, encoder: BiEncoder) throws {
    self.init(
      name: name, digest: try folder.weightsDigest(),
      settings: "\(encoder.pooling.rawValue) pooling, \(encoder.isNormalized ? "unit length" : "any length")")
  }
}
