/// What made the vectors of an index: vectors of different encoders, or of one encoder used in two ways, have nothing to say to
/// each other and are never mixed.
///
///     let fingerprint = EncoderFingerprint(name: "minilm-l6", digest: "53aa5117...", settings: "mean, unit length")
public struct EncoderFingerprint: Sendable, Hashable, Codable, CustomStringConvertible {
  /// For people; two names with one digest are the same encoder.
  public let name: String
  /// Of the weights: SHA-256 in hexadecimal digits, or any text that no other encoder has.
  public let digest: String
  /// All else that decides what vectors mean: pooling, normalisation.
  public let settings: String

  public init(name: String, digest: String, settings: String = "") {
    self.name = name
    self.digest = digest
    self.settings = settings
  }

  /// Whether vectors of the two may stand in one index.
  public func isCompatible(with other: EncoderFingerprint) -> Bool { digest == other.digest && settings == other.settings }

  public var description: String {
    let digits = digest.count > 12 ? digest.prefix(12) + "..." : digest[...]
    return "\(name) (\(digits)\(settings.isEmpty ? "" : "; " + settings))"
  }
}
