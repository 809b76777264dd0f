import CNettle

/// SHA-256 of files, models and data, by Nettle.
///
///     SHA256Digest.hex(of: Array("abc".utf8))   // "ba7816bf 8f01cfea ..." without the spaces
public struct SHA256Digest {
  private var context = sha256_ctx()

  public init() { nettle_sha256_init(&context) }

  /// Adds bytes to those that the digest is of.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    nettle_sha256_update(&context, bytes.count, base.assumingMemoryBound(to: UInt8.self))
  }

  /// The digest as 64 lower-case hexadecimal digits; the value starts afresh afterwards.
  public mutating func finish() -> String {
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_SIZE))
    nettle_sha256_digest(&context, digest.count, &digest)
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// The digest as 64 lower-case hexadecimal digits.
  public static func hex(of bytes: [UInt8]) -> String {
    var digest = SHA256Digest()
    bytes.withUnsafeBytes { digest.update($0) }
    return digest.finish()
  }
}
