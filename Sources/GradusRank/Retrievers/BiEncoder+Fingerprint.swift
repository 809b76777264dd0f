import GradusCore
import GradusFormats
import GradusIndex
import GradusModels

extension EncoderFingerprint {
  /// The fingerprint of a sentence encoder as it makes the vectors of documents.
  ///
  /// Reads the weights once to name them by their SHA-256. The precision of the arithmetic is left out: fp32 queries may be asked of
  /// documents that were encoded in int8.
  ///
  /// - Parameter documentPrompt: What goes before documents.
  public init(name: String, folder: ModelFolder, encoder: BiEncoder, documentPrompt: PromptChoice = .document) throws {
    var digest = SHA256Digest()
    digest.update(try MappedFile(path: try folder.file(ModelFolder.weightsName)).bytes)
    let prompt = try encoder.prompts.text(documentPrompt)
    self.init(
      name: name, digest: digest.finish(),
      settings: "\(encoder.pooling) pooling, \(encoder.isNormalized ? "unit length" : "as it comes"), "
        + "\(encoder.limits.maximumTokens) tokens" + (prompt.isEmpty ? "" : ", prompt '\(prompt)'"))
  }
}
