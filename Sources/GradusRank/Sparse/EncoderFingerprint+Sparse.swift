import GradusCore
import GradusFormats
import GradusIndex
import GradusModels

extension EncoderFingerprint {
  /// The model that weights terms, by the SHA-256 of its weights.
  ///
  /// - Parameter settings: All else that decides what the weights mean.
  public static func weights(of folder: ModelFolder, name: String, settings: String) throws -> EncoderFingerprint {
    EncoderFingerprint(name: name, digest: try folder.weightsDigest(), settings: settings)
  }

  /// The terms that a model's tokenizer makes, by the SHA-256 of its file.
  ///
  /// - Throws: `ModelError.missingFile` where the folder has neither `tokenizer.json` nor `vocab.txt`.
  public static func vocabulary(of folder: ModelFolder, name: String) throws -> EncoderFingerprint {
    let file = (try? folder.file("vocab.txt")).flatMap { path in (try? folder.file("tokenizer.json")) == nil ? path : nil }
    return EncoderFingerprint(name: name, digest: try digest(try file ?? folder.file("tokenizer.json")), settings: "tokens")
  }

  private static func digest(_ path: String) throws -> String {
    var digest = SHA256Digest()
    let file = try MappedFile(path: path)
    withExtendedLifetime(file) { digest.update(file.bytes) }
    return digest.finish()
  }
}

extension ImpactIndex {
  /// Checks that a model's tokenizer makes the terms of the index, where the index knows how they were made.
  ///
  /// - Throws: `ImpactIndexError.vocabularyMismatch`.
  public func requireVocabulary(of folder: ModelFolder, name: String) throws {
    guard let expected = configuration.vocabulary else { return }
    let found = try EncoderFingerprint.vocabulary(of: folder, name: name)
    guard found.isCompatible(with: expected) else {
      throw ImpactIndexError.vocabularyMismatch(path: path, found: found, expected: expected)
    }
  }
}
