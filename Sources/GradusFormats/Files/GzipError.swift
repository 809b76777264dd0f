import GradusCore

/// A compressed file that cannot be unpacked.
public struct GzipError: GradusError, Equatable {
  public enum Reason: Equatable, Sendable {
    /// The file ends in the middle of the compressed data, as an interrupted download does.
    case truncated
    /// The compressed data contradict themselves or their checksum.
    case corrupt
    /// The name ends in `.gz`, the content does not start as gzip does.
    case notGzip
    /// Something that is neither zero bytes nor another gzip member follows the compressed data.
    case trailingBytes
    /// Compressed by another program: `compress` (.Z), `bzip2`, `xz`, `zstd`.
    case otherCompression(String)
  }

  public let path: String
  public let reason: Reason

  public init(path: String, reason: Reason) {
    self.path = path
    self.reason = reason
  }

  public var failureKind: FailureKind { .badData }

  public var description: String {
    switch reason {
    case .truncated: "\(path): the gzip data end too early; fetch or compress the file again"
    case .corrupt: "\(path): the gzip data are damaged; fetch or compress the file again"
    case .notGzip: "\(path): named .gz but not gzip; rename the file if it is plain text"
    case .trailingBytes: "\(path): unknown bytes follow the gzip data; fetch or compress the file again"
    case .otherCompression(let program): "\(path): compressed with \(program); unpack it first, only gzip is read directly"
    }
  }
}
