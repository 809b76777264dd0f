import GradusCore
import GradusFormats

/// SHA-256 of files, as manifests record them.
enum FileDigest {
  static func sha256(_ path: String) throws -> String {
    let file = try MappedFile(path: path)
    file.advise(.sequential)
    var digest = SHA256Digest()
    withExtendedLifetime(file) { digest.update(file.bytes) }
    return digest.finish()
  }
}
